"""Which records reach into the targets: what a sample's VCF keeps of a call that was made with padding.

A record is placed as far left as it goes, so that a deletion inside a repeat may be written before a target although
the very same deletion, written further right (where HGVS names it), removes bases of the target. What counts is
therefore every place at which the record could be written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType

from engine.reference.intervals import Interval, select_intervals
from engine.reference.known_bases import Sequences

_LOOK_AHEAD = 1_000
"""Bases after a record within which a repeat is followed to a target."""


class TargetReach:
    """Answers for one record after the other; holds the FASTA open until closed.

    Args:
        targets: merged intervals.
        fasta: reference with its ``.fai``.
    """

    def __init__(self, targets: Sequence[Interval], fasta: Path) -> None:
        import pysam

        self._sequences = pysam.FastaFile(str(fasta))
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        for target in targets:
            self._starts.setdefault(target.contig, []).append(target.start)
            self._ends.setdefault(target.contig, []).append(target.end)

    def __enter__(self) -> TargetReach:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sequences.close()

    def __call__(self, contig: str, position: int, ref: str, alts: str) -> bool:
        """Whether the record changes a base of a target, or inserts right beside one.

        Args:
            contig: CHROM.
            position: POS, 1-based.
            ref: REF.
            alts: ALT, joined by commas.
        """
        start = position - 1
        target = self._first_ending_after(contig, start)
        if target is None:
            return False
        return any(target < self._end(contig, start, ref, alt, target) for alt in alts.split(","))

    def _first_ending_after(self, contig: str, start: int) -> int | None:
        """Start of the first target that ends behind that base."""
        number = bisect_right(self._ends.get(contig, []), start)
        starts = self._starts.get(contig, [])
        return starts[number] if number < len(starts) else None

    def _end(self, contig: str, start: int, ref: str, alt: str, target: int) -> int:
        """One past the last base that the allele can be said to change; an insertion touches the base behind it."""
        end = start + len(ref)
        if len(alt) == len(ref) or not alt.isalpha():
            return end
        longer, shorter = (ref, alt) if len(ref) > len(alt) else (alt, ref)
        if longer.startswith(shorter) and end <= target <= end + _LOOK_AHEAD:
            changed = longer[len(shorter) :]
            following = self._sequences.fetch(contig, end, target + 1).upper()
            end += _repeated(changed, following)
        return end + (len(alt) > len(ref))


def reach_of(targets: Path | None, reference: Sequences) -> AbstractContextManager[TargetReach | None]:
    """The reach of a BED's intervals, to be closed; nothing where there is no BED and every record is kept.

    Raises:
        KnowledgeError: the BED is missing or damaged.
        ReferenceMismatchError: it lies outside the reference.
    """
    if targets is None:
        return nullcontext()
    lengths = {contig.name: contig.length for contig in reference.contigs}
    return TargetReach(select_intervals(lengths, targets=targets), reference.fasta)


def _repeated(changed: str, following: str) -> int:
    """How many bases an insertion or deletion can be written further right.

    >>> _repeated("CA", "CACATT")
    4
    """
    for shift, base in enumerate(following):
        if base != changed[shift % len(changed)]:
            return shift
    return len(following)
