"""Consequence terms read off a protein's name, where the consequence caller cannot judge or judges by another rule.

bcftools csq knows neither selenocysteine (every TGA is a stop to it) nor coding sequences that begin in the middle of
the protein, and judges records one by one; what happens to the protein then follows from the name that
:mod:`engine.annotate.protein` gives. What concerns splice sites and untranslated ends stays csq's.

>>> protein_terms("p.(Sec3Cys)"), protein_terms("p.(Gly5_Lys6insTer)"), protein_terms("p.(Arg97ProfsTer23)")
(('missense_variant',), ('stop_gained', 'inframe_insertion'), ('frameshift_variant',))
"""

from __future__ import annotations

import re

from engine.annotate.gene_model import Transcript
from engine.annotate.protein import UNKNOWN, message_of
from engine.annotate.terms import by_severity

_CODING = frozenset(
    {
        "stop_gained", "frameshift_variant", "stop_lost", "start_lost", "inframe_insertion", "inframe_deletion",
        "missense_variant", "protein_altering_variant", "start_retained_variant", "stop_retained_variant",
        "synonymous_variant", "coding_sequence_variant",
    }
)  # fmt: skip
# What csq takes for lost where the bases that follow make it again.
_RETAINED = {"stop_lost": "stop_retained_variant", "start_lost": "start_retained_variant"}
_START = {"start_lost", "start_retained_variant"}
_RESIDUES = re.compile(r"p\.\(([A-Z][a-z]{2})(\d+)(?:_[A-Z][a-z]{2}(\d+))?(.*)\)")
_BY_MARK = {"fs": "frameshift_variant", "ext": "stop_lost", "dup": "inframe_insertion", "ins": "inframe_insertion"}


def protein_terms(change: str) -> tuple[str, ...]:
    """The terms that a ``p.`` name means, the most severe first.

    Args:
        change: without the protein's accession.
    """
    if change == "p.(=)":
        return ("synonymous_variant",)
    told = _RESIDUES.fullmatch(change)
    if change == UNKNOWN or told is None:
        return ("coding_sequence_variant",)
    what = told[4]
    if what == "?":
        return ("start_lost",)
    if what == "=":
        return ("stop_retained_variant",) if told[1] == "Ter" else ("synonymous_variant",)
    shape = _shape(what, int(told[3] or told[2]) - int(told[2]) + 1)
    if not what.endswith("Ter"):
        return (shape,)
    return ("stop_gained",) if shape == "missense_variant" else by_severity(("stop_gained", shape))


def _shape(what: str, replaced: int) -> str:
    """A change by its shape alone; one residue for one is a missense."""
    if what.startswith("delins"):
        coming = len(what.removeprefix("delins").removesuffix("Ter")) // 3 + what.endswith("Ter")
        return "missense_variant" if coming == replaced else "protein_altering_variant"
    if what == "del":
        return "inframe_deletion"
    return next((term for mark, term in _BY_MARK.items() if mark in what), "missense_variant")


def corrected(terms: tuple[str, ...], transcript: Transcript, protein: str | None, sequence: str) -> tuple[str, ...]:
    """csq's terms, or what the protein's name says in their place where csq cannot know.

    Args:
        terms: csq's.
        transcript: that they are about.
        protein: the variant's ``p.`` name with accession, absent where no codon is concerned.
        sequence: the contig's bases.
    """
    change = (protein or UNKNOWN).partition(":")[2]
    if not change or change == UNKNOWN or _CODING.isdisjoint(terms):
        return terms
    if change == "p.(=)":
        retained = (_RETAINED.get(name, name) for name in terms if name in _RETAINED or name not in _CODING)
        return by_severity(retained) if not _RETAINED.keys().isdisjoint(terms) else terms
    if change == "p.(Met1?)" and _CODING.intersection(terms) == {"coding_sequence_variant"}:
        return with_protein(terms, change)
    # csq judges the start codon by how a record is spelt: of the bases around it one spelling touches it, another not.
    misread = not _START.isdisjoint(terms) and not (change == "p.(Met1?)" and "start_lost" in terms)
    if not misread and not message_of(transcript, sequence).recoded:
        return terms
    return with_protein(terms, change)


def with_protein(terms: tuple[str, ...], change: str) -> tuple[str, ...]:
    """Terms in which what concerns the protein is what its name says."""
    return by_severity((*(name for name in terms if name not in _CODING), *protein_terms(change)))
