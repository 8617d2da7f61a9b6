"""How probable reads are given haplotypes: the pair HMM, its inputs, and reads realigned by its answer.

Nothing here knows of alleles or genotypes. Specification 10.
"""
