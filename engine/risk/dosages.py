"""How many copies of an allele each sample has at the places that scores ask about.

A place is one position and REF of a VCF, its alleles gathered over all records there: a copy of another alternate
allele is no copy of REF, whichever record has it. A genotype that is missing, even in part, is not known. What the
calls have no record of is known only where a gVCF shows that the sample was looked at there and found to be reference.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import VariantFileError
from engine.files.variant_lines import variant_lines, variant_records
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pysam

Place = tuple[str, int]
"""Contig without ``chr``, and 1-based position."""
Copies = NDArray[np.float64]
"""Copies of an allele by sample; NaN where the genotype is not known."""


@dataclass
class Site:
    """What the calls say at a place.

    Attributes:
        ref: the reference allele; of a place without a record its first base.
        copies: of each alternate allele, by sample.
        alleles: alleles in each sample's genotype: 2, or 1 where there is one copy of the contig; NaN where not known.
        reads: of a place without a record the reference's bases from it on, as far as the sample was looked at and
            alleles may reach; empty where a record says which alleles there are.
    """

    ref: str
    copies: dict[str, Copies]
    alleles: Copies
    reads: str = ""

    def as_one_of(self, stated: Collection[str]) -> Site | None:
        """The site by the one of some alleles that is the reference's; absent where it cannot be told which.

        Of alleles of different lengths several may begin as the reference does: ``A`` and ``AT`` where it reads ``AT``
        are a deletion or an insertion. A record tells which it is if it has two of them.
        """
        if not self.reads:
            is_told = len({*map(len, stated)}) == 1 or any(one in self.copies for one in stated)
            return self if self.ref in stated and is_told else None
        begins = [one for one in stated if self.reads.startswith(one) or one.startswith(self.reads)]
        if len(begins) != 1 or not self.reads.startswith(begins[0]):
            return None
        return Site(begins[0], self.copies, self.alleles)

    def count(self, allele: str) -> Copies:
        """Copies of an allele, none where the calls do not have it."""
        if allele == self.ref:
            return self.alleles - sum(self.copies.values(), np.zeros(len(self.alleles)))
        return self.copies.get(allele, self.alleles * 0)


@dataclass
class Dosages:
    """Genotypes at the places asked about.

    Attributes:
        samples: names, in the file's order.
        sites: by place, one for each REF.
        rsids: place by dbSNP's id, of records that have one of those asked about.
    """

    samples: tuple[str, ...]
    sites: dict[Place, list[Site]] = field(default_factory=dict)
    rsids: dict[str, Place] = field(default_factory=dict)


def read_dosages(calls: Path, places: Collection[Place], rsids: Collection[str] = ()) -> Dosages:
    """Read the records of a VCF that lie at the places, or have the ids, asked about.

    Raises:
        VariantFileError: the file is damaged, has no sample, or a genotype that is none.
    """
    dosages = Dosages(_samples(calls))
    for number, fields in variant_records(calls):
        place = bare_contig(fields[0]), int(fields[1])
        named = [name for name in fields[2].split(";") if name in rsids] if rsids else []
        if place not in places and not named:
            continue
        dosages.rsids.update(dict.fromkeys(named, place))
        _add(dosages.sites.setdefault(place, []), fields, calls, number)
    return dosages


def _samples(calls: Path) -> tuple[str, ...]:
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    samples = tuple(header.rstrip("\n").split("\t")[9:])
    if not samples:
        raise VariantFileError("nobody's genotypes are in it", file=calls, remedy="give calls of at least one sample")
    return samples


def _add(sites: list[Site], fields: Sequence[str], calls: Path, number: int) -> None:
    """Add a record to the site of its REF."""
    ref, alternates = fields[3].upper(), fields[4].upper().split(",")
    try:
        genotypes = [_genotype(value, len(alternates)) for value in fields[9:]]
    except ValueError:
        raise VariantFileError(
            "a genotype (GT) is none", file=calls, place=f"line {number:,}", remedy="make the file again"
        ) from None
    known = np.array([np.nan if genotype is None else len(genotype) for genotype in genotypes])
    site = next((site for site in sites if site.ref == ref), None)
    if site is None:
        site = Site(ref, {}, known)
        sites.append(site)
    else:
        site.alleles = np.where(np.isnan(known), np.nan, site.alleles)
    for index, allele in enumerate(alternates, start=1):
        if not allele.startswith("<"):
            copies = np.array([np.nan if one is None else one.count(index) for one in genotypes], np.float64)
            site.copies[allele] = site.copies.get(allele, 0) + copies


def _genotype(value: str, alternates: int) -> list[int] | None:
    """The alleles of a genotype, absent where any of them is missing; ValueError where it is none."""
    text = value.partition(":")[0]
    if not text or "." in text:
        return None
    alleles = [int(one) for one in text.replace("|", "/").split("/")]
    if not all(0 <= allele <= alternates for allele in alleles):
        raise ValueError
    return alleles


def add_reference_places(
    dosages: Dosages,
    places: Collection[Place],
    called: Mapping[str, Sequence[tuple[int, int]]],
    fasta: pysam.FastaFile,
    copies: Callable[[Place], int] = lambda _: 2,
    *,
    longest: int = 1,
) -> None:
    """Add the places without a record where one sample was looked at and found to be reference.

    Args:
        dosages: of one sample.
        places: that are asked about.
        called: where a gVCF calls it, by contig, sorted, 0-based half-open.
        fasta: for the base there.
        copies: of a place; two by default.
        longest: bases of the longest allele that is asked about.
    """
    by_name = {bare_contig(contig): contig for contig in called}
    starts = {contig: [start for start, _ in stretches] for contig, stretches in called.items()}
    for contig, position in _without(places, dosages.sites):
        name = by_name.get(contig)
        before = bisect_right(starts[name], position - 1) - 1 if name else -1
        if name and before >= 0 and position <= called[name][before][1]:
            end = min(position - 1 + longest, called[name][before][1])
            reads = fasta.fetch(name, position - 1, end).upper()
            alleles = np.array([float(copies((contig, position)))])
            dosages.sites[contig, position] = [Site(reads[0], {}, alleles, reads)]


def _without(places: Collection[Place], sites: Mapping[Place, list[Site]]) -> Iterator[Place]:
    return (place for place in sorted(places) if place not in sites)
