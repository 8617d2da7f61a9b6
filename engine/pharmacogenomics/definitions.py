"""What named (star) alleles are: places of a gene, and the bases that each allele has at them.

How a publisher writes that down is the business of :mod:`engine.pharmacogenomics.pharmcat` and
:mod:`engine.pharmacogenomics.pypgx`; who carries which allele is that of :mod:`engine.pharmacogenomics.matching`.
Alleles at a place are written as a VCF would: REF is the genome's, an insertion or deletion has the base before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CODES = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}
"""Letters for several bases (IUPAC-IUB 1984): an allele with one of these may have any of them."""


class Rule(StrEnum):
    """What it takes to carry an allele."""

    WHOLE = "whole"
    """The chromosome agrees at every place of the gene; where the allele names no base, it has the reference's."""
    CARRIED = "carried"
    """The chromosome has the allele's variants, whatever else it has; of several such alleles one is told."""


@dataclass(frozen=True)
class Locus:
    """A place of a gene at which alleles differ.

    Attributes:
        contig: as its publisher calls it.
        position: 1-based, of the first base of REF.
        ref: bases of the genome.
        alternates: what alleles may have instead.
        rsid: dbSNP's id, empty where there is none.
        names: genomic HGVS name by alternate, as published.
    """

    contig: str
    position: int
    ref: str
    alternates: tuple[str, ...]
    rsid: str = ""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def label(self) -> str:
        """How the place is told to a reader."""
        where = f"{self.contig}:{self.position:,}"
        return f"{self.rsid} ({where})" if self.rsid else where

    def hgvs(self, allele: str | None) -> str:
        """The genomic name of an allele here; ``?`` where it is not known which.

        >>> Locus("chr1", 7, "A", ("G",)).hgvs("G"), Locus("chr1", 7, "A", ("G",)).hgvs(None)
        ('g.7A>G', 'g.7?')
        """
        if allele is None:
            return f"g.{self.position}?"
        if allele in self.names:
            return self.names[allele]
        if len(self.ref) == len(allele) == 1:
            return f"g.{self.position}{self.ref}>{allele}"
        end = self.position + len(self.ref) - 1
        span = str(self.position) if end == self.position else f"{self.position}_{end}"
        return f"g.{span}delins{allele}"


@dataclass(frozen=True)
class NamedAllele:
    """A named allele.

    Attributes:
        name: such as ``*2``.
        bases: by place, what the allele has; absent where it names none.
        is_reference: whether it is the one that others are described against.
    """

    name: str
    bases: tuple[str | None, ...]
    is_reference: bool = False

    @property
    def core(self) -> tuple[int, ...]:
        """Numbers of the places at which it names a base."""
        return tuple(number for number, base in enumerate(self.bases) if base is not None)


@dataclass(frozen=True)
class Definition:
    """A gene's named alleles.

    Attributes:
        gene: symbol.
        contig: as its publisher calls it.
        loci: places, in order of position.
        alleles: in the publisher's order; exactly one is the reference.
        rule: what it takes to carry one.
        source: who published it.
        version: as published.
        build: of the positions, such as ``GRCh38``.
        required: numbers of places without which nothing is called.
        preferred: groups of diplotypes which unphased genotypes cannot tell apart, and the one its publisher prefers.
        names: the name told by the name of an allele that is only a part of it (``*45.001`` is ``*45``).
        rank: by allele, which comes first where one chromosome carries several (:attr:`Rule.CARRIED`).
    """

    gene: str
    contig: str
    loci: tuple[Locus, ...]
    alleles: tuple[NamedAllele, ...]
    rule: Rule
    source: str
    version: str
    build: str
    required: frozenset[int] = frozenset()
    preferred: tuple[tuple[frozenset[str], str], ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    rank: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def reference(self) -> NamedAllele:
        """The allele that others are described against."""
        return next(allele for allele in self.alleles if allele.is_reference)

    def told(self, name: str) -> str:
        """The name under which an allele is told."""
        return self.names.get(name, name)


def bases_of(base: str) -> frozenset[str]:
    """What a place may have where an allele has this: several bases for a letter of :data:`CODES`.

    >>> sorted(bases_of("R")), sorted(bases_of("CAT"))
    (['A', 'G'], ['CAT'])
    """
    return frozenset(CODES.get(base, (base,)))


def diplotype_name(first: str, second: str) -> frozenset[str]:
    """Two names whichever comes first."""
    return frozenset((first, second))
