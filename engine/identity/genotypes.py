"""What a person has at a list of common sites: read from a gVCF, which tells reference from what could not be called.

Genotype calls of a VCF will not do: a site that it lacks is reference or was not seen; to take the one for the other
makes strangers of a mother and her child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.call.gvcf import CALLED_FROM, GvcfColumns, gvcf_columns
from engine.errors import KnowledgeError, ReferenceMismatchError, VariantFileError
from engine.files.index_fit import require_index_fits
from engine.files.sample_values import alleles
from engine.files.variant_lines import PASSED, JudgedRecords, variant_lines, variant_records
from engine.identity.components import MISSING
from engine.reference.intervals import Interval

UNKNOWN = MISSING
"""A site that was not called, or where the person has an allele that the list does not have."""
NOT_DIPLOID = frozenset({"X", "Y", "M", "MT", "chrX", "chrY", "chrM", "chrMT"})
"""Contigs on which not everybody has two copies."""
_LETTERS = frozenset("ACGT")
_COPIES = 2
Place = tuple[str, int]
"""Contig and 0-based position."""
_BYTES_A_SITE = 6_500
"""Compressed bytes of a gVCF that are read through in the time that one site is looked up in (0.5 ms)."""


@dataclass(frozen=True)
class Sites:
    """Common single-base variants of the autosomes, sorted within each contig.

    Attributes:
        contigs: int64[n], which of ``names``.
        positions: int64[n], 0-based.
        ref: the reference bases.
        alt: the other bases.
        names: the contigs' names.
        left_out: how many records of the file are none (indels, several ALT, sex chromosomes, mitochondria).
    """

    contigs: NDArray[np.int64]
    positions: NDArray[np.int64]
    ref: tuple[str, ...]
    alt: tuple[str, ...]
    names: tuple[str, ...]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.ref)

    def placed(self) -> Iterator[tuple[Place, tuple[str, str]]]:
        """Contig and 0-based position of each site, with its bases."""
        contigs = (self.names[contig] for contig in self.contigs.tolist())
        return zip(
            zip(contigs, self.positions.tolist(), strict=True), zip(self.ref, self.alt, strict=True), strict=True
        )

    def of(self, contig: str) -> slice:
        """The sites of one contig."""
        if contig not in self.names:
            return slice(0, 0)
        number = self.names.index(contig)
        first, stop = np.searchsorted(self.contigs, [number, number + 1])
        return slice(int(first), int(stop))


@dataclass(frozen=True)
class Genotypes:
    """One person at the sites.

    Attributes:
        sample: the id in the gVCF.
        copies: int8[n], of ALT, 0 to 2, or :data:`UNKNOWN`.
    """

    sample: str
    copies: NDArray[np.int8]

    @property
    def known(self) -> int:
        """How many sites are."""
        return int((self.copies != UNKNOWN).sum())


def read_sites(path: Path) -> Sites:
    """Read a VCF of common variants; genotypes in it are not looked at.

    Raises:
        VariantFileError: it is damaged, or a site comes twice.
        KnowledgeError: it has no single-base variant of an autosome.
    """
    places: dict[Place, tuple[str, str]] = {}
    left_out = 0
    for number, fields in variant_records(path):
        contig, position, ref, alt = fields[0], int(fields[1]) - 1, fields[3].upper(), fields[4].upper()
        if contig in NOT_DIPLOID or ref not in _LETTERS or alt not in _LETTERS:
            left_out += 1
        elif (contig, position) in places:
            raise VariantFileError(
                f"{contig}:{position + 1:,} comes twice", file=path, place=f"line {number:,}", remedy="keep one of them"
            )
        else:
            places[contig, position] = ref, alt
    if not places:
        raise KnowledgeError(
            "it has no single-base variant of an autosome", file=path, remedy="give a VCF of common SNPs"
        )
    return sorted_sites(places, left_out)


def sorted_sites(places: Mapping[Place, tuple[str, str]], left_out: int = 0) -> Sites:
    """Sites of contig and 0-based position, each with its reference base and the other, in order.

    Contigs are in the order in which they come first.
    """
    number = {name: rank for rank, name in enumerate(dict.fromkeys(contig for contig, _ in places))}
    order = sorted(places, key=lambda place: (number[place[0]], place[1]))
    return Sites(
        np.array([number[contig] for contig, _ in order], np.int64),
        np.array([position for _, position in order], np.int64),
        tuple(places[place][0] for place in order),
        tuple(places[place][1] for place in order),
        tuple(number),
        left_out,
    )


@dataclass(frozen=True)
class JoinedSites:
    """Several lists of sites as one, so that a gVCF is read once for all.

    Attributes:
        sites: of all lists.
        found: for each list int64[n], which of these each of its sites is; -1 where an earlier list has other bases at
            the same place, so that this one's is not looked at.
    """

    sites: Sites
    found: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, *lists: Sites) -> JoinedSites:
        """Join them; bases of an earlier list come before a later one's."""
        places: dict[Place, tuple[str, str]] = {}
        for one in lists:
            for place, bases in one.placed():
                places.setdefault(place, bases)
        sites = sorted_sites(places)
        rank = {placed: number for number, placed in enumerate(sites.placed())}
        return cls(sites, tuple(np.array([rank.get(one, -1) for one in each.placed()], np.int64) for each in lists))

    def apart(self, copies: NDArray[np.int8]) -> tuple[NDArray[np.int8], ...]:
        """Copies at all sites, list by list."""
        padded = np.append(copies, np.int8(UNKNOWN))  # index -1 is its last
        return tuple(padded[one] for one in self.found)


def read_genotypes(gvcf: Path, sites: Sites) -> Genotypes:
    """A person's genotypes at the sites.

    A site is known where the record over it has a genotype quality of :data:`~engine.call.gvcf.CALLED_FROM`: within a
    block of reference it is 0, and at a variant that begins there what GT says. Where a deletion that begins before
    covers it, or an allele is neither REF nor ALT, it is unknown.

    Raises:
        VariantFileError: the gVCF is damaged, or not of one sample.
        ReferenceMismatchError: it is of another build than the sites, or shares no contig with them.
    """
    sample = _sample(gvcf)
    copies = np.full(len(sites), UNKNOWN, np.int8)
    seen: dict[str, None] = {}
    judged = JudgedRecords.of(gvcf)
    for columns in gvcf_columns(gvcf, _places(sites) if _is_looked_up(gvcf, sites) else None):
        seen[columns.contig] = None
        _add_blocks(columns, sites, copies)
        _add_variants(columns, sites, copies, gvcf, judged)
    if not set(seen) & set(sites.names):
        raise ReferenceMismatchError(
            f"its contigs ({next(iter(seen), 'none')}, ...) are not those of the sites ({sites.names[0]}, ...)",
            file=gvcf,
            remedy="give the list of sites of the gVCF's build and contig names",
            sample=sample,
        )
    return Genotypes(sample, copies)


def _is_looked_up(gvcf: Path, sites: Sites) -> bool:
    """Whether to look each site up by the index costs less than to read the file through."""
    indexed = any(gvcf.with_name(gvcf.name + suffix).is_file() for suffix in (".tbi", ".csi"))
    if not indexed or gvcf.stat().st_size <= _BYTES_A_SITE * len(sites):
        return False
    require_index_fits(gvcf, error=VariantFileError)
    return True


def _places(sites: Sites) -> list[Interval]:
    return [
        Interval(sites.names[contig], position, position + 1)
        for contig, position in zip(sites.contigs.tolist(), sites.positions.tolist(), strict=True)
    ]


def _sample(gvcf: Path) -> str:
    header = next((line for line in variant_lines(gvcf) if line.startswith("#CHROM")), "")
    samples = header.rstrip("\n").split("\t")[9:]
    if len(samples) != 1:
        raise VariantFileError(
            f"it has {len(samples)} samples", file=gvcf, remedy="give one gVCF for each sample (bcftools +split)"
        )
    return samples[0]


def _add_blocks(columns: GvcfColumns, sites: Sites, copies: NDArray[np.int8]) -> None:
    """Sites within blocks of reference of good quality have no copy of ALT."""
    here = sites.of(columns.contig)
    places = sites.positions[here]
    row = np.searchsorted(columns.start, places, "right") - 1
    inside = row >= 0
    row = np.maximum(row, 0)
    good = columns.genotype_quality[row] >= CALLED_FROM
    inside &= (places < columns.end[row]) & ~columns.is_variant[row] & good & (columns.depth[row] > 0)
    copies[here] = np.where(inside, 0, copies[here])


def _add_variants(
    columns: GvcfColumns, sites: Sites, copies: NDArray[np.int8], gvcf: Path, judged: JudgedRecords
) -> None:
    """Variants speak for what they begin at, and leave unknown what they reach over; so do two that disagree."""
    here = sites.of(columns.contig)
    places = sites.positions[here]
    told = set[int]()
    for row in np.flatnonzero(columns.is_variant).tolist():
        first, stop = np.searchsorted(places, [columns.start[row], columns.end[row]])
        if first == stop:
            continue
        site = here.start + int(first)
        before = int(copies[site])
        copies[here.start + first : here.start + stop] = UNKNOWN
        if sites.positions[site] == columns.start[row] and columns.genotype_quality[row] >= CALLED_FROM:
            fields = columns.fields(row)
            judged.require(fields)
            found = _copies(fields, sites, site, gvcf)
            copies[site] = found if site not in told or before == found else UNKNOWN
            told.add(site)


def _copies(fields: Sequence[str], sites: Sites, site: int, gvcf: Path) -> int:
    reference, alternates = fields[3].upper(), fields[4].upper().split(",")
    if not reference.startswith(sites.ref[site]):
        raise ReferenceMismatchError(
            f"REF is {reference} and the list of sites has {sites.ref[site]}",
            file=gvcf,
            place=f"{fields[0]}:{int(fields[1]):,}",
            remedy="give the list of sites of the gVCF's build",
        )
    wanted = sites.alt[site] + reference[1:]
    numbers = alleles(fields[8], fields[9]) or ()
    if len(numbers) != _COPIES or fields[6] not in PASSED:
        return UNKNOWN
    named = [reference, *alternates]
    called = [named[number] if number is not None else "." for number in numbers]
    return called.count(wanted) if all(allele in (reference, wanted) for allele in called) else UNKNOWN
