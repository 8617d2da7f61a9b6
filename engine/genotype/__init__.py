"""From gVCF to VCF: genotypes of one or many samples, filters, and what the result looks like as a whole."""

FILTER_SETS = ("default", "gatk-hard-filters")
"""Names of the filters of calls with GATK's annotations (:mod:`engine.genotype.filter`); the first is the default."""
