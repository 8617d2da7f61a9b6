"""How many copies of an allele each sample has at the places that scores ask about.

A place is one position and REF of a VCF, its alleles gathered over all records there: a copy of another alternate
allele is no copy of REF, whichever record has it. A genotype that is missing, even in part, is not known. What the
calls have no record of is known only where a gVCF shows that the sample was looked at there and found to be reference.

Most places have one record with one alternate allele, or none: these are kept by columns. What several records, or one
of another kind, say of a place is kept as :class:`Site`; what both say of a place is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.call.gvcf import Stretches
from engine.call.ploidy import copies_at
from engine.errors import ReferenceMismatchError
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.risk.places import Place, Places
from engine.risk.scored_rows import Numbered

if TYPE_CHECKING:
    import pysam

REFERENCE, ALTERNATE, NEITHER = range(3)
"""Which allele of an entry of the columns a row of a score counts."""
Copies = NDArray[np.float64]
"""Copies of an allele by sample; NaN where the genotype is not known."""
CopiesOfPlaces = Callable[[str, NDArray[np.int64]], NDArray[np.int64]]
"""How many copies a person has of a contig, named without ``chr``, at 1-based positions."""


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
        places: that were asked about.
        entry: int64[places], which of the columns' entries is a place's, -1 where none.
        names: alleles by number.
        ref: int32[entries], number of REF.
        alt: int32[entries], number of ALT, -1 where there is no record.
        copies: int8[entries, samples], of ALT.
        alleles: int8[entries, samples], alleles in the genotype; -1 where not known.
        sites: of the other places, one for each REF.
        rsids: place by dbSNP's id, of records that have one of those asked about; without ids at several places.
    """

    samples: tuple[str, ...]
    places: Places
    entry: NDArray[np.int64]
    names: Numbered[str]
    ref: NDArray[np.int32]
    alt: NDArray[np.int32]
    copies: NDArray[np.int8]
    alleles: NDArray[np.int8]
    sites: dict[Place, list[Site]]
    rsids: dict[str, Place]

    def with_sites(self) -> NDArray[np.bool_]:
        """bool[places], whether sites tell of a place."""
        told = np.zeros(len(self.places), np.bool_)
        for contig, positions in by_contig(self.sites).items():
            found = self.places.find(contig, np.array(positions, np.int64))
            told[found[found >= 0]] = True
        return told

    def append(self, at: NDArray[np.int64], ref: NDArray[np.int32], alleles: NDArray[np.int8]) -> None:
        """Take up places without a record where the samples are found to be reference.

        Args:
            at: int64[n], which places.
            ref: int32[n], number of the base.
            alleles: int8[n, samples], how many there are.
        """
        self.entry[at] = np.arange(len(self.ref), len(self.ref) + len(at))
        self.ref = np.concatenate([self.ref, ref])
        self.alt = np.concatenate([self.alt, np.full(len(at), -1, np.int32)])
        self.copies = np.concatenate([self.copies, np.zeros_like(alleles)])
        self.alleles = np.concatenate([self.alleles, alleles])


def by_contig(places: Collection[Place]) -> dict[str, list[int]]:
    """Positions of places by contig."""
    found: dict[str, list[int]] = {}
    for contig, position in places:
        found.setdefault(contig, []).append(position)
    return found


def add_reference_places(
    dosages: Dosages,
    called: Mapping[str, Sequence[tuple[int, int]]],
    fasta: pysam.FastaFile,
    copies: CopiesOfPlaces = lambda _, positions: np.full(len(positions), 2),
    *,
    longest: int = 1,
) -> None:
    """Add the places without a record where one sample was looked at and found to be reference.

    Args:
        dosages: of one sample.
        called: where a gVCF calls it, by contig, sorted, 0-based half-open.
        fasta: for the base there.
        copies: of a place; two by default.
        longest: bases of the longest allele that is asked about.

    Raises:
        ReferenceMismatchError: the reference lacks a contig that the gVCF calls.
    """
    names = {bare_contig(contig): contig for contig in called}
    missing = (dosages.entry < 0) & ~dosages.with_sites()
    for contig in dosages.places.contigs:
        at, positions = dosages.places.on(contig)
        if contig in names and missing[at].any():
            looked_at = np.array(called[names[contig]], np.int64)
            here = _Here(contig, names[contig], at[missing[at]], positions[missing[at]], looked_at, fasta, longest)
            here.add_to(dosages, copies(contig, here.positions))


def copies_by_sex(contigs: Iterable[Contig], sex: Sex) -> CopiesOfPlaces:
    """How many copies a person has, as the caller takes them to be by sex."""
    known = {bare_contig(contig.name): contig for contig in contigs}

    def copies(name: str, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return copies_at(known[name].name, known[name].length, positions - 1, sex)

    return copies


def copies_by_genotype(haploid: Stretches) -> CopiesOfPlaces:
    """One copy where a gVCF's genotypes have one allele, two elsewhere."""
    known = {bare_contig(contig): np.array(stretches, np.int64).T for contig, stretches in haploid.items()}

    def copies(name: str, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        if name not in known:
            return np.full(len(positions), 2)
        starts, ends = known[name]
        before = np.searchsorted(starts, positions - 1, "right") - 1
        return np.where((before >= 0) & (positions <= ends[before]), 1, 2)

    return copies


class _Here:
    """Places of one contig, of which those are left where the sample was looked at."""

    def __init__(
        self,
        contig: str,
        name: str,
        at: NDArray[np.int64],
        positions: NDArray[np.int64],
        looked_at: NDArray[np.int64],
        fasta: pysam.FastaFile,
        longest: int,
    ) -> None:
        if name not in fasta.references:
            raise ReferenceMismatchError(
                f"the reference has no contig {name}, which the gVCF has",
                remedy="give the reference that the sample was called with",
            )
        self._contig, self._longest = contig, longest
        self._sequence = fasta.fetch(name).upper()
        starts, ends = looked_at.T
        before = np.searchsorted(starts, positions - 1, "right") - 1
        seen = (before >= 0) & (positions <= np.minimum(ends[before], len(self._sequence)))
        self._at, self.positions, self._ends = at[seen], positions[seen], ends[before[seen]]

    def add_to(self, dosages: Dosages, alleles: NDArray[np.int64]) -> None:
        """Add them, with as many alleles as the person has copies."""
        bases = np.frombuffer(self._sequence.encode(), np.uint8)[self.positions - 1]
        numbers = np.zeros(256, np.int32)
        for letter in np.flatnonzero(np.bincount(bases)).tolist():
            numbers[letter] = dosages.names.number(chr(letter))
        short = ~dosages.places.by_several[self._at]
        dosages.append(self._at[short], numbers[bases[short]], alleles[short, None].astype(np.int8))
        for row in np.flatnonzero(~short).tolist():
            start = int(self.positions[row]) - 1
            reads = self._sequence[start : min(start + self._longest, int(self._ends[row]))]
            site = Site(reads[0], {}, np.array([float(alleles[row])]), reads)
            dosages.sites[self._contig, start + 1] = [site]
