"""From a region's reads to haplotypes: k-mers, threading graph, sequence graph, likeliest paths, their CIGARs.

Kernels only, one module for each step of a graph's life; which of the haplotypes' changes matter is decided in
:mod:`engine.call.haplotype.trimming`. Specification 7.
"""
