"""How the letters of a FASTQ's quality lines stand for numbers: today's encoding, and two that old files have.

Phred+33 is what sequencers have written since 2011; Illumina's pipelines 1.3 to 1.7 wrote Phred+64, Solexa's earlier
ones +64 with odds in place of probabilities (Cock et al. 2010, doi:10.1093/nar/gkp1137). Read as Phred+33 such a file
looks excellent: its tails of quality 2 become 33. Here an encoding is told by letters that only one of them has.

>>> judge = EncodingJudge()
>>> judge.see_letters(b"hhhhggfB")
>>> judge.verdict
<Verdict.PHRED64: 'Phred+64'>
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from engine.reads.conventions import QualityEncoding

LOWEST_OF_64 = ord(";")
"""Solexa's quality of -5, the lowest letter of either encoding with 64: any lower one is Phred+33."""
HIGHEST_OF_33 = ord("K")
"""Quality 42 with 33, Illumina's highest; sequencers that go beyond write low qualities, too."""
HIGH_OF_64 = ord("^")
"""Quality 30 with 64, which any good file has; 61 with 33, which no sequencer writes in a read."""
HIGHEST_OF_64 = ord("j")
"""Quality 42 with 64: pipelines of that time stopped at 40 or 41. Higher letters are consensus reads in Phred+33."""


class Verdict(Enum):
    """What a file's letters say of its encoding."""

    PHRED33 = "Phred+33"
    PHRED64 = "Phred+64"
    MIXED = "both Phred+33 and Phred+64"


@dataclass
class EncodingJudge:
    """Looks at reads batch by batch, and says at any time what they speak for.

    A read with a letter below ``;`` is Phred+33. One without, that goes up to ``^`` and not beyond ``j``, looks like
    64; so do good reads of a consensus caller in Phred+33, but such a file has reads with letters of both kinds.

    Attributes:
        low: whether a read has a letter below ``;`` and none of ``^`` or above.
        high: whether a read looks like 64.
        wide: whether a read has letters of both kinds: Phred+33 beyond doubt.
        lowest: the lowest letter seen, or one below ``;``.
        highest: the highest letter seen.
    """

    low: bool = False
    high: bool = False
    wide: bool = False
    lowest: int = 255
    highest: int = 0

    def see(self, base_offset: NDArray[np.int64], qualities: NDArray[np.uint8]) -> None:
        """Look at reads.

        Args:
            base_offset: int64[n + 1], limits of the reads in ``qualities``.
            qualities: uint8[], as Phred+33 reads them.
        """
        if not len(qualities):
            return
        self.highest = max(self.highest, int(qualities.max()) + 33)
        if self.lowest >= LOWEST_OF_64:
            self.lowest = min(self.lowest, int(qualities.min()) + 33)
        if int(qualities.max()) < HIGH_OF_64 - 33:
            self.low = self.low or int(qualities.min()) < LOWEST_OF_64 - 33
            return
        starts = base_offset[:-1][np.diff(base_offset) > 0]
        lowest = np.minimum.reduceat(qualities, starts) + 33
        highest = np.maximum.reduceat(qualities, starts) + 33
        is_low, is_high = lowest < LOWEST_OF_64, highest >= HIGH_OF_64
        self.wide |= bool((is_low & is_high).any())
        self.low |= bool((is_low & ~is_high).any())
        self.high |= bool((~is_low & is_high & (highest <= HIGHEST_OF_64)).any())

    def see_letters(self, letters: bytes) -> None:
        """Look at one read's quality line."""
        self.see(np.array([0, len(letters)], np.int64), np.frombuffer(letters, np.uint8) - np.uint8(33))

    @property
    def verdict(self) -> Verdict:
        """What all that was seen speaks for."""
        if not self.high or self.wide:
            return Verdict.PHRED33
        return Verdict.MIXED if self.low else Verdict.PHRED64

    @property
    def is_open(self) -> bool:
        """Once a file has been seen whole: it may be either, poor reads of Phred+64 or odd ones of Phred+33.

        >>> poor = EncodingJudge()
        >>> poor.see_letters(b"YVUSPLGB")
        >>> poor.verdict is Verdict.PHRED33, poor.is_open
        (True, True)
        """
        return self.lowest >= LOWEST_OF_64 and HIGHEST_OF_33 < self.highest < HIGH_OF_64


def lowest_letter(encoding: QualityEncoding) -> int:
    """The lowest letter that the encoding has."""
    return {QualityEncoding.PHRED64: ord("@"), QualityEncoding.SOLEXA64: LOWEST_OF_64}.get(encoding, ord("!"))


def phred_of(encoding: QualityEncoding, qualities: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Phred qualities of letters in ``encoding``.

    Args:
        encoding: of the file; its letters are all at least :func:`lowest_letter`.
        qualities: uint8[], as Phred+33 reads them.
    """
    if encoding in (QualityEncoding.PHRED64, QualityEncoding.SOLEXA64):
        return _TABLES[encoding][qualities]
    return qualities


def _table(encoding: QualityEncoding) -> NDArray[np.uint8]:
    """uint8[256], the Phred quality of each letter less 33."""
    quality = np.arange(256, dtype=np.float64) + 33 - 64
    if encoding is QualityEncoding.SOLEXA64:  # from odds to probabilities
        quality = 10 * np.log10(10 ** (quality / 10) + 1)
    return np.clip(np.rint(quality), 0, 93).astype(np.uint8)


_TABLES = {kind: _table(kind) for kind in (QualityEncoding.PHRED64, QualityEncoding.SOLEXA64)}
