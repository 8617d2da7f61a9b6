"""Whether a measured artifact is good enough: the threshold table and its evaluation.

Measuring is the business of the stage that makes the artifact; refusing to go on is the gate's (``resources/gate.py``).
"""
