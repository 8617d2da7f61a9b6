"""Which records of a batch the place alone decides, and in what form; the others are judged one by one.

Plain is a record with one alternate allele that is a substitution of one base, an insertion or a deletion, agrees with
the reference, lies away from exons' borders and coding sequences, is there once, and makes nothing that ClinVar knows
with a neighbour. Everything else is not plain, and nothing is lost by calling a record so but time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import Batch
from engine.annotate.compound import NEIGHBOURS_WITHIN, ONE_ALLELE_WITHIN, close_groups, one_allele
from engine.annotate.edit import Edit, shifted, trimmed
from engine.annotate.known_alleles import KnownOnContig
from engine.annotate.places import Places
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pyarrow as pa

_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
IS_BASE = np.zeros(256, np.bool_)
IS_BASE[np.frombuffer(b"ACGT", np.uint8)] = True


class Sequence:
    """A contig's bases, as text and as numbers."""

    def __init__(self, contig: str, bases: str) -> None:
        self.contig = contig
        self.bases = bases
        self.letters = np.frombuffer(bases.encode(), np.uint8)


class Indel(NamedTuple):
    """An insertion or deletion in its two extreme forms.

    Attributes:
        left: moved as far left as it means the same.
        right: moved as far right.
    """

    left: Edit
    right: Edit

    def alleles(self, bases: str) -> tuple[int, str, str]:
        """As VCF wants it: 1-based position, ref and alt, with the base before it."""
        start, end, alt = self.left
        before = bases[start - 1]
        return start, before + bases[start:end], before + alt


@dataclass
class Sorted:
    """A batch with what was found out about its records.

    Attributes:
        batch: the records.
        is_plain: of each record, whether the place alone decides about it.
        is_left_out: of each, whether it is one allele that the sample does not carry.
        is_single: of each, whether it is a substitution of one base.
        indels: by number of the record.
        first: 0-based first base that each record touches or could as well be written at.
        end: one past the last.
    """

    batch: Batch
    is_plain: NDArray[np.bool_]
    is_left_out: NDArray[np.bool_]
    is_single: NDArray[np.bool_]
    indels: dict[int, Indel]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    _runs: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def is_judged(self) -> NDArray[np.bool_]:
        """Of each record, whether it is to be judged by itself."""
        return ~self.is_plain & ~self.is_left_out

    def runs(self, gap: int) -> NDArray[np.int64]:
        """Number of the run of each record: those with no more than ``gap`` bases between them are one."""
        if gap not in self._runs:
            order = np.argsort(self.first, kind="stable")
            reach = np.maximum.accumulate(self.end[order])
            begins = np.concatenate([[False], self.first[order][1:] - reach[:-1] > gap])
            runs = np.empty(len(order), np.int64)
            runs[order] = np.cumsum(begins)
            self._runs[gap] = runs
        return self._runs[gap]

    def edit(self, record: int) -> Edit | None:
        """A record as an edit as far left as it means the same; absent where it is none, or several."""
        if record in self.indels:
            return self.indels[record].left
        if not self.is_single[record]:
            return None
        position = int(self.batch.position[record])
        return Edit(position - 1, position, self.batch.alt[record].as_py())

    def not_plain(self, records: NDArray[np.int64] | NDArray[np.bool_]) -> None:
        """Have records judged by themselves."""
        self.is_plain[records] = False


def sort_out(batch: Batch, copies: NDArray[np.int64] | None, sequence: Sequence, places: Places) -> Sorted:
    """Find the plain records.

    Args:
        batch: all on the sequence's contig.
        copies: of the alternate allele that the sample has; absent where no sample's calls are wanted.
        sequence: of the contig.
        places: of the contig.
    """
    starts = batch.position - 1
    ref, alt = _Alleles(batch.ref), _Alleles(batch.alt)
    inside = (starts >= 1) & (starts < len(sequence.letters))
    there = sequence.letters[np.where(inside, starts, 0)]
    single = inside & (ref.lengths == 1) & (alt.lengths == 1)
    is_plain = single & (ref.first == there) & IS_BASE[ref.first] & IS_BASE[alt.first] & (ref.first != alt.first)
    told = Sorted(
        batch, is_plain, np.zeros(len(batch), np.bool_), is_plain.copy(), {}, starts.copy(), starts + ref.lengths
    )
    several = _look_at_others(told, sequence)
    if copies is not None:
        told.is_left_out = (copies == 0) & ~several
    told.is_plain &= ~told.is_left_out & places.decide(told.first - 1, told.end + 1)
    if bare_contig(sequence.contig) == "MT":
        told.is_plain[:] = False
    _set_doubles_apart(told, alt.first, several)
    return told


class _Alleles:
    """Lengths and first letters of texts."""

    def __init__(self, texts: pa.Array) -> None:
        self.lengths = np.diff(_offsets(texts)).astype(np.int64)
        self.first = first_letters(texts)


def first_letters(texts: pa.Array) -> NDArray[np.uint8]:
    """The first byte of each text; of an empty one any."""
    data = texts.buffers()[2]
    letters = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return letters[np.minimum(_offsets(texts)[:-1], len(letters) - 1)]


def _offsets(texts: pa.Array) -> NDArray[np.int32]:
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def _look_at_others(told: Sorted, sequence: Sequence) -> NDArray[np.bool_]:
    """Insertions and deletions, and how far anything may be moved; returns which records have several alleles."""
    several = np.zeros(len(told.batch), np.bool_)
    others = np.flatnonzero(~told.is_plain)
    texts = zip(told.batch.ref.take(others).to_pylist(), told.batch.alt.take(others).to_pylist(), strict=True)
    for number, (ref, alts) in zip(others.tolist(), texts, strict=True):
        start = int(told.batch.position[number]) - 1
        several[number] = "," in alts
        if not _IS_SEQUENCE(ref) or not sequence.bases.startswith(ref, start):
            continue
        for alt in alts.split(","):
            if (indel := _indel(start, ref, alt, sequence.bases)) is not None:
                first, end = _extent(indel)
                told.first[number] = min(told.first[number], first)
                told.end[number] = max(told.end[number], end)
                if not several[number] and first > 0 and end < len(sequence.bases):
                    told.indels[number] = indel
                    told.is_plain[number] = True
    return several


def _indel(start: int, ref: str, alt: str, bases: str) -> Indel | None:
    """The allele, if it is purely an insertion or a deletion."""
    if not _IS_SEQUENCE(alt) or ref == alt:
        return None
    edit = trimmed(start, ref, alt)
    if edit.alt and edit.end > edit.start:
        return None
    return Indel(shifted(edit, bases, -1), shifted(edit, bases, 1))


def _extent(indel: Indel) -> tuple[int, int]:
    """Bases within which the allele can be written, those that an insertion may repeat among them."""
    size = len(indel.left.alt)
    return min(indel.left.start - 1, indel.right.start - size), max(indel.right.end + 1, indel.left.start + size)


def _set_doubles_apart(told: Sorted, alt: NDArray[np.uint8], several: NDArray[np.bool_]) -> None:
    """Records of one allele, and what overlaps a record that is not plain by its alleles, are judged together."""
    singles = told.is_plain.copy()
    singles[list(told.indels)] = False
    numbers = np.flatnonzero(singles)
    keys = told.batch.position[numbers] * 256 + alt[numbers]
    _, back, counts = np.unique(keys, return_inverse=True, return_counts=True)
    told.not_plain(numbers[counts[back] > 1])
    times = Counter(indel.left for indel in told.indels.values())
    told.not_plain(np.array([one for one, indel in told.indels.items() if times[indel.left] > 1], np.int64))
    if several.any():
        runs = told.runs(-1)
        told.not_plain(np.isin(runs, runs[several]))


def set_compounds_apart(told: Sorted, known: KnownReach) -> None:
    """Have neighbours judged together that may be an allele of ClinVar's: what follows closely, where it knows one."""
    if not len(known.starts):
        return
    runs = told.runs(NEIGHBOURS_WITHIN + 1)
    taken = np.flatnonzero(~told.is_left_out)
    if not len(taken):
        return
    count = int(runs.max()) + 1
    first = np.full(count, np.iinfo(np.int64).max)
    end = np.zeros(count, np.int64)
    np.minimum.at(first, runs[taken], told.first[taken])
    np.maximum.at(end, runs[taken], told.end[taken])
    members = np.bincount(runs[taken], minlength=count)
    mixed = np.zeros(count, np.bool_)
    mixed[runs[[*told.indels, *np.flatnonzero(told.is_judged).tolist()]]] = True
    looked_up = np.flatnonzero(members > 1)
    hit = known.touches(first[looked_up] - 1, end[looked_up] + 1, mixed[looked_up])
    near = taken[np.isin(runs[taken], looked_up[hit])]
    near = near[np.argsort(runs[near], kind="stable")]
    borders = np.flatnonzero(np.diff(runs[near], prepend=-1))[1:]
    for records in np.split(near, borders) if len(near) else ():
        edits = [told.edit(record) for record in records.tolist()]
        if None in edits or known.is_made_of([edit for edit in edits if edit]):
            told.not_plain(runs == runs[records[0]])


class KnownReach:
    """Where ClinVar's alleles of one contig lie, wherever they are written.

    Attributes:
        starts: first base of each, ascending.
    """

    def __init__(self, known: KnownOnContig, sequence: Sequence) -> None:
        self._known, self._bases = known, sequence.bases
        self.starts, ends, several = known.reach(sequence.bases)
        self._ends, self._gains = ends, known.gains
        self._reach = np.maximum.accumulate(ends) if len(ends) else ends
        self._several_starts = self.starts[several]
        self._several_reach = np.maximum.accumulate(ends[several]) if several.any() else ends[:0]

    def touches(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64], any_kind: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Whether a span touches an allele: of any kind, or one that is no substitution of one base."""
        found: NDArray[np.bool_] = _touch(self._several_starts, self._several_reach, starts, ends)
        return found | (any_kind & _touch(self.starts, self._reach, starts, ends))

    def is_made_of(self, edits: Sequence_[Edit]) -> bool:
        """Whether some of the edits, which follow each other closely, are one allele that ClinVar knows."""
        known = self._near(min(edit.start for edit in edits), max(edit.end for edit in edits))
        near = [edit for edit in edits if any(one.may_hold(edit) for one in known)]
        for group in close_groups(sorted(near)):
            gain = sum(len(edit.alt) - edit.end + edit.start for edit in group)
            if any(one.gain == gain and one.touches(group[0].start, group[-1].end) for one in known):
                whole = one_allele(group, self._bases)
                if whole and self._known.row(*whole) is not None:
                    return True
        return False

    def _near(self, start: int, end: int) -> list[_KnownSpan]:
        """The alleles that touch a span."""
        first, last = np.searchsorted(self._reach, start, "left"), np.searchsorted(self.starts, end, "right")
        spans = (values[first:last].tolist() for values in (self.starts, self._ends, self._gains))
        return [_KnownSpan(*span) for span in zip(*spans, strict=True)]


class _KnownSpan(NamedTuple):
    """Where an allele lies, wherever it is written, and by how many bases it is longer than the reference."""

    start: int
    end: int
    gain: int

    def touches(self, start: int, end: int) -> bool:
        """Whether it and a span have bases in common, or are next to each other."""
        return self.start <= end and start <= self.end

    def may_hold(self, edit: Edit) -> bool:
        """Whether the allele, which is short, may be made of the edit and others."""
        return self.touches(edit.start - ONE_ALLELE_WITHIN, edit.end + ONE_ALLELE_WITHIN)


def _touch(
    own_starts: NDArray[np.int64], reach: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.bool_]:
    if not len(own_starts):
        return np.zeros(len(starts), np.bool_)
    index = np.searchsorted(own_starts, ends, "left") - 1
    return (index >= 0) & (reach[index] > starts)
