"""Annotation: from a sample's called variants to what each means for genes, proteins and known conditions.

Normalised alleles, consequences by transcript, HGVS names and what ClinVar says of exactly this allele. What follows
for the person is the business of :mod:`engine.classify`.
"""
