"""The seam between Dagster and the engine: one contract for each artifact, and what the contract hands to the engine.

- ``services``: what the ops need of the places where data lives, as typed protocols; ``resources`` provides them.
- ``artifact``: the contract. A function's parameters say what an artifact is made from; everything else derives from
  that one declaration, and what is not declared cannot be opened.
- ``inputs``: the kinds of things a parameter may ask for, and how each is opened.
- ``dagster_op``: the one place where a contract becomes a Dagster op.
- one module a stage (``knowledge``, ``reads``, ``alignment``, ``calls``, ``annotation``, ``interpretation``,
  ``report``, ``cohort``): the artifacts themselves. They know neither Dagster nor where anything lives.

Which of them a deployment has is said in ``genomics_assets/artifacts.py``.
"""
