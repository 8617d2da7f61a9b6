"""What a sample contributes to the cohort, and the cohort tables that come of it.

Rows are computed here; where they are kept is the warehouse's business (``resources/warehouse.py``), how they are
joined is said in ``dbt_project/``.
"""
