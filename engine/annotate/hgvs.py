"""Writing a variant in HGVS: on the genome (g., m.), on a transcript (c., n.) and on the protein (p.).

The rules are those of HGVS nomenclature 21.1 (hgvs-nomenclature.org): the 3' rule in the direction of the sequence
described, substitution before deletion, inversion, duplication, insertion and delins in this order of preference.
On transcripts the 3' rule is applied to the genomic sequence, introns included, because the reference is the genome.
Coordinates are 0-based half-open on the genome; HGVS itself counts from 1.

>>> from engine.annotate.edit import shifted, trimmed
>>> sequence = "AAACAGCTTTT"
>>> describe(trimmed(4, "A", "AT"), sequence)
'5_6insT'
>>> describe(shifted(trimmed(6, "CT", "C"), sequence, 1), sequence)
'11del'
>>> describe(shifted(trimmed(6, "C", "CT"), sequence, 1), sequence)
'11dup'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.annotate.edit import Edit, reverse_complement, shifted
from engine.annotate.gene_model import Transcript
from engine.annotate.protein import SPLICE_SITE, protein_change

_MITOCHONDRIA = frozenset({"NC_012920.1", "NC_001807.4"})
_KINDS = {"delins": "delins", "inv": "inversion", "dup": "duplication", "ins": "insertion", "del": "deletion"}


def describe(
    edit: Edit,
    sequence: str,
    label: Callable[[int], str] = lambda position: str(position + 1),
    strand: int = 1,
    limits: tuple[int, int] | None = None,
) -> str:
    """The part of an HGVS name after ``g.`` or ``c.``.

    Args:
        edit: shifted 3' on the strand described.
        sequence: the contig's bases.
        label: writes a genomic position in the coordinates of the sequence described.
        strand: -1 describes the complement.
        limits: of the sequence described, the whole contig by default; what it does not hold cannot be duplicated.
    """
    first, last, what = changed(edit, sequence, strand, limits)
    return f"{label(first)}{what}" if first == last else f"{label(first)}_{label(last)}{what}"


def changed(edit: Edit, sequence: str, strand: int = 1, limits: tuple[int, int] | None = None) -> tuple[int, int, str]:
    """The first and the last base that an HGVS name tells, in the direction described, and what follows them in it.

    Arguments are those of :func:`describe`.

    >>> changed(Edit(6, 8, ""), "AAACAGCTTTT"), changed(Edit(6, 8, ""), "AAACAGCTTTT", strand=-1)
    ((6, 7, 'del'), (7, 6, 'del'))
    """
    start, end, alt = edit
    if end == start:
        return _inserted(edit, sequence, strand, limits or (0, len(sequence)))
    first, last = (start, end - 1) if strand == 1 else (end - 1, start)
    ref = sequence[start:end]
    if end - start == 1 == len(alt):
        return first, last, f"{_on(ref, strand)}>{_on(alt, strand)}"
    if not alt:
        return first, last, "del"
    if len(ref) == len(alt) and reverse_complement(ref) == alt:
        return first, last, "inv"
    return first, last, f"delins{_on(alt, strand)}"


def _inserted(edit: Edit, sequence: str, strand: int, limits: tuple[int, int]) -> tuple[int, int, str]:
    start, _, alt = edit
    size = len(alt)
    first, end = (start - size, start) if strand == 1 else (start, start + size)
    if limits[0] <= first and end <= limits[1] and sequence[first:end] == alt:
        return (first, end - 1, "dup") if strand == 1 else (end - 1, first, "dup")
    between = (start - 1, start) if strand == 1 else (start, start - 1)
    return *between, f"ins{_on(alt, strand)}"


def _on(bases: str, strand: int) -> str:
    return bases if strand == 1 else reverse_complement(bases)


def genomic_change(edit: Edit, sequence: str) -> str:
    """The part of a genomic name after ``g.``; the edit need not be shifted."""
    return describe(shifted(edit, sequence, 1), sequence)


def genomic_hgvs(accession: str, change: str) -> str:
    """``NC_000020.11:g.1979434C>T``; ``m.`` on the mitochondrion.

    Args:
        accession: RefSeq accession with version.
        change: as :func:`genomic_change` gives it.
    """
    kind = "m" if accession in _MITOCHONDRIA else "g"
    return f"{accession}:{kind}.{change}"


def variant_type(change: str) -> str:
    """The kind of a genomic change: SNV, deletion, insertion, duplication, inversion or delins."""
    if ">" in change:
        return "SNV"
    return next(kind for mark, kind in _KINDS.items() if mark in change)


class TranscriptHgvs(NamedTuple):
    """A variant on one transcript.

    Attributes:
        coding: ``c.`` or ``n.`` name with the transcript's accession, absent when it lies outside the transcript.
        protein: ``p.`` name, predicted and therefore in parentheses; absent when no coding base is concerned.
    """

    coding: str | None
    protein: str | None


def transcript_hgvs(transcript: Transcript, edit: Edit, sequence: str) -> TranscriptHgvs:
    """Name a variant on a transcript and on its protein.

    Args:
        transcript: on the contig of ``sequence``.
        edit: as :func:`trimmed` gives it.
        sequence: the contig's bases, upper case.
    """
    limits = (transcript.start, transcript.end)
    touches = edit.start - (edit.end == edit.start), max(edit.end, edit.start + 1)
    if touches[0] < limits[0] or touches[1] > limits[1]:
        return TranscriptHgvs(None, None)
    moved = shifted(edit, sequence, transcript.strand, limits)
    if moved.start == moved.end and moved.start in limits:
        moved = edit
    kind = "n" if transcript.coding is None else "c"
    change = describe(moved, sequence, lambda position: label(transcript, position), transcript.strand, limits)
    protein = None
    if transcript.coding is not None and not transcript.clear_of_exons(moved.start, moved.end, SPLICE_SITE):
        what = protein_change(transcript, [(moved, change.endswith("dup"))], sequence)
        protein = what and f"{transcript.protein or transcript.name}:{what}"
    return TranscriptHgvs(f"{transcript.name}:{kind}.{change}", protein)


def label(transcript: Transcript, position: int) -> str:
    """A genomic position as HGVS counts it on a transcript: ``76``, ``-14``, ``*46``, ``88+2``, ``-15-3``."""
    base, distance = transcript.place(position)
    if transcript.coding is None:
        counted = str(base + 1)
    else:
        start, end = transcript.coding_places
        if base < start:
            counted = str(base - start)
        elif base >= end:
            counted = f"*{base - end + 1}"
        else:
            counted = str(base - start + 1 + transcript.phase_shift)
    return f"{counted}{distance:+d}" if distance else counted
