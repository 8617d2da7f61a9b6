"""The engine beside its peers on the same reads: what each step costs and what each caller finds.

``python -m benchmarks`` simulates reads of a real genome's known variants, runs BWA, samtools, GATK, freebayes,
bcftools and the engine on them, and prints a table and ratios of one run; the same is written as JSON. Peers that
are not installed are left out and named. Nothing here is part of the platform.
"""
