"""Our haplotype caller: the calls of GATK HaplotypeCaller from numba kernels that release the GIL.

The order of work, one module (and where it is large, one kernel file) each: reads, activity, regions,
finalization, assembly, trimming, likelihoods, genotyping, reference confidence, gVCF blocks, records; the
caller module strings them together on threads. Nothing here knows of samples' families, of filters on finished
calls or of where files are published.
"""
