"""How results are computed: pure genomics, one folder per step of the analysis.

Nothing here knows of Dagster (except ``ops.py``), of a cloud, of where data lives or of who the patient is.
A function takes paths and values, writes the files it was told to write, and returns what it measured.
"""
