"""CIGARs and Smith-Waterman, as assembly, trimming and realignment use them. Specification 8.

Sequences on sequences; knows neither reads of a file nor regions.
"""
