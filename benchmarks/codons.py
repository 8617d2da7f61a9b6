"""What alleles of a codon do to the protein, where no sequence is at hand: from names and reference bases alone.

A published p. name tells the old and the new amino acid, a VCF record the reference base at its place. Of the codons
that code for the old amino acid those remain that have every base that is known and that give the new amino acid when
they are changed; where all of them agree on what another allele does, that is told, and otherwise nothing.

>>> codons = codons_of("Arg", {0: "C", 1: "G"}, [({1: "A"}, "Gln")])
>>> sorted(codons), told_by(codons, {0: "T"})
(['CGA', 'CGG'], None)
>>> told_by(codons, {1: "T"})
'Leu'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from engine.annotate.protein import three_letters, translate

Bases = Mapping[int, str]
"""Base by its place in the codon, 0 to 2, on the strand of the transcript."""


def codons_of(residue: str, known: Bases, changes: Iterable[tuple[Bases, str]]) -> frozenset[str]:
    """Codons of an amino acid with bases that are known.

    Args:
        residue: three letters.
        known: reference bases.
        changes: what changes make of the codon, with the amino acid that they give.
    """
    changes = tuple(changes)
    return frozenset(
        codon
        for codon in map("".join, product("ACGT", repeat=3))
        if _residue(codon) == residue
        and all(codon[at] == base for at, base in known.items())
        and all(_residue(changed(codon, bases)) == new for bases, new in changes)
    )


def told_by(codons: Iterable[str], bases: Bases) -> str | None:
    """The amino acid, in three letters, that a change gives; absent where the codons do not agree."""
    given = given_by(codons, bases)
    return next(iter(given)) if len(given) == 1 else None


def given_by(codons: Iterable[str], bases: Bases) -> frozenset[str]:
    """The amino acids, in three letters, that a change may give."""
    return frozenset(_residue(changed(codon, bases)) for codon in codons)


def changed(codon: str, bases: Bases) -> str:
    """The codon with the bases put in."""
    return "".join(bases.get(at, base) for at, base in enumerate(codon))


def _residue(codon: str) -> str:
    return three_letters(translate(codon))
