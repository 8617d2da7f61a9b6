"""Polygenic scores: many variants of small effect, added up.

``scoring_file.py`` reads the PGS Catalog's files, ``dosages.py`` the genotypes at their places, ``score.py`` adds up,
``distribution.py`` says where a sum lies among people. What a sum means for one person is said only beside the
distribution of the same score in people like them.
"""
