"""What reads say of a repeat: those that span it, those that enter it, and those that lie in it throughout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pysam
from numpy.typing import NDArray

from engine.repeats.loci import Locus

ANCHOR = 18
"""Bases of the sequence beside the repeat by which a read is placed, with up to :data:`_MISMATCHES`."""
EDGE = 10
"""Bases of it, all equal, that do where the read ends in them."""
WINDOW = 1_000
"""Bases on either side in which reads and the mates of reads in the repeat are looked for."""
_MISMATCHES = 2
_PURE = 0.7
"""Of a read's windows of a unit's length that are a unit, from which it lies in the repeat throughout."""
_LEAST_MAPPING = 20
_MOST_MATES = 2_000
_LEFT_OUT = 0x100 | 0x200 | 0x400 | 0x800
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass
class Evidence:
    """Reads at one locus.

    Attributes:
        spanning: reads by the bases between the sequences on either side.
        entering: bases of the repeat that reads from one side show before they end; the repeat has at least these.
        inside: reads that are nothing but repeat.
        both_inside: of these, those whose mate is too.
        motifs: of the reads inside and entering, by the unit that most of them is made of.
        depth: reads over a base beside the repeat, of all copies of the genome.
        read_length: bases, the median.
        insert: bases between the outer ends of a pair, the median; 0 where there are none.
    """

    spanning: Counter[int] = field(default_factory=Counter)
    entering: list[int] = field(default_factory=list)
    inside: int = 0
    both_inside: int = 0
    motifs: Counter[str] = field(default_factory=Counter)
    depth: float = 0.0
    read_length: int = 0
    insert: int = 0


@dataclass(frozen=True)
class Flanks:
    """The sequence beside a repeat: :data:`ANCHOR` bases before and behind it."""

    left: str
    right: str

    @staticmethod
    def of(fasta: pysam.FastaFile, locus: Locus) -> Flanks:
        """Cut from the reference."""
        before = fasta.fetch(locus.contig, max(0, locus.start - ANCHOR), locus.start).upper()
        return Flanks(before, fasta.fetch(locus.contig, locus.end, locus.end + ANCHOR).upper())


class _Units:
    """The units of a locus in every rotation."""

    def __init__(self, motifs: Sequence[str]) -> None:
        self._rotations = {motif: frozenset(motif[i:] + motif[:i] for i in range(len(motif))) for motif in motifs}

    def best(self, bases: str) -> tuple[str, float]:
        """The unit of which most windows are, and their share."""
        return max(((motif, self._share(bases, motif)) for motif in self._rotations), key=lambda found: found[1])

    def _share(self, bases: str, motif: str) -> float:
        windows = len(bases) - len(motif) + 1
        return sum(self._marks(bases, motif)) / windows if windows > 0 else 0.0

    def _marks(self, bases: str, motif: str) -> list[bool]:
        rotations, size = self._rotations[motif], len(motif)
        return [bases[i : i + size] in rotations for i in range(len(bases) - size + 1)]

    def reach(self, bases: str) -> int:
        """How many of the bases, which begin with the repeat, belong to it: whole units to the last window that
        is one. 0 where the repeat has ended more than :data:`EDGE` bases before the last.
        """
        ends = [
            (max((place for place, is_unit in enumerate(self._marks(bases, motif)) if is_unit), default=-1), len(motif))
            for motif in self._rotations
        ]
        last, size = max(ends)
        within = last + size
        return within // size * size if last >= 0 and within > len(bases) - EDGE else 0

    @cached_property
    def backwards(self) -> _Units:
        """The units of the sequence read backwards."""
        return _Units([motif[::-1] for motif in self._rotations])


@dataclass
class _Template:
    """The two reads of a fragment, as far as they are near the locus."""

    reads: dict[bool, str] = field(default_factory=dict)
    anchored: bool = False
    missing: tuple[str, int] | None = None

    @cached_property
    def sequences(self) -> list[str]:
        return list(self.reads.values())


def gather(reads: pysam.AlignmentFile, locus: Locus, flanks: Flanks) -> Evidence:
    """Look at every read near a locus.

    A read in the repeat counts where it lies there or its mate is mapped beside the repeat, wherever it itself was put:
    an aligner has no place for more units than the reference has.

    Args:
        reads: open BAM or CRAM with index.
        locus: where.
        flanks: the sequence on either side.
    """
    evidence, units = Evidence(), _Units(locus.motifs)
    templates: dict[str, _Template] = {}
    lengths, inserts, beside = [], [], 0
    begin = max(0, locus.start - WINDOW)
    for read in reads.fetch(locus.contig, begin, locus.end + WINDOW):
        if read.flag & _LEFT_OUT or not read.query_sequence:
            continue
        lengths.append(len(read.query_sequence))
        if read.is_proper_pair and read.template_length > 0:
            inserts.append(read.template_length)
        beside += _overlap(read, begin, locus.start) + _overlap(read, locus.end, locus.end + WINDOW)
        _note(templates.setdefault(str(read.query_name), _Template()), read, locus)
    if not lengths:
        return evidence
    evidence.read_length, evidence.insert = int(np.median(lengths)), int(np.median(inserts or [0]))
    evidence.depth = beside / (locus.start - begin + WINDOW)
    _fetch_missing(reads, templates)
    for template in templates.values():
        inside = [_judge(evidence, bases, units, flanks) for bases in template.sequences]
        evidence.inside += sum(inside)
        evidence.both_inside += sum(inside) if len(inside) == 2 and all(inside) else 0
    return evidence


def _overlap(read: pysam.AlignedSegment, start: int, end: int) -> int:
    if read.is_unmapped or read.reference_end is None:
        return 0
    return int(max(0, min(read.reference_end, end) - max(read.reference_start, start)))


def _note(template: _Template, read: pysam.AlignedSegment, locus: Locus) -> None:
    template.reads[read.is_read2] = str(read.query_sequence)
    near = not read.is_unmapped and read.mapping_quality >= _LEAST_MAPPING
    if near and (read.reference_start < locus.start or (read.reference_end or 0) > locus.end):
        template.anchored = True
        away = read.is_paired and not read.mate_is_unmapped
        far = read.next_reference_id != read.reference_id or abs(read.next_reference_start - locus.start) > 2 * WINDOW
        if away and far and read.next_reference_id >= 0:
            template.missing = str(read.next_reference_name), read.next_reference_start


def _fetch_missing(reads: pysam.AlignmentFile, templates: dict[str, _Template]) -> None:
    """Mates that were put elsewhere: reads of nothing but repeat are, where a like repeat is longer."""
    wanted = [(name, one) for name, one in templates.items() if one.anchored and len(one.reads) == 1 and one.missing]
    for name, template in wanted[:_MOST_MATES]:
        contig, position = template.missing or ("", 0)
        for read in reads.fetch(contig, position, position + 1):
            if str(read.query_name) == name and not read.flag & _LEFT_OUT and read.is_read2 not in template.reads:
                template.reads[read.is_read2] = str(read.query_sequence)
                break


def _judge(evidence: Evidence, bases: str, units: _Units, flanks: Flanks) -> bool:
    """Take in one read; whether it is nothing but repeat."""
    for oriented in (bases, bases.translate(_COMPLEMENT)[::-1]):
        left, right = _behind(oriented, flanks.left), _before(oriented, flanks.right)
        if left is not None and right is not None and right >= left:
            evidence.spanning[right - left] += 1
            return False
        if left is not None or right is not None:
            part = oriented[left:right]
            reach = units.reach(part) if left is not None else units.backwards.reach(part[::-1])
            if reach:
                evidence.entering.append(reach)
                motif, share = units.best(part)
                evidence.motifs[motif] += share >= _PURE
            return False
    motif, share = max((units.best(one) for one in (bases, bases.translate(_COMPLEMENT)[::-1])), key=lambda one: one[1])
    if share >= _PURE:
        evidence.motifs[motif] += 1
    return share >= _PURE


def _behind(bases: str, left: str) -> int | None:
    """Where the repeat begins in a read: behind the sequence to its left."""
    place = _place(bases, left)
    if place is not None:
        return place + len(left)
    return next((size for size in range(len(left) - 1, EDGE - 1, -1) if bases.startswith(left[-size:])), None)


def _before(bases: str, right: str) -> int | None:
    """Where it ends: before the sequence to its right."""
    place = _place(bases, right)
    if place is not None:
        return place
    return next(
        (len(bases) - size for size in range(len(right) - 1, EDGE - 1, -1) if bases.endswith(right[:size])), None
    )


def _place(bases: str, anchor: str) -> int | None:
    """Where the anchor lies with the fewest differences, absent where these are too many."""
    if len(bases) < len(anchor):
        return None
    letters, wanted = _letters(bases), _letters(anchor)
    differences = (np.lib.stride_tricks.sliding_window_view(letters, len(anchor)) != wanted).sum(axis=1)
    place = int(differences.argmin())
    return place if differences[place] <= _MISMATCHES else None


def _letters(bases: str) -> NDArray[np.uint8]:
    return np.frombuffer(bases.encode(), np.uint8)
