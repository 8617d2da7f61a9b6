"""Whether two variants of a gene lie on the same chromosome: by phase sets, by the genotype, else by the parents.

What the parents tell of a single variant is in :mod:`engine.classify.origin`.

>>> one = {"phase_set": "5", "haplotypes": [0], "zygosity": "heterozygous", "contig": "20", "origin": "unknown"}
>>> one |= {"position": 7, "ref": "A", "alt": "C"}
>>> phase_of(one, one | {"position": 9, "haplotypes": [1]})
Phase(phase='trans', basis='phase set')
>>> phase_of(one | {"origin": "maternal"}, one | {"position": 9, "phase_set": None, "origin": "paternal"})
Phase(phase='trans', basis='parents')
>>> phase_of(one, one | {"alt": "G", "phase_set": None})
Phase(phase='trans', basis='genotype')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.annotate.clinvar import LOW_PENETRANCE, PATHOGENIC
from engine.annotate.edit import trimmed
from engine.call.gvcf import gvcf_columns, is_called
from engine.duckdb_paths import as_pattern
from engine.reference.intervals import Interval

TOLD = (*PATHOGENIC, *LOW_PENETRANCE)
"""ClinVar's classifications that are looked for."""


@dataclass(frozen=True)
class Phase:
    """How two variants lie to each other.

    Attributes:
        phase: ``trans`` on different chromosomes, ``cis`` on the same, ``unknown``.
        basis: ``phase set``, ``parents`` or ``genotype`` (two alternates of one site); absent where it is not known.
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
        """What was called that ClinVar knows as pathogenic, alone, combined or as a part of what was called.

        Whether or not the call passed: a doubtful one is not an absent one.
        """
        import duckdb

        with duckdb.connect() as db:
            table = db.read_parquet(as_pattern(self.annotated))
            known = f"clinvar_classification IN {TOLD} OR len(compounds) > 0 OR len(known_parts) > 0"
            rows = table.filter(known).project("allele, compounds, known_parts").fetchall()
        combined = (one for _, wholes, parts in rows for one in (*(wholes or ()), *(parts or ())))
        beside = (one["allele"] for one in combined if one["phased"])
        return frozenset(beside) | {allele for allele, _, _ in rows}

    def carries(self, allele: str, at: Interval) -> bool | None:
        """Whether the parent has the allele, ``None`` where too little was seen to say no."""
        if allele in self.alleles:
            return True
        return False if is_called(self.gvcf, at) else None

    def carries_together(self, allele: str, members: Sequence[str], contig: str) -> bool | None:
        """Whether the parent has an allele that several calls make; ``None`` also where these may lie apart."""
        if allele in self.alleles:
            return True
        called = self._called(members)
        absent = (_span(member, contig) for member in members if member not in called)
        return False if any(is_called(self.gvcf, at) for at in absent) else None

    def has(self, member: str, contig: str) -> bool | None:
        """Whether the parent has any allele by its key, ``None`` where too little was seen to say no."""
        if self._called([member]):
            return True
        return False if is_called(self.gvcf, _span(member, contig)) else None

    def _called(self, alleles: Sequence[str]) -> frozenset[str]:
        import duckdb

        with duckdb.connect() as db:
            asked = duckdb.ColumnExpression("allele").isin(*map(duckdb.ConstantExpression, alleles))
            rows = db.read_parquet(as_pattern(self.annotated)).filter(asked).project("allele").fetchall()
        return frozenset(allele for (allele,) in rows)

    def certainty(self, at: Interval) -> str:
        """Least genotype quality and depth over a place, in words."""
        columns = list(gvcf_columns(self.gvcf, at))
        quality = min(int(part.genotype_quality.min()) for part in columns)
        depth = min(int(part.depth.min()) for part in columns)
        return f"GQ {quality} at depth {depth}"


def _span(allele: str, contig: str) -> Interval:
    """The place of an allele by its key (``1-100-A-T``), on the contig as the reference names it."""
    _, position, ref, _ = allele.rsplit("-", 3)
    return Interval(contig, int(position) - 1, int(position) - 1 + len(ref))


def phase_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> Phase:
    """How two rows of the annotated table, with ``zygosity`` and ``origin``, lie to each other.

    A homozygous variant is in trans with any other variant of the gene. Two different alleles of the same bases, such
    as those of a genotype 1/2, lie on different chromosomes.
    """
    if "homozygous" in (one["zygosity"], other["zygosity"]):
        return Phase("trans", None)
    if one["phase_set"] and one["phase_set"] == other["phase_set"] and one["contig"] == other["contig"]:
        same = one["haplotypes"] == other["haplotypes"]
        return Phase("cis" if same else "trans", "phase set")
    if _exclude_each_other(one, other):
        return Phase("trans", "genotype")
    if {one["origin"], other["origin"]} <= {"maternal", "paternal"}:
        return Phase("cis" if one["origin"] == other["origin"] else "trans", "parents")
    return Phase("unknown", None)


def _exclude_each_other(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the two were alternates of one record, or replace the same bases: one chromosome cannot carry both."""
    if one["contig"] != other["contig"]:
        return False
    written = [(row.get("original") or "").rpartition("|")[0] for row in (one, other)]
    edits = [trimmed(row["position"] - 1, row["ref"], row["alt"]) for row in (one, other)]
    shared = max(edit.start for edit in edits) < min(edit.end for edit in edits)
    return shared or bool(written[0] and written[0] == written[1])
