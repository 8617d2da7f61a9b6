"""Where on a contig the place alone decides: between genes, within introns, within untranslated and non-coding exons.

A contig is cut at every border of an exon and of a coding sequence into stretches within which each transcript is hit
in one way only. What lies in a stretch, away from its borders and outside every coding sequence, has the consequences
of the stretch, and its c. names are arithmetic; 98% of a genome does. The rest is judged record by record
(:mod:`engine.annotate.annotator`). Coordinates are 0-based half-open on the contig.

>>> from engine.annotate.gene_model import Transcript
>>> one = Transcript("T.1", "T", "G", "G1", None, "protein_coding", "1", -1, exons=((100, 150), (900, 999)),
...                  coding=(120, 150))
>>> places = Places(GeneModel({"T": one}), "1")
>>> hit, = places.stretch(500).hits
>>> hit.terms, hit.numbering.label(500), hit.numbering.label(600)
(('intron_variant',), '1-351', '-1+300')
>>> places.decide(np.array([500, 149, 110]), np.array([501, 150, 111])).tolist()
[True, False, False]
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.consequence import Hit, place_terms, representative
from engine.annotate.gene_model import GeneModel, Transcript
from engine.annotate.hgvs import label

MARGIN = 10
"""Bases on either side of a border within which a record is judged by itself; a splice region has eight."""


class Numbering(NamedTuple):
    """How the bases of a stretch are counted on a transcript: from one border, and in introns from the nearer of two.

    Attributes:
        left: what stands before the number up to ``middle``: ``*``, ``88+``, or nothing.
        right: the same behind it.
        base: what is added there to the position, times ``step``, for the number.
        step: 1 along the genome, -1 against it.
        after: from which the position is taken behind the middle.
        middle: twice the last position that is counted from the left.
        turned: whether names are those of the reverse strand.
    """

    left: str
    right: str
    base: int
    step: int
    after: int
    middle: int
    turned: bool

    def label(self, position: int) -> str:
        """A position of the stretch as HGVS counts it, as :func:`engine.annotate.hgvs.label`."""
        if 2 * position <= self.middle:
            return f"{self.left}{self.base + self.step * position}"
        return f"{self.right}{self.after - position}"


_NO_MIDDLE = 1 << 60
"""Twice a position that no contig reaches."""


class PlacedHit:
    """What a stretch means for one transcript.

    Attributes:
        transcript: that is hit.
        terms: names of the terms, the most severe first.
        numbering: how the bases are counted.
        numbered: number of the exon and of the intron, see :meth:`Transcript.numbered`.
        between: borders between exon and intron on either side, absent at the transcript's ends.
    """

    __slots__ = ("between", "numbered", "numbering", "terms", "transcript")

    def __init__(self, transcript: Transcript, start: int) -> None:
        self.transcript = transcript
        self.terms = place_terms(transcript, start, start + 1)
        self.numbered = transcript.numbered(start, start + 1)
        borders = transcript.junctions
        after = bisect_right(borders, start)
        self.between = borders[after - 1] if after else None, borders[after] if after < len(borders) else None
        self.numbering = _numbering(transcript, start)


def _numbering(transcript: Transcript, start: int) -> Numbering:
    exon = bisect_right(transcript.exons, (start, transcript.end + 1)) - 1
    end, strand = transcript.exons[exon][1], transcript.strand
    if start < end:
        text = label(transcript, start)
        mark, number = ("*", int(text[1:])) if text.startswith("*") else ("", int(text))
        return Numbering(mark, "", number - strand * start, strand, 0, _NO_MIDDLE, strand == -1)
    before, after = end - 1, transcript.exons[exon + 1][0]
    left, right = ("+", "-") if strand == 1 else ("-", "+")
    return Numbering(
        label(transcript, before) + left,
        label(transcript, after) + right,
        -before,
        1,
        after,
        before + after - (strand == -1),  # of two equally far the one upstream counts
        strand == -1,
    )


@dataclass(frozen=True)
class Stretch:
    """A stretch of a contig.

    Attributes:
        hits: by transcript, the one that speaks for the variant first; none between genes.
    """

    hits: tuple[PlacedHit, ...]

    @cached_property
    def numberings(self) -> tuple[Numbering, ...]:
        """Each way in which the bases are counted."""
        return tuple(dict.fromkeys(hit.numbering for hit in self.hits))


class Places:
    """The stretches of one contig; each is worked out when it is first asked for.

    Args:
        model: all transcripts.
        contig: whose stretches are wanted.
    """

    def __init__(self, model: GeneModel, contig: str) -> None:
        self._model = model
        transcripts = sorted((one for one in model.transcripts.values() if one.contig == contig), key=_start)
        self._order = {one.id: number for number, one in enumerate(model.transcripts.values())}
        self._transcripts = transcripts
        self._starts = [one.start for one in transcripts]
        reach = np.maximum.accumulate([one.end for one in transcripts]) if transcripts else np.zeros(0, np.int64)
        self._reach = reach.tolist()
        self._borders = _borders(transcripts)
        self._close_starts, self._close_ends = _merged(_close(transcripts))
        self._stretches: dict[int, Stretch] = {}

    def decide(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the place alone decides about a record.

        Args:
            starts: first base that a record touches or could as well be written at.
            ends: one past the last.
        """
        if not len(self._close_starts):
            return np.ones(len(starts), np.bool_)
        index = np.searchsorted(self._close_starts, ends, "left") - 1
        clear: NDArray[np.bool_] = (index < 0) | (self._close_ends[index] <= starts)
        return clear

    def numbers(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the stretches that positions lie in."""
        return np.searchsorted(self._borders, positions, "right")

    def stretch(self, position: int, number: int | None = None) -> Stretch:
        """The stretch that a position lies in.

        Args:
            position: within it.
            number: of the stretch, where it is known.
        """
        number = int(self.numbers(np.array([position]))[0]) if number is None else number
        found = self._stretches.get(number)
        if found is None:
            found = self._stretches[number] = self._worked_out(position)
        return found

    def _worked_out(self, position: int) -> Stretch:
        hits = [PlacedHit(transcript, position) for transcript in self._over(position)]
        if not hits:
            return _BETWEEN_GENES
        chosen = representative([Hit(hit.transcript.id, hit.terms) for hit in hits], self._model)
        first = chosen[1].id if chosen else ""
        return Stretch(
            tuple(sorted(hits, key=lambda hit: (hit.transcript.id != first, self._order[hit.transcript.id])))
        )

    def _over(self, position: int) -> list[Transcript]:
        index = bisect_right(self._starts, position)
        found = []
        while index and self._reach[index - 1] > position:
            index -= 1
            if self._transcripts[index].end > position:
                found.append(self._transcripts[index])
        return found


_BETWEEN_GENES = Stretch(())


def _start(transcript: Transcript) -> int:
    return transcript.start


def _borders(transcripts: Sequence[Transcript]) -> NDArray[np.int64]:
    borders = {border for one in transcripts for exon in one.exons for border in exon}
    borders.update(border for one in transcripts if one.coding for border in one.coding)
    return np.array(sorted(borders), np.int64)


def _close(transcripts: Sequence[Transcript]) -> NDArray[np.int64]:
    """Spans, start and end, around the borders of exons and over coding bases."""
    borders = _borders(transcripts)
    spans = [np.stack([borders - MARGIN, borders + MARGIN], axis=1)]
    coding = {
        (max(start, one.coding[0]), min(end, one.coding[1]))
        for one in transcripts
        if one.coding
        for start, end in one.exons[
            max(bisect_left(one.exons, (one.coding[0], 0)) - 1, 0) : bisect_left(one.exons, (one.coding[1], 0))
        ]
    }
    kept = [span for span in coding if span[0] < span[1]]
    spans.append(np.array(kept, np.int64).reshape(-1, 2))
    return np.concatenate(spans)


def _merged(spans: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spans in order, those that touch each other as one."""
    if not len(spans):
        return spans[:, 0], spans[:, 1]
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.concatenate([[True], spans[1:, 0] > reach[:-1]]))
    last = np.concatenate([first[1:] - 1, [len(spans) - 1]])
    return spans[first, 0], reach[last]
