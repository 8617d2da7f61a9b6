"""The comparison of a call set with a truth set, counted as hap.py counts: by type, by genotype, within regions.

A truth call found is a true positive, one missed a false negative; a query call that is not confirmed is a false
positive. A wrong genotype of the right allele is both. Spelling does not matter: neighbouring calls are compared
by the haplotypes they make (:mod:`engine.compare.replay`).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.compare.replay import match
from engine.compare.variants import Unit, VariantType, placed, read_units
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.progress import Progress
from engine.reference.intervals import Interval, read_bed

TYPES: tuple[VariantType, ...] = ("SNP", "INDEL")
NEIGHBOURHOOD = 30
"""Calls this close are compared together; hap.py's window is of the same order."""


@dataclass
class TypeCounts:
    """Counts of one type of variant; the ratios are ``None`` where nothing is there to divide by.

    Attributes:
        truth_total: calls of the truth set.
        true_positives: truth calls that were found.
        false_negatives: truth calls that were not.
        query_total: calls of the query set.
        false_positives: query calls that the truth does not confirm.
    """

    truth_total: int = 0
    true_positives: int = 0
    false_negatives: int = 0
    query_total: int = 0
    false_positives: int = 0

    @property
    def recall(self) -> float | None:
        """Share of the truth that was found."""
        return self.true_positives / self.truth_total if self.truth_total else None

    @property
    def precision(self) -> float | None:
        """Share of the query calls that are true."""
        return (self.query_total - self.false_positives) / self.query_total if self.query_total else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of recall and precision."""
        recall, precision = self.recall, self.precision
        if recall is None or precision is None:
            return None
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0

    def as_json(self) -> dict[str, int | float | None]:
        """Counts, then ratios."""
        return asdict(self) | {"recall": self.recall, "precision": self.precision, "f1": self.f1}


@dataclass(frozen=True)
class ComparisonSummary:
    """The outcome of a comparison.

    Attributes:
        types: counts for ``SNP`` and ``INDEL``.
        strata: the same within each further region file, by its name.
        approximate: neighbourhoods too crowded to look at every way of matching.
    """

    types: Mapping[VariantType, TypeCounts]
    strata: Mapping[str, Mapping[VariantType, TypeCounts]] = field(default_factory=dict)
    approximate: int = 0

    def as_json(self) -> dict[str, Any]:
        """``{"SNP": {...}, "INDEL": {...}}``, and ``strata`` where any were asked for."""
        summary: dict[str, Any] = {kind: self.types[kind].as_json() for kind in TYPES}
        if self.strata:
            summary["strata"] = {
                name: {kind: counts[kind].as_json() for kind in TYPES} for name, counts in self.strata.items()
            }
        return summary


def compare(
    truth: Path,
    query: Path,
    reference: Path,
    regions: Path | None = None,
    *,
    truth_sample: str | None = None,
    query_sample: str | None = None,
    only_passing: bool = True,
    strata: Mapping[str, Path] | None = None,
    differences: Path | None = None,
    progress: Progress | None = None,
) -> ComparisonSummary:
    """Compare the genotypes of one sample in two VCFs.

    Args:
        truth: VCF to compare with.
        query: VCF to be judged.
        reference: FASTA with ``.fai``.
        regions: BED outside which calls are not counted; absent, all are.
        truth_sample: whose genotypes, the first sample's by default.
        query_sample: likewise.
        only_passing: judge only query calls with FILTER ``PASS`` or ``.``.
        strata: further BED files by name, counted separately.
        differences: TSV to write each false negative and false positive to.
        progress: advanced by truth calls.

    Raises:
        VariantFileError: a VCF is missing, damaged, unsorted or has no genotypes.
        ReferenceMismatchError: a contig, a position or the bases of a REF are not the reference's.
        KnowledgeError: a BED is missing or damaged.
    """
    import pysam

    with pysam.FastaFile(str(reference)) as fasta:
        lengths = dict(zip(fasta.references, fasta.lengths, strict=True))
        scopes = {"": _Regions(regions, lengths)}
        scopes |= {name: _Regions(bed, lengths, within=scopes[""]) for name, bed in (strata or {}).items()}
        tally = _Tally(scopes)
        progress = progress or Progress("comparing", unit="truth variants")
        pairs = _by_contig(
            read_units(truth, sample=truth_sample, fasta=reference),
            read_units(query, sample=query_sample, passing=only_passing, fasta=reference),
            list(lengths),
            (truth, query),
        )
        for contig, truth_units, query_units in pairs:
            sequence = fasta.fetch(contig).upper()
            _compare_contig(contig, truth_units, query_units, sequence, tally)
            progress.advance(len(truth_units))
    if differences is not None:
        differences.write_text("kind\tcontig\tposition\ttype\tedits\n" + "".join(tally.differences))
    return ComparisonSummary(
        tally.counts[""],
        {name: counts for name, counts in tally.counts.items() if name},
        tally.approximate,
    )


def write_summary(summary: ComparisonSummary, output: Path) -> None:
    """Write the summary as JSON."""
    output.write_text(json.dumps(summary.as_json(), indent=2) + "\n")


class _Regions:
    """Where calls count: everywhere, or where a BED says."""

    def __init__(self, bed: Path | None, lengths: Mapping[str, int], within: _Regions | None = None) -> None:
        self._within = within
        self._everywhere = bed is None
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        known: list[Interval] = [] if bed is None else read_bed(bed, lengths)
        for interval in known:
            self._starts.setdefault(interval.contig, []).append(interval.start)
            self._ends.setdefault(interval.contig, []).append(interval.end)

    def counts(self, contig: str, unit: Unit) -> bool:
        """Some base that the unit, shifted left, changes, or the base before an insertion, lies in the regions."""
        if self._within is not None and not self._within.counts(contig, unit):
            return False
        return self._everywhere or any(
            self._touch(contig, edit.start - (edit.start == edit.end), edit.end) for edit in unit.spelling
        )

    def _touch(self, contig: str, start: int, end: int) -> bool:
        starts = self._starts.get(contig, [])
        place = bisect_right(starts, end - 1)
        return place > 0 and self._ends[contig][place - 1] > start


class _Tally:
    """Counts of every scope, and what differed."""

    def __init__(self, scopes: Mapping[str, _Regions]) -> None:
        self._scopes = scopes
        self.counts: dict[str, dict[VariantType, TypeCounts]] = {
            name: {kind: TypeCounts() for kind in TYPES} for name in scopes
        }
        self.differences: list[str] = []
        self.approximate = 0

    def add(self, contig: str, unit: Unit, *, of_truth: bool, agrees: bool) -> None:
        """Count one unit of either side."""
        for name, regions in self._scopes.items():
            if not regions.counts(contig, unit):
                continue
            counts = self.counts[name][unit.type]
            if of_truth:
                counts.truth_total += 1
                counts.true_positives += agrees
                counts.false_negatives += not agrees
            else:
                counts.query_total += 1
                counts.false_positives += not agrees
            if not agrees and not name:
                self.differences.append(_told("FN" if of_truth else "FP", contig, unit))


def _told(kind: str, contig: str, unit: Unit) -> str:
    edits = "/".join(
        "ref" if edit is None else f"{edit.start + 1}-{edit.end}:{edit.alt or '-'}" for edit in unit.copies
    )
    return f"{kind}\t{contig}\t{unit.position + 1}\t{unit.type}\t{edits}\n"


def _by_contig(
    truth: Iterator[tuple[str, list[Unit]]],
    query: Iterator[tuple[str, list[Unit]]],
    order: Sequence[str],
    files: tuple[Path, Path],
) -> Iterator[tuple[str, list[Unit], list[Unit]]]:
    """Units of both sides contig by contig, holding one contig at a time."""
    rank = {contig: place for place, contig in enumerate(order)}
    sides = [_in_order(side, rank, file) for side, file in zip((truth, query), files, strict=True)]
    heads = [next(side, None) for side in sides]
    for contig in order:
        units: list[list[Unit]] = [[], []]
        for number, head in enumerate(heads):
            if head is not None and head[0] == contig:
                units[number] = head[1]
                heads[number] = next(sides[number], None)
        if units[0] or units[1]:
            yield contig, units[0], units[1]


def _in_order(
    side: Iterator[tuple[str, list[Unit]]], rank: Mapping[str, int], file: Path
) -> Iterator[tuple[str, list[Unit]]]:
    reached = -1
    for contig, units in side:
        if contig not in rank:
            raise ReferenceMismatchError(
                f"the reference has no contig {contig!r}", file=file, remedy="use the reference it was called with"
            )
        if rank[contig] < reached:
            raise VariantFileError(
                f"contig {contig} is not in the reference's order",
                file=file,
                place=contig,
                remedy="sort the file in the order of the reference (bcftools sort)",
            )
        reached = rank[contig]
        yield contig, units


def _compare_contig(contig: str, truth: Sequence[Unit], query: Sequence[Unit], sequence: str, tally: _Tally) -> None:
    for unit in (*truth, *query):
        if max(edit.end for edit in unit.edits) > len(sequence):
            raise ReferenceMismatchError(
                f"a variant lies beyond the end of {contig}",
                place=f"{contig}:{unit.position + 1:,}",
                remedy="use the reference that both files were called with",
            )
    for truths, queries in _neighbourhoods(
        [placed(unit, sequence) for unit in truth], [placed(unit, sequence) for unit in query]
    ):
        found, true = _agreement(truths, queries, sequence, tally)
        for unit, agrees in zip(truths, found, strict=True):
            tally.add(contig, unit, of_truth=True, agrees=agrees)
        for unit, agrees in zip(queries, true, strict=True):
            tally.add(contig, unit, of_truth=False, agrees=agrees)


def _neighbourhoods(truth: Sequence[Unit], query: Sequence[Unit]) -> Iterator[tuple[list[Unit], list[Unit]]]:
    """Groups of calls so close that they may spell the same haplotypes together."""
    both = [(unit, 0) for unit in truth] + [(unit, 1) for unit in query]
    group: tuple[list[Unit], list[Unit]] = ([], [])
    end = -1
    for unit, side in sorted(both, key=lambda item: (item[0].start, item[0].end)):
        if unit.start > end + NEIGHBOURHOOD and (group[0] or group[1]):
            yield group
            group = ([], [])
            end = -1
        group[side].append(unit)
        end = max(end, unit.end)
    if group[0] or group[1]:
        yield group


def _agreement(
    truth: Sequence[Unit], query: Sequence[Unit], sequence: str, tally: _Tally
) -> tuple[list[bool], list[bool]]:
    if not truth or not query:
        return [False] * len(truth), [False] * len(query)
    if sorted(map(_key, truth)) == sorted(map(_key, query)):
        return [True] * len(truth), [True] * len(query)
    start = max(0, min(unit.start for unit in (*truth, *query)) - 1)
    end = min(len(sequence), max(unit.end for unit in (*truth, *query)) + 1)
    found = match(truth, query, sequence[start:end], start, end)
    tally.approximate += not found.complete
    return found.truth, found.query


def _key(unit: Unit) -> tuple[object, ...]:
    return len(unit.spelling), unit.spelling, unit.copies[0] == unit.copies[1]
