"""Whether two variants of a gene lie on the same chromosome: by the caller's phase sets, else by the parents.

>>> one = {"phase_set": "5", "haplotypes": [0], "zygosity": "heterozygous", "contig": "20", "origin": "unknown"}
>>> phase_of(one, one | {"haplotypes": [1]})
Phase(phase='trans', basis='phase set')
>>> phase_of(one | {"origin": "maternal"}, one | {"phase_set": None, "origin": "paternal"})
Phase(phase='trans', basis='parents')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Phase:
    """How two variants lie to each other.

    Attributes:
        phase: ``trans`` on different chromosomes, ``cis`` on the same, ``unknown``.
        basis: ``phase set`` or ``parents``; absent where it is not known.
    """

    phase: str
    basis: str | None


@dataclass(frozen=True)
class Parents:
    """The alleles that the parents carry; absent for a parent who was not sequenced."""

    father: frozenset[str] | None
    mother: frozenset[str] | None

    def origin(self, allele: str) -> str:
        """``paternal`` or ``maternal`` where both parents are known and only one carries it; else ``unknown``.

        With one parent only, an allele that this parent lacks may be new as well as from the other.
        """
        if self.father is None or self.mother is None:
            return "unknown"
        carried = (allele in self.father, allele in self.mother)
        return {(True, False): "paternal", (False, True): "maternal"}.get(carried, "unknown")


def read_parents(father: Path | None, mother: Path | None) -> Parents:
    """The passing alleles in the parents' annotated tables."""
    return Parents(_alleles(father), _alleles(mother))


def _alleles(annotated: Path | None) -> frozenset[str] | None:
    if annotated is None:
        return None
    import duckdb

    with duckdb.connect() as db:
        rows = db.execute(
            "SELECT allele FROM read_parquet(?) WHERE clinvar_classification IN ('pathogenic', 'likely_pathogenic')",
            [str(annotated)],
        ).fetchall()
    return frozenset(allele for (allele,) in rows)


def phase_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> Phase:
    """How two rows of the annotated table, with ``zygosity`` and ``origin``, lie to each other.

    A homozygous variant is in trans with any other variant of the gene.
    """
    if "homozygous" in (one["zygosity"], other["zygosity"]):
        return Phase("trans", None)
    if one["phase_set"] and one["phase_set"] == other["phase_set"] and one["contig"] == other["contig"]:
        same = one["haplotypes"] == other["haplotypes"]
        return Phase("cis" if same else "trans", "phase set")
    if "unknown" not in (one["origin"], other["origin"]):
        return Phase("cis" if one["origin"] == other["origin"] else "trans", "parents")
    return Phase("unknown", None)
