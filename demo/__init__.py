"""The demo family: a small real reference, six people, and reads simulated from them.

Nothing outside ``make demo`` and the tests uses this package; the platform does not know that it is being shown.
"""
