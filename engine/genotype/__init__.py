"""From gVCF to VCF: genotypes of one or many samples, hard filters, and what the result looks like as a whole."""
