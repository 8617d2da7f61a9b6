"""One sample's rows for the cohort: the alleles it carries, and where its copies were not called.

A cohort's allele number is two copies a sample less the copies that were missing at the site. A position without
coverage is therefore missing, never reference; so is a site whose call did not pass or whose genotype, variant or
reference, is of low quality, and so is what was not looked at: all outside the targets but their padding, and there
every variant that reaches into no target, which the sample's calls leave out. Where an allele is counted its site is
never missing, whatever else was found there, so that no allele is counted more often than it was looked for.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.annotate.normalise import normalise
from engine.call.gvcf import CALLED_FROM, CalledStretches, GvcfColumns, gvcf_columns
from engine.call.ploidy import ploidy_of
from engine.cohort.columns import BIN, MODELLED, typed_table
from engine.cohort.evidence import Evidence, require_of_reference
from engine.errors import VariantFileError
from engine.person import Person, Sex
from engine.receipt import Measure
from engine.reference.bundle import Contig, ReferenceBundle
from engine.reference.intervals import Interval, join, read_bed

if TYPE_CHECKING:
    import pyarrow as pa

StartEnd = tuple[int, int]
"""Positions of one contig, 0-based half-open."""

DIPLOID = 2
SPANNED = "*"
"""ALT of a copy that a deletion covers; the deletion's own record tells of it."""
_IS_BASES = re.compile("[ACGTN]+").fullmatch


def contribute(
    variants: Path,
    gvcf: Path,
    reference: ReferenceBundle,
    *,
    sample: str,
    person: Person,
    caller: str,
    measures: Mapping[str, Mapping[str, Measure]],
    scratch: Path,
) -> dict[str, pa.Table]:
    """Compute a sample's rows of each table in :data:`engine.cohort.columns.TABLES`.

    Args:
        variants: the sample's calls with FILTER set; alleles are split and normalised here.
        gvcf: its gVCF, for what was covered.
        reference: what both are of.
        sample: sample id.
        person: whose they are; a male's single X counts as one missing copy.
        caller: name of the caller, for the sample's row.
        measures: measures by asset; numbers become rows.
        scratch: folder for temporary files.

    Raises:
        VariantFileError: a file is damaged.
        ReferenceMismatchError: the gVCF is of another reference.
    """
    evidence, stretches_of, left_out = _walked(gvcf, sample, reference)
    require_of_reference(gvcf, sample, evidence, reference)
    normalised = normalise(variants, reference.fasta, sample, scratch, strict=True)
    calls, uncalled = _calls(normalised, variants, sample, person.sex, reference.contig_lengths)
    for name, stretches in left_out.items():
        uncalled[name] += stretches
    called: defaultdict[str, list[StartEnd]] = defaultdict(list)
    for name, stretches in stretches_of.called().items():
        called[name] = list(_without(stretches, sorted(uncalled[name])))
    for row in calls:
        called[row[1]].append((row[3] - 1, row[3]))
    missing: list[tuple[object, ...]] = [
        (sample, *row)
        for contig in reference.contigs
        for row in _missing(contig, person.sex, join(called[contig.name]))
    ]
    digest = hashlib.sha256(repr(calls).encode()).hexdigest()[:32]
    facts = (
        sample,
        str(person.sex),
        person.family_id,
        person.father_id,
        person.mother_id,
        reference.name,
        caller,
        digest,
    )
    numbers: list[tuple[object, ...]] = [
        (sample, asset, name, float(value))
        for asset, measured in measures.items()
        for name, value in sorted(measured.items())
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    rows: dict[str, list[tuple[object, ...]]] = {
        "calls": calls,
        "no_calls": missing,
        "samples": [facts],
        "measures": numbers,
    }
    return {name: typed_table(rows[name], columns) for name, columns in MODELLED.items()} | evidence


def _calls(
    normalised: Path, variants: Path, sample: str, sex: Sex, lengths: Mapping[str, int]
) -> tuple[list[tuple[Any, ...]], defaultdict[str, list[StartEnd]]]:
    """Rows of passing calls of good quality, and by contig the stretches of records that gave no usable genotype."""
    from cyvcf2 import VCF

    rows: list[tuple[Any, ...]] = []
    uncalled: defaultdict[str, list[StartEnd]] = defaultdict(list)
    try:
        for record in VCF(str(normalised)):
            alt = record.ALT[0].upper() if record.ALT else ""
            quality, depth = _first(record.format("GQ")), _first(record.format("DP"))
            expected = _copies_at(record.CHROM, record.start, sex, lengths)
            carried = _alleles(record, expected)
            doubtful = (quality is not None and quality < CALLED_FROM) or _is_unread(record, depth)
            untold = any(carried) and alt != SPANNED and not _IS_BASES(alt)
            if record.FILTER is not None or not carried or doubtful or untold:
                uncalled[record.CHROM].append((record.start, record.start + len(record.REF)))
            elif any(carried) and alt != SPANNED:
                ref, copies = record.REF.upper(), carried.count(1)
                if copies:
                    place = sample, record.CHROM, record.POS // BIN, record.POS, ref, alt
                    depths = _depth_of(record, 1), _depth_of(record, 0)
                    told = quality, depth, *depths, *_likelihoods(record, len(carried))
                    rows.append((*place, copies, len(carried), *told))
    except (OSError, ValueError, IndexError) as error:
        raise VariantFileError(
            f"the calls cannot be read: {error}", sample=sample, file=variants, remedy="make the file again"
        ) from error
    return _once(rows, uncalled), uncalled


def _alleles(record: Any, expected: int) -> list[int]:
    """A record's genotype, of as many alleles as there are copies there; empty where it is not known.

    A genotype of one allele twice where there is one copy, as callers write it that know no sex, is one of one.
    """
    if "GT" not in record.FORMAT:
        return []
    *alleles, _ = record.genotypes[0]
    if len(alleles) > expected == 1 and len(set(alleles)) == 1:
        alleles = alleles[:1]
    return alleles if len(alleles) == expected and min(alleles) >= 0 else []


def _is_unread(record: Any, depth: int | None) -> bool:
    """Whether no read lies there, or, where DP is not told, none of any allele."""
    if depth is not None:
        return depth == 0
    depths = record.format("AD") if "AD" in record.FORMAT else None
    return depths is not None and not depths[0].any()


def _copies_at(contig: str, start: int, sex: Sex, lengths: Mapping[str, int]) -> int:
    """How many copies of a place a genotype tells of."""
    (part,) = ploidy_of(Interval(contig, start, start + 1), lengths[contig], sex)
    return part.copies


def _once(rows: list[tuple[Any, ...]], uncalled: defaultdict[str, list[StartEnd]]) -> list[tuple[Any, ...]]:
    """Each allele once, in order: an indel that the caller wrote at two places is one allele once left-aligned.

    Where the two tell different numbers of copies, the allele's site was not called.
    """
    told: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (*row[1:6], row[6])):
        told[row[1:6]].append(row)
    kept = []
    for (contig, _, position, ref, _), same in told.items():
        if len({row[6:8] for row in same}) == 1:
            kept.append(same[-1])
        else:
            uncalled[contig].append((position - 1, position - 1 + len(ref)))
    return kept


def _walked(
    gvcf: Path, sample: str, reference: ReferenceBundle
) -> tuple[dict[str, pa.Table], CalledStretches, dict[str, list[StartEnd]]]:
    """What the gVCF tells, read once: tables of evidence, where it calls, and variants that reach into no target."""
    evidence, stretches, outside = Evidence(sample), CalledStretches(gvcf), _Outside(reference)
    for columns in gvcf_columns(gvcf):
        evidence.add(columns)
        stretches.add(columns)
        outside.add(columns)
    return evidence.tables(), stretches, outside.stretches


class _Outside:
    """By contig, where a gVCF has variants that reach into no target: left out of the calls, yet no reference."""

    def __init__(self, reference: ReferenceBundle) -> None:
        self.stretches: defaultdict[str, list[StartEnd]] = defaultdict(list)
        self._targets: defaultdict[str, list[StartEnd]] | None = None
        if reference.targets is not None:
            self._targets = defaultdict(list)
            for target in read_bed(reference.targets, reference.contig_lengths):
                self._targets[target.contig].append((target.start, target.end))

    def add(self, columns: GvcfColumns) -> None:
        """Take the next records of the file."""
        if self._targets is None:
            return
        bounds = np.array(self._targets[columns.contig], np.int64).reshape(-1, 2)
        next_target = np.searchsorted(bounds[:, 1], columns.start, side="right")
        begins = np.append(bounds[:, 0], np.iinfo(np.int64).max)[next_target]
        outside = columns.is_variant & (columns.end <= begins)
        places = zip(columns.start[outside].tolist(), columns.end[outside].tolist(), strict=True)
        self.stretches[columns.contig] += places


def _first(values: object) -> int | None:
    value = None if values is None else int(values[0][0])  # type: ignore[index]
    return value if value is not None and value >= 0 else None


def _depth_of(record: Any, allele: int) -> int | None:
    """AD of REF, 0, or of ALT, 1."""
    values = record.format("AD")
    if values is None or len(values[0]) < 2 or int(values[0][allele]) < 0:
        return None
    return int(values[0][allele])


def _likelihoods(record: Any, copies: int) -> tuple[int | None, int | None, int | None]:
    """PL of the reference alone, of one copy of two, and of the allele alone; absent where they are not all told."""
    values = record.format("PL") if "PL" in record.FORMAT else None
    told = [] if values is None else [int(value) for value in values[0] if value >= 0]
    if len(told) != copies + 1 or copies > DIPLOID:
        return None, None, None
    return (told[0], None, told[1]) if copies == 1 else (told[0], told[1], told[2])


def _missing(contig: Contig, sex: Sex, called: Sequence[StartEnd]) -> Iterator[tuple[str, int, int, int]]:
    """Stretches where fewer than two copies were called, with the number missing."""
    for part in ploidy_of(Interval(contig.name, 0, contig.length), contig.length, sex):
        position = part.interval.start
        for start, end in _within(called, part.interval):
            if start > position:
                yield contig.name, position, start, DIPLOID
            if part.copies < DIPLOID:
                yield contig.name, start, end, DIPLOID - part.copies
            position = end
        if position < part.interval.end:
            yield contig.name, position, part.interval.end, DIPLOID


def _without(stretches: Sequence[StartEnd], holes: Sequence[StartEnd]) -> Iterator[StartEnd]:
    """Sorted stretches less sorted holes, which may overlap one another."""
    first = 0
    for start, end in stretches:
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        for hole_start, hole_end in itertools.islice(holes, first, None):
            if hole_start >= end:
                break
            if hole_start > start:
                yield start, hole_start
            start = max(start, hole_end)
        if start < end:
            yield start, end


def _within(stretches: Sequence[StartEnd], limits: Interval) -> Iterator[StartEnd]:
    for start, end in stretches:
        if max(start, limits.start) < min(end, limits.end):
            yield max(start, limits.start), min(end, limits.end)
