"""From likelihoods of reads to calls: sites, alleles, genotypes, qualities, annotations, phase.

Allele frequencies and the order of genotypes serve the genotyping of gVCFs too (:mod:`engine.genotype`). How calls are
printed is decided in :mod:`engine.call.haplotype.records`. Specification 11-13.
"""
