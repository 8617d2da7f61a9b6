"""The reference's contigs as text and as numbers, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np


class Sequence:
    """A contig's bases, as text and as numbers."""

    def __init__(self, contig: str, bases: str) -> None:
        self.contig = contig
        self.bases = bases
        self.letters = np.frombuffer(bases.encode(), np.uint8)


class Sequences:
    """Reads a FASTA, and holds the contig that was asked for last; use as a context manager.

    Args:
        fasta: with index.
    """

    def __init__(self, fasta: Path) -> None:
        import pysam

        self._fasta = pysam.FastaFile(str(fasta))
        self._held = Sequence("", "")

    def of(self, contig: str) -> Sequence:
        """A contig that the FASTA has, in capitals."""
        if contig != self._held.contig:
            self._held = Sequence("", "")
            self._held = Sequence(contig, self._fasta.fetch(contig).upper())
        return self._held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fasta.close()
