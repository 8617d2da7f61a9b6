"""The reference's contigs as text and as numbers, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

_GZIP = b"\x1f\x8b"
_SMALL = ord("a")


class Sequence:
    """A contig's bases, as text and as numbers.

    Args:
        contig: its name.
        bases: in capitals.
        letters: the same as numbers, where they are at hand.
    """

    def __init__(self, contig: str, bases: str, letters: NDArray[np.uint8] | None = None) -> None:
        self.contig = contig
        self.bases = bases
        self.letters = np.frombuffer(bases.encode(), np.uint8) if letters is None else letters


class Sequences:
    """Reads a FASTA, and holds the contig that was asked for last; use as a context manager.

    Args:
        fasta: with index.
    """

    def __init__(self, fasta: Path) -> None:
        import pysam

        self._path = fasta
        self._fasta = pysam.FastaFile(str(fasta))
        self._lines = _lines_of(fasta)
        self._held = Sequence("", "")

    def of(self, contig: str) -> Sequence:
        """A contig that the FASTA has, in capitals."""
        if contig != self._held.contig:
            self._held = Sequence("", "")
            self._held = self._read(contig)
        return self._held

    def _read(self, contig: str) -> Sequence:
        """Out of the file's lines at a quarter of what htslib takes, letter by letter; where they are packed by it."""
        lines = self._lines.get(contig)
        letters = lines.letters(self._path) if lines else None
        if letters is None:
            return Sequence(contig, self._fasta.fetch(contig).upper())
        if len(letters) and letters.max() >= _SMALL:
            letters = np.frombuffer(letters.tobytes().upper(), np.uint8)
        return Sequence(contig, str(letters.data, "ascii"), letters)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fasta.close()


class _Lines(NamedTuple):
    """How a contig's bases lie in a plain FASTA; all lines but the last are of one length.

    Attributes:
        length: of the contig.
        first: byte of the first base.
        bases: of a line.
        width: bytes of a line, its end among them.
    """

    length: int
    first: int
    bases: int
    width: int

    def letters(self, fasta: Path) -> NDArray[np.uint8] | None:
        """The bases as they are written; absent where the file ends before."""
        whole, rest = divmod(self.length, self.bases)
        size = whole * self.width + rest
        if fasta.stat().st_size < self.first + size:
            return None
        text = np.memmap(fasta, np.uint8, "r", self.first, (size,))
        found = np.empty(self.length, np.uint8)
        lines = text[: whole * self.width].reshape(whole, self.width)
        found[: whole * self.bases].reshape(whole, self.bases)[:] = lines[:, : self.bases]
        found[whole * self.bases :] = text[whole * self.width :]
        return found


def _lines_of(fasta: Path) -> dict[str, _Lines]:
    """By contig; none of a FASTA that is compressed, or has its index elsewhere."""
    index = fasta.with_name(f"{fasta.name}.fai")
    with fasta.open("rb") as file:
        if file.read(len(_GZIP)) == _GZIP or not index.exists():
            return {}
    told = (line.split("\t") for line in index.read_text().splitlines())
    return {fields[0]: _Lines(*map(int, fields[1:5])) for fields in told if fields[1] != "0"}
