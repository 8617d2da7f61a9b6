"""Copies of SMN1 and SMN2, which are alike but for some bases, so that aligners cannot tell their reads apart.

How many copies both have together is told by the depth of all reads over either gene, beside that of stretches of the
same share of G and C elsewhere; how many of them are SMN1 by the one base that makes the difference (c.840, C in SMN1
and T in SMN2, by which exon 7 is left out). Both are weighed together; a number is told where it is all but certain.

The idea is that of Chen et al. 2020 (doi:10.1038/s41436-020-0754-0), who count fifteen more bases. What it cannot tell:
two copies on one chromosome and none on the other (silent carriers), and small variants within SMN1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError, KnowledgeError
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pysam

    from engine.reference.genome import Reference

STRETCH: Final = 5_000
"""Bases on either side of c.840 over which depth is counted: exons 7 and 8 and what lies about them."""
FLANK: Final = 50
"""Bases on either side of c.840 in which reference and copy are the same."""
WINDOW: Final = 2_000
_WINDOWS: Final = 2_000
"""Looked at, to find those of the same share of G and C."""
_GC_WITHIN: Final = 0.05
_LEAST_WINDOWS: Final = 20
_LEAST_DEPTH: Final = 10.0
_LEAST_COVERED: Final = 0.7
"""Share of the windows with half the usual reads or more, below which targets were sequenced."""
_MOST_COPIES: Final = 8
_LEAST_SPREAD: Final = 0.12
"""Of the depth in copies, one standard deviation at least: what the model of depth does not know."""
_ERROR: Final = 0.005
_LEAST_QUALITY: Final = 20
_CERTAIN: Final = 0.95
_SKIPPED: Final = 0xF00
"""Flags of reads that are not counted: secondary, not passing, duplicate, supplementary."""


NOT_TOLD: Final = "not told"
"""The state where fewer than two copies of SMN1 are neither certain nor excluded."""


@dataclass(frozen=True)
class SmnSites:
    """Where c.840 lies in the reference.

    Attributes:
        contig: name of chromosome 5.
        smn1: 0-based, where the reference has C.
        smn2: 0-based, where it has T.
    """

    contig: str
    smn1: int
    smn2: int


_PLACES: Final = {"GRCh38": (70_951_945, 70_076_525), "GRCh37": (70_247_772, 69_372_352)}
"""0-based places of c.840 in SMN1 and SMN2, both on the forward strand; the reference must bear them out."""


@dataclass(frozen=True)
class SmnCopies:
    """Copies in the cell.

    Attributes:
        contig: name of chromosome 5.
        position: 1-based, of c.840 in SMN1.
        depth: of both genes, in copies.
        reads_smn1: fragments with C at c.840.
        reads_smn2: fragments with T there.
        smn1: copies; absent where they are not certain.
        smn2: copies; absent where they are not certain.
        certainty: probability of the likeliest number of copies of SMN1, 0 to 1.
        likely: numbers of copies of SMN1 that together have 95% of the probability.
    """

    contig: str
    position: int
    depth: float
    reads_smn1: int
    reads_smn2: int
    smn1: int | None
    smn2: int | None
    certainty: float
    likely: tuple[int, ...]

    @property
    def state(self) -> str:
        """In words what the copies of SMN1 mean."""
        if min(self.likely) > 1:
            return "two or more copies of SMN1"
        return {0: "no copy of SMN1", 1: "one copy of SMN1"}.get(-1 if self.smn1 is None else self.smn1, NOT_TOLD)


def smn_sites(reference: Reference, build: str | None, places: tuple[int, int] | None = None) -> SmnSites | None:
    """Where the two genes are; nothing where the reference has no chromosome 5.

    Args:
        reference: the genome.
        build: its build, by which the places are known.
        places: 0-based places of c.840 in SMN1 and SMN2, of a reference of another build.

    Raises:
        KnowledgeError: the build has no known places, or the reference does not read as SMN1 and SMN2 there.
    """
    found = next((one for one in reference.contigs if bare_contig(one.name) == "5"), None)
    if found is None:
        return None
    where = places or _PLACES.get(build or "")
    if where is None:
        raise KnowledgeError(
            f"where SMN1 and SMN2 lie is known of {' and '.join(sorted(_PLACES))}, not of {build or 'this reference'}",
            file=reference.fasta,
            remedy="use a reference of one of these builds",
        )
    sites = SmnSites(found.name, *where)
    with reference.open() as fasta:
        around = [_around(fasta, sites.contig, place) for place in where]
    alike = around[0][:FLANK] == around[1][:FLANK] and around[0][FLANK + 1 :] == around[1][FLANK + 1 :]
    if not alike or (around[0][FLANK : FLANK + 1], around[1][FLANK : FLANK + 1]) != ("C", "T"):
        raise KnowledgeError(
            f"the reference does not read as SMN1 and SMN2 at {sites.contig}:{where[0] + 1:,} and {where[1] + 1:,}",
            file=reference.fasta,
            remedy="use a reference in which neither gene is masked",
        )
    return sites


def _around(fasta: pysam.FastaFile, contig: str, place: int) -> str:
    bases: str = fasta.fetch(contig, max(0, place - FLANK), place + FLANK + 1)
    return bases.upper()


def count_smn(reads: Path, reference: Reference, sites: SmnSites) -> SmnCopies | str:
    """Copies of SMN1 and SMN2, or why they cannot be told.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: the genome it was aligned to.
        sites: of that reference.

    Raises:
        AlignmentFileError: the reads cannot be read.
    """
    import pysam

    try:
        with (
            reference.open() as fasta,
            pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as file,
        ):
            usual = _usual_reads(file, fasta, sites)
            if isinstance(usual, str):
                return usual
            bases = _bases_at(file, sites)
            both = sum(_started(file, sites.contig, place - STRETCH, place + STRETCH) for place in _both(sites))
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error
    mean, spread = float(np.mean(usual)), float(np.std(usual) / np.mean(usual))
    depth = 2 * both * WINDOW / (2 * STRETCH * mean)
    return weigh(sites, depth, spread / (2 * STRETCH / WINDOW) ** 0.5, bases)


def _both(sites: SmnSites) -> tuple[int, int]:
    return sites.smn1, sites.smn2


def _usual_reads(file: pysam.AlignmentFile, fasta: pysam.FastaFile, sites: SmnSites) -> NDArray[np.float64] | str:
    """Reads that begin in each of some windows of the autosomes with SMN1's share of G and C."""
    wanted = _gc(fasta.fetch(sites.contig, max(0, sites.smn1 - STRETCH), sites.smn1 + STRETCH))
    counts = [
        _started(file, contig, start, start + WINDOW)
        for contig, start in _spread_out(file, sites)
        if abs(_gc(fasta.fetch(contig, start, start + WINDOW)) - wanted) <= _GC_WITHIN
    ]
    if len(counts) < _LEAST_WINDOWS:
        return "too few stretches of the genome have the share of G and C of SMN1"
    usual = np.array(counts, dtype=np.float64)
    middle = float(np.median(usual))
    if np.mean(usual >= max(middle, 1) / 2) < _LEAST_COVERED:
        return "targets were sequenced and not the genome"
    length = max((one.query_length for one in _some_reads(file, sites)), default=0)
    if middle * length / WINDOW < _LEAST_DEPTH:
        return f"the genome is covered by fewer than {_LEAST_DEPTH:.0f} reads"
    return usual[(usual >= middle / 2) & (usual <= middle * 3 / 2)]


def _spread_out(file: pysam.AlignmentFile, sites: SmnSites) -> list[tuple[str, int]]:
    """Windows at equal distances over the autosomes, none at the genes."""
    autosomes = [
        (name, length) for name, length in zip(file.references, file.lengths, strict=True) if _is_autosome(name)
    ]
    step = max(WINDOW, sum(length for _, length in autosomes) // _WINDOWS)
    return [
        (name, start)
        for name, length in autosomes
        for start in range(0, length - WINDOW, step)
        if name != sites.contig or all(abs(start - place) > 2 * STRETCH for place in _both(sites))
    ]


def _is_autosome(name: str) -> bool:
    return bare_contig(name).isdecimal()


def _gc(bases: str) -> float:
    """Share of G and C; below any where bases are N."""
    upper = bases.upper()
    return -1.0 if "N" in upper or not upper else (upper.count("G") + upper.count("C")) / len(upper)


def _started(file: pysam.AlignmentFile, contig: str, start: int, end: int) -> int:
    """Reads that begin there, wherever else they fit."""
    first = max(0, start)
    return sum(
        first <= read.reference_start < end and not read.flag & _SKIPPED for read in file.fetch(contig, first, end)
    )


def _some_reads(file: pysam.AlignmentFile, sites: SmnSites) -> list[pysam.AlignedSegment]:
    return [read for place in _both(sites) for read in file.fetch(sites.contig, place, place + 1)]


def _bases_at(file: pysam.AlignmentFile, sites: SmnSites) -> tuple[int, int]:
    """Fragments with C and with T at c.840, at whichever of the genes they were put."""
    said: dict[str, set[str]] = {}
    for place in _both(sites):
        for read in file.fetch(sites.contig, place, place + 1):
            base = None if read.flag & _SKIPPED else _base_at(read, place)
            if base in ("C", "T"):
                said.setdefault(str(read.query_name), set()).add(base)
    agreed = [next(iter(bases)) for bases in said.values() if len(bases) == 1]
    return agreed.count("C"), agreed.count("T")


def _base_at(read: pysam.AlignedSegment, place: int) -> str | None:
    for query, reference in read.get_aligned_pairs(matches_only=True):
        if reference == place:
            qualities, bases = read.query_qualities, read.query_sequence
            sure = bases is not None and (qualities is None or qualities[query] >= _LEAST_QUALITY)
            return bases[query] if sure and bases is not None else None
    return None


def weigh(sites: SmnSites, depth: float, spread: float, bases: tuple[int, int]) -> SmnCopies:
    """The copies of either gene by depth and by the bases at c.840, every number of copies being as likely before.

    Args:
        sites: for the place that is told.
        depth: of both genes, in copies.
        spread: standard deviation of a depth, as a share of it.
        bases: fragments with C, with T.
    """
    chances = np.full((_MOST_COPIES + 1, _MOST_COPIES + 1), -np.inf)
    for smn1 in range(_MOST_COPIES + 1):
        for smn2 in range(_MOST_COPIES + 1 - smn1):
            chances[smn1, smn2] = _fits(smn1, smn2, depth, spread, bases)
    weights = np.exp(chances - chances.max())
    weights /= weights.sum()
    ones, twos = weights.sum(axis=1), weights.sum(axis=0)
    return SmnCopies(
        sites.contig,
        sites.smn1 + 1,
        round(depth, 2),
        *bases,
        smn1=_certain(ones),
        smn2=_certain(twos),
        certainty=round(float(ones.max()), 4),
        likely=_likely(ones),
    )


def _fits(smn1: int, smn2: int, depth: float, spread: float, bases: tuple[int, int]) -> float:
    """Logarithm of how well a depth and the bases fit so many copies."""
    total = smn1 + smn2
    deviation = max(_LEAST_SPREAD, spread * max(total, 1))
    share = min(max(smn1 / total if total else 0.5, _ERROR), 1 - _ERROR)
    of_depth = -(((depth - total) / deviation) ** 2) / 2 - np.log(deviation)
    return float(of_depth + bases[0] * np.log(share) + bases[1] * np.log(1 - share))


def _certain(chances: NDArray[np.float64]) -> int | None:
    best = int(chances.argmax())
    return best if chances[best] >= _CERTAIN else None


def _likely(chances: NDArray[np.float64]) -> tuple[int, ...]:
    taken: list[int] = []
    for one in np.argsort(-chances):
        taken.append(int(one))
        if chances[taken].sum() >= _CERTAIN:
            break
    return tuple(sorted(taken))


def numbers(values: Sequence[int]) -> str:
    """``1 or 2``, for people."""
    return " or ".join(str(value) for value in values)
