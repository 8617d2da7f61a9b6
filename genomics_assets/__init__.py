"""The Dagster code location: which artifacts exist, when they are made, and what must hold before they are used.

Nothing here computes: assets bind the engine's ops, checks show the gate's verdicts, sensors and jobs say when.
"""
