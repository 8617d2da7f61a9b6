"""The cohort tables as a dbt project: SQL models, their tests, and what each column means. No Python lives here.

It is a package so that it is found wherever the platform is installed; dbt is told to write elsewhere.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""The project's folder, which is also that of its profile."""
