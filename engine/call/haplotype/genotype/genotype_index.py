"""The order in which the VCF specification lists genotypes (section 1.6.2, GL), for any ploidy.

>>> genotype_counts(2, 3).tolist()
[[2, 0, 0], [1, 1, 0], [0, 2, 0], [1, 0, 1], [0, 1, 1], [0, 0, 2]]
>>> genotype_alleles(2, 3)[4]
(1, 2)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=256)
def genotype_alleles(ploidy: int, alleles: int) -> tuple[tuple[int, ...], ...]:
    """Every genotype as ascending allele indices, in VCF order."""
    every = combinations_with_replacement(range(alleles), ploidy)
    return tuple(sorted(every, key=lambda genotype: genotype[::-1]))


@lru_cache(maxsize=256)
def genotype_counts(ploidy: int, alleles: int) -> NDArray[np.int64]:
    """int64[genotypes, alleles], how many copies of each allele a genotype has; not to be written to."""
    counts = np.zeros((len(genotype_alleles(ploidy, alleles)), alleles), np.int64)
    for row, genotype in enumerate(genotype_alleles(ploidy, alleles)):
        for allele in genotype:
            counts[row, allele] += 1
    return counts


@lru_cache(maxsize=1024)
def genotypes_of_subset(ploidy: int, alleles: int, kept: tuple[int, ...]) -> NDArray[np.int64]:
    """Index, among the genotypes of ``alleles``, of each genotype of only the ``kept`` ones, in VCF order of these."""
    place = {genotype: index for index, genotype in enumerate(genotype_alleles(ploidy, alleles))}
    of_subset = genotype_alleles(ploidy, len(kept))
    return np.array([place[tuple(sorted(kept[allele] for allele in genotype))] for genotype in of_subset])
