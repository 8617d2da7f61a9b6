"""Our haplotype caller: the calls of GATK HaplotypeCaller from numba kernels that release the GIL.

A room for each step of the work, in this order:

1. :mod:`.reads`: records of an alignment file become columns, filtered, down-sampled and clipped to what is evidence;
2. :mod:`.activity`: how likely each position differs from the reference, and the regions cut from that;
3. :mod:`.assembly`: a region's reads become a graph of k-mers, its likeliest paths haplotypes;
4. :mod:`.trimming`: what the haplotypes change, and the part of the region that is worth genotyping;
5. :mod:`.likelihood`: how probable each read is given each haplotype, and where reads lie by that;
6. :mod:`.genotype`: alleles, genotypes, qualities, annotations and phase of each site;
7. :mod:`.reference_model`: how surely every position without a call is reference;
8. :mod:`.records`: calls and reference blocks as lines of VCF.

What several steps work with is in :mod:`.columns` (reads and haplotypes as arrays), :mod:`.numerics` (GATK's
arithmetic) and :mod:`.alignment` (CIGARs, Smith-Waterman). :mod:`.windows` plans the work and spreads it over cores,
:mod:`.caller` is the whole as one call, :mod:`.gather` joins shards. A room with a module of kernels has plain Python
in front of it. Nothing here knows of samples' families, of filters on finished calls or of where files are published.
"""
