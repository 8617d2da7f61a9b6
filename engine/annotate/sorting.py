"""Which records of a batch the place alone decides, and in what form; the others are judged one by one.

Plain is a record with one alternate allele that is a substitution of one base, an insertion or a deletion, agrees with
the reference, lies away from exons' borders and coding sequences, is there once, and makes nothing that ClinVar knows
with a neighbour. Everything else is not plain, and nothing is lost by calling a record so but time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import Batch
from engine.annotate.compound import NEIGHBOURS_WITHIN, ONE_ALLELE_WITHIN, close_groups, one_allele
from engine.annotate.edit import Edit, trimmed
from engine.annotate.indels import Indels, indels_of
from engine.annotate.known_alleles import KnownOnContig
from engine.annotate.places import Places
from engine.annotate.sequences import Sequence
from engine.annotate.texts import letters, offsets
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pyarrow as pa

_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
IS_BASE = np.zeros(256, np.bool_)
IS_BASE[np.frombuffer(b"ACGT", np.uint8)] = True


@dataclass
class Sorted:
    """A batch with what was found out about its records.

    Attributes:
        batch: the records.
        is_plain: of each record, whether the place alone decides about it.
        is_left_out: of each, whether it is one allele that the sample does not carry.
        is_single: of each, whether it is a substitution of one base.
        indels: the insertions and deletions that can be plain.
        first: 0-based first base that each record touches or could as well be written at.
        end: one past the last.
    """

    batch: Batch
    is_plain: NDArray[np.bool_]
    is_left_out: NDArray[np.bool_]
    is_single: NDArray[np.bool_]
    indels: Indels
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
        if (place := self.indels.place(record)) is not None:
            return self.indels.edit(place)
        if not self.is_single[record]:
            return None
        position = int(self.batch.position[record])
        return Edit(position - 1, position, self.batch.alt[record].as_py())

    def not_plain(self, records: NDArray[np.int64] | NDArray[np.bool_]) -> None:
        """Have records judged by themselves."""
        self.is_plain[records] = False

    def findings(self) -> Findings:
        """What was found out, without the records."""
        first, end = (places.astype(np.int32) for places in (self.first, self.end))
        return Findings(self.is_plain, self.is_left_out, self.is_single, self.indels, first, end)


class Findings(NamedTuple):
    """What was found out about a batch, to be told of the same records when they are read again.

    Attributes are those of :class:`Sorted`, in half the room.
    """

    is_plain: NDArray[np.bool_]
    is_left_out: NDArray[np.bool_]
    is_single: NDArray[np.bool_]
    indels: Indels
    first: NDArray[np.int32]
    end: NDArray[np.int32]

    def of(self, batch: Batch) -> Sorted:
        """The batch, sorted out."""
        places = self.first.astype(np.int64), self.end.astype(np.int64)
        return Sorted(batch, self.is_plain, self.is_left_out, self.is_single, self.indels, *places)


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
    none = indels_of(np.zeros(0, np.int64), (), (), sequence.letters)
    told = Sorted(
        batch, is_plain, np.zeros(len(batch), np.bool_), is_plain.copy(), none, starts.copy(), starts + ref.lengths
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
    """Texts as numbers: their lengths, their first letters, and all letters."""

    def __init__(self, texts: pa.Array) -> None:
        self._texts = texts
        self.lengths = np.diff(offsets(texts)).astype(np.int64)
        self.first = first_letters(texts)

    def are_bases(self) -> NDArray[np.bool_]:
        """Whether each is of nothing but A, C, G and T."""
        return self._all(IS_BASE[letters(self._texts)])

    def stand_at(self, starts: NDArray[np.int64], sequence: Sequence) -> NDArray[np.bool_]:
        """Whether each, made of bases, is what a contig reads from a 0-based place on."""
        firsts = np.cumsum(self.lengths) - self.lengths
        places = np.arange(self.lengths.sum()) + np.repeat(starts - firsts, self.lengths)
        there = sequence.letters[np.clip(places, 0, len(sequence.letters) - 1)]
        own = letters(self._texts)
        inside: NDArray[np.bool_] = (starts >= 0) & (starts + self.lengths <= len(sequence.letters))
        inside &= self._all((own == there) & IS_BASE[own])
        return inside

    def _all(self, hold: NDArray[np.bool_]) -> NDArray[np.bool_]:
        rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
        whole: NDArray[np.bool_] = np.bincount(rows[~hold], minlength=len(self.lengths)) == 0
        return whole


def first_letters(texts: pa.Array) -> NDArray[np.uint8]:
    """The first byte of each text; of an empty one any."""
    data = texts.buffers()[2]
    every = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return every[np.minimum(offsets(texts)[:-1], len(every) - 1)]


def last_letters(texts: pa.Array) -> NDArray[np.uint8]:
    """The last byte of each text, none of which is empty."""
    data = texts.buffers()[2]
    every = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return every[offsets(texts)[1:] - 1]


def _look_at_others(told: Sorted, sequence: Sequence) -> NDArray[np.bool_]:
    """Insertions and deletions, and how far anything may be moved; returns which records have several alleles."""
    several = np.zeros(len(told.batch), np.bool_)
    others = np.flatnonzero(~told.is_plain)
    ref, alt = (texts.take(_rows(others)) for texts in (told.batch.ref, told.batch.alt))
    starts = told.batch.position[others] - 1
    simple = anchored(starts, ref, alt, sequence)
    found = _Edits([], [], [])
    found.add_anchored(others[simple], starts[simple], *(texts.filter(_rows(simple)) for texts in (ref, alt)))
    rest = np.flatnonzero(~simple)
    texts = zip(ref.take(_rows(rest)).to_pylist(), alt.take(_rows(rest)).to_pylist(), strict=True)
    for number, start, (bases, alts) in zip(others[rest].tolist(), starts[rest].tolist(), texts, strict=True):
        several[number] = "," in alts
        if _IS_SEQUENCE(bases) and sequence.bases.startswith(bases, start):
            found.add(number, [_indel(start, bases, one) for one in alts.split(",")])
    indels = indels_of(np.array(found.numbers, np.int64), found.edits, found.anchored, sequence.letters)
    first, end = indels.extent()
    np.minimum.at(told.first, indels.numbers, first)
    np.maximum.at(told.end, indels.numbers, end)
    alone = ~several[indels.numbers] & (first > 0) & (end < len(sequence.bases))
    told.indels = indels.taken(np.flatnonzero(alone))
    told.is_plain[told.indels.numbers] = True
    return several


def anchored(starts: NDArray[np.int64], ref: pa.Array, alt: pa.Array, sequence: Sequence) -> NDArray[np.bool_]:
    """Which records are an insertion or deletion behind one base, the first of both alleles, and as the contig reads.

    Args:
        starts: 0-based place of each.
        ref: REF of each.
        alt: ALT of each.
        sequence: of the contig.
    """
    one, other = _Alleles(ref), _Alleles(alt)
    found: NDArray[np.bool_] = (starts >= 1) & (one.first == other.first) & ((one.lengths == 1) != (other.lengths == 1))
    found &= other.are_bases() & one.stand_at(starts, sequence)
    return found


@dataclass
class _Edits:
    """Insertions and deletions with the numbers of their records, and whether each stands behind one base."""

    numbers: list[int]
    edits: list[Edit]
    anchored: list[bool]

    def add_anchored(self, numbers: NDArray[np.int64], starts: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> None:
        self.numbers += numbers.tolist()
        lengths = (_Alleles(ref).lengths + starts).tolist()
        places = zip((starts + 1).tolist(), lengths, alt.to_pylist(), strict=True)
        self.edits += [Edit(start, end, bases[1:]) for start, end, bases in places]
        self.anchored += [True] * len(numbers)

    def add(self, number: int, edits: Sequence_[Edit | None]) -> None:
        known = [edit for edit in edits if edit]
        self.numbers += [number] * len(known)
        self.edits += known
        self.anchored += [False] * len(known)


def _indel(start: int, ref: str, alt: str) -> Edit | None:
    """The allele, if it is purely an insertion or a deletion."""
    if not _IS_SEQUENCE(alt) or ref == alt:
        return None
    edit = trimmed(start, ref, alt)
    return None if edit.alt and edit.end > edit.start else edit


def _rows(numbers: NDArray[np.int64] | NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    return pa.array(numbers)


def _set_doubles_apart(told: Sorted, alt: NDArray[np.uint8], several: NDArray[np.bool_]) -> None:
    """Records of one allele, and what overlaps a record that is not plain by its alleles, are judged together."""
    singles = told.is_plain.copy()
    singles[told.indels.numbers] = False
    numbers = np.flatnonzero(singles)
    keys = told.batch.position[numbers] * 256 + alt[numbers]
    _, back, counts = np.unique(keys, return_inverse=True, return_counts=True)
    told.not_plain(numbers[counts[back] > 1])
    told.not_plain(told.indels.several_times())
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
    mixed[runs[told.indels.numbers]] = mixed[runs[told.is_judged]] = True
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
        if all(edit.end - edit.start == 1 == len(edit.alt) for edit in near):
            known = [one for one in known if not one.is_single]  # two substitutions make more than one base
        if not known:
            return False
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

    @property
    def is_single(self) -> bool:
        """Whether it is a substitution of one base."""
        return self.end - self.start == 1 and not self.gain

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
