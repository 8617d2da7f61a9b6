"""Notebooks over the cohort's tables, plain files that a scientist opens and changes. No Python lives here: they are
run as assets by ``engine/ops/notebooks.py``.

It is a package so that they are found wherever the platform is installed.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""Where the notebooks are."""
