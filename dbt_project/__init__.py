"""The cohort tables as a dbt project: SQL models and their tests. No Python lives here; what dbt is
told of tables and columns is written by ``python -m engine.cohort.dbt_yaml``.

It is a package so that it is found wherever the platform is installed; dbt is told to write elsewhere.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""The project's folder, which is also that of its profile."""
