"""A cohort's genotypes as a matrix, for analyses that look at all samples at once.

Only what every sample was called at is taken: so a copy that nobody saw is a reference copy, never a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

_CHOSEN = """
    SELECT contig, position, ref, alt
    FROM cohort_allele_frequency
    WHERE length(ref) = 1 AND length(alt) = 1
        AND replace(contig, 'chr', '') NOT IN ('X', 'Y', 'M', 'MT')
        AND allele_number = 2 * (SELECT count(*) FROM dim_sample)
        AND allele_frequency BETWEEN $1 AND 1 - $1
"""
_NUMBERED = f"""
    WITH chosen AS ({_CHOSEN}),
    alleles AS (SELECT *, row_number() OVER (ORDER BY contig, position, ref, alt) - 1 AS allele FROM chosen),
    people AS (SELECT sample_id, row_number() OVER (ORDER BY sample_id) - 1 AS person FROM dim_sample)
    SELECT person, allele, copies
    FROM fct_call JOIN alleles USING (contig, position, ref, alt) JOIN people USING (sample_id)
"""
Place = tuple[str, int, str, str]
"""Contig, 1-based position, reference and alternate bases."""


@dataclass(frozen=True)
class CommonGenotypes:
    """Genotypes of all samples at the alleles that are not rare and were called in everybody.

    Attributes:
        samples: ids, in order.
        alleles: in the order of places.
        copies: float32, samples by alleles: copies of the alternate allele, 0 to 2.
    """

    samples: tuple[str, ...]
    alleles: tuple[Place, ...]
    copies: npt.NDArray[np.float32]

    def apart(self, bases: int) -> CommonGenotypes:
        """Only such alleles as lie at least so many bases behind the last one taken: neighbours tell the same."""
        kept, last = [], dict[str, int]()
        for number, (contig, position, *_) in enumerate(self.alleles):
            if contig not in last or position - last[contig] >= bases:
                kept.append(number)
                last[contig] = position
        return CommonGenotypes(self.samples, tuple(self.alleles[number] for number in kept), self.copies[:, kept])


def common_genotypes(db: duckdb.DuckDBPyConnection, least_frequency: float) -> CommonGenotypes:
    """Genotypes of the autosomal SNPs at which every sample was called.

    Args:
        db: a connection with the cohort's tables ``dim_sample``, ``fct_call`` and ``cohort_allele_frequency``.
        least_frequency: of the rarer allele, above 0.
    """
    samples = [name for (name,) in db.execute("SELECT sample_id FROM dim_sample ORDER BY sample_id").fetchall()]
    alleles = db.execute(f"{_CHOSEN} ORDER BY contig, position, ref, alt", [least_frequency]).fetchall()
    copies = np.zeros((len(samples), len(alleles)), np.float32)
    rows = db.execute(_NUMBERED, [least_frequency]).fetchnumpy()
    copies[rows["person"], rows["allele"]] = rows["copies"]
    return CommonGenotypes(tuple(samples), tuple(alleles), copies)
