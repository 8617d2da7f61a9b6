"""Analyses of a cohort's genotypes: structure, frequencies, association, rare variants, survival.

What is computed here is told by matrices of genotypes and vectors of persons; who they are is not known here.
"""
