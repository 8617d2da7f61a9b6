"""Copies of CYP2D6 by the depth of reads: whether there are two ordinary ones, so that its alleles can be named.

CYP2D6 is deleted, doubled or exchanged with its neighbour CYP2D7 in many people. The depth of reads whose place is
certain is compared over the gene with that on both of its sides, which are there twice; both halves of the gene, and
CYP2D7, have to say the same as the whole, since a hybrid has the one half of one gene and the other half of the other.
The idea of comparing depths is that of Chen et al. 2021 (doi:10.1038/s41397-020-00205-5), who look at 118 bases in
which the two genes differ besides. What depth cannot tell: a stretch of CYP2D6 that reads as CYP2D7 in place of its own
bases, where the number of copies stays.

>>> Cyp2d6Copies(22.0, (44.0, 44.0, 22.0), 3).reason
'3 copies by depth: which allele is doubled is not told'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.errors import AlignmentFileError
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pysam

    from engine.reference.genome import Reference

GENE: Final = "CYP2D6"
_CONTIG: Final = "22"
_STARTS: Final = {"GRCh37": 42_500_000, "GRCh38": 42_104_000}
"""0-based: from where the stretches below are counted, by build. GRCh38 has the same bases 396,000 before."""
_BESIDE: Final = ((13_000, 19_000), (37_000, 50_000))
"""Unique stretches on either side, the second with CYP2D7 but without the copies of the repeat beside it."""
_HALVES: Final = ((22_500, 24_700), (24_700, 26_900))
_CYP2D7: Final = (36_200, 40_600)
_WINDOW: Final = 500
_LEAST_DEPTH: Final = 15.0
_LEAST_COVERED: Final = 0.9
"""Share of the windows on either side with half the usual depth or more, below which targets were sequenced."""
_LEAST_MAPPING: Final = 20
_SKIPPED: Final = 0xF00
"""Flags of reads that are not counted: secondary, not passing, duplicate, supplementary."""
_NEAR: Final = 0.35
"""Copies by which a depth may differ from a whole number."""


@dataclass(frozen=True)
class Cyp2d6Copies:
    """Copies in the cell.

    Attributes:
        usual: depth of reads on either side of the gene, where there are two copies.
        depths: of the gene's two halves, and of CYP2D7.
        copies: of the gene; absent where depth does not tell.
    """

    usual: float
    depths: tuple[float, float, float]
    copies: int | None

    @property
    def in_copies(self) -> tuple[float, ...]:
        """The depths, in copies."""
        return tuple(round(2 * one / self.usual, 2) for one in self.depths)

    @property
    def reason(self) -> str:
        """Why the gene's alleles cannot be named, empty where they can."""
        if self.copies is None:
            first, second, other = self.in_copies
            return (
                f"depth tells no number of copies (halves of the gene {first} and {second}, CYP2D7 {other}), as with "
                "hybrids with CYP2D7"
            )
        said = {
            0: "no copy by depth: both are deleted (*5)",
            1: "one copy by depth: the other is deleted (*5)",
            2: "",
        }
        return said.get(self.copies, f"{self.copies} copies by depth: which allele is doubled is not told")


def why_not_named(found: Cyp2d6Copies | str) -> str:
    """Why the alleles cannot be named by what :func:`count_cyp2d6` found; empty where there are two copies."""
    return f"its copies cannot be counted: {found}" if isinstance(found, str) else found.reason


def count_cyp2d6(reads: Path, reference: Reference, build: str | None) -> Cyp2d6Copies | str:
    """Copies of CYP2D6, or why they cannot be told.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: the genome it was aligned to.
        build: of the reference.

    Raises:
        AlignmentFileError: the reads cannot be read.
    """
    contig = next((one for one in reference.contigs if bare_contig(one.name) == _CONTIG), None)
    start = _STARTS.get(build or "")
    if contig is None or start is None or contig.length < start + _BESIDE[-1][1]:
        return "the reference has no chromosome 22 of GRCh37 or GRCh38"
    with _opened(reads, reference) as file:
        depths = [_depths(file, contig.name, start, part) for part in (*_BESIDE, *_HALVES, _CYP2D7)]
    return _weighed(depths)


def bases_at(
    reads: Path, reference: Reference, positions: Sequence[int], least_mapping: int, least_quality: int
) -> list[dict[str, int]]:
    """Reads by base at places of chromosome 22 (0-based), of reads whose place is certain and bases that are.

    Raises:
        AlignmentFileError: the reads cannot be read.
    """
    contig = next(one.name for one in reference.contigs if bare_contig(one.name) == _CONTIG)
    with _opened(reads, reference) as file:
        return [_bases(file, contig, position, least_mapping, least_quality) for position in positions]


def _bases(
    file: pysam.AlignmentFile, contig: str, position: int, least_mapping: int, least_quality: int
) -> dict[str, int]:
    counted = file.count_coverage(
        contig,
        position,
        position + 1,
        quality_threshold=least_quality,
        read_callback=lambda read: not read.flag & _SKIPPED and read.mapping_quality >= least_mapping,
    )
    return {base: count[0] for base, count in zip("ACGT", counted, strict=True)}


@contextmanager
def _opened(reads: Path, reference: Reference) -> Iterator[pysam.AlignmentFile]:
    import pysam

    try:
        with pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as file:
            yield file
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error


def _depths(file: pysam.AlignmentFile, contig: str, start: int, part: tuple[int, int]) -> list[float]:
    """Mean depth of reads whose place is certain in each window of a stretch."""
    first, last = start + part[0], start + part[1]
    bases = np.zeros(last - first, np.int64)
    for read in file.fetch(contig, first, last):
        if not read.flag & _SKIPPED and read.mapping_quality >= _LEAST_MAPPING:
            for begin, end in read.get_blocks():
                bases[max(begin - first, 0) : max(min(end, last) - first, 0)] += 1
    windows = range(0, len(bases) - _WINDOW + 1, _WINDOW)
    return [float(bases[at : at + _WINDOW].mean()) for at in windows]


def _weighed(depths: list[list[float]]) -> Cyp2d6Copies | str:
    beside = np.array([*depths[0], *depths[1]])
    usual = float(np.median(beside))
    if usual < _LEAST_DEPTH:
        return f"the stretches beside {GENE} are covered by fewer than {_LEAST_DEPTH:.0f} reads"
    if np.mean(beside >= usual / 2) < _LEAST_COVERED:
        return "targets were sequenced and not the genome"
    sides = [float(np.mean(one)) for one in depths[:2]]
    if max(sides) > 1.25 * min(sides):
        return f"the two sides of {GENE} are not covered alike"
    halves_and_other = tuple(float(np.mean(one)) for one in depths[2:])
    return Cyp2d6Copies(usual, (halves_and_other[0], halves_and_other[1], halves_and_other[2]),
                        _copies(2 / usual * np.array(halves_and_other)))  # fmt: skip


def _copies(found: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int | None:
    """The number that both halves are near, if CYP2D7 is there twice."""
    copies = round(float(found[:2].mean()))
    near = np.abs(found - [copies, copies, 2]) <= _NEAR * np.maximum(1, np.array([copies, copies, 2]) / 2)
    return copies if near.all() else None
