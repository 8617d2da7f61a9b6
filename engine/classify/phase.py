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
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.call.gvcf import is_called
from engine.duckdb_paths import as_pattern
from engine.reference.intervals import Interval


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
class Parent:
    """What is known of a parent who was sequenced.

    Attributes:
        annotated: Parquet of the annotated variants.
        gvcf: with index; it tells an allele that is not there from a place that was not seen.
    """

    annotated: Path
    gvcf: Path

    @cached_property
    def alleles(self) -> frozenset[str]:
        """The pathogenic alleles called, whether or not the call passed: a doubtful one is not an absent one."""
        import duckdb

        with duckdb.connect() as db:
            table = db.read_parquet(as_pattern(self.annotated))
            pathogenic = table.filter("clinvar_classification IN ('pathogenic', 'likely_pathogenic')")
            rows = pathogenic.project("allele").fetchall()
        return frozenset(allele for (allele,) in rows)

    def carries(self, allele: str, at: Interval) -> bool | None:
        """Whether the parent has the allele, ``None`` where too little was seen to say no."""
        if allele in self.alleles:
            return True
        return False if is_called(self.gvcf, at) else None


def origin(allele: str, at: Interval, father: Parent | None, mother: Parent | None) -> str:
    """``paternal`` or ``maternal`` where one parent carries the allele and the other was seen not to; else ``unknown``.

    With one parent only, an allele that this parent lacks may be new as well as from the other.
    """
    if father is None or mother is None:
        return "unknown"
    match father.carries(allele, at), mother.carries(allele, at):
        case True, False:
            return "paternal"
        case False, True:
            return "maternal"
    return "unknown"


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
