"""What an edit of the coding sequence does to the protein, in HGVS p. notation.

Everything here is predicted from DNA, so names stand in parentheses. Rules: HGVS nomenclature 21.1, protein
recommendations. ``p.?`` says that the effect cannot be told (a splice site, an exon's border, an incomplete model).

>>> translate("ATGGCCTGA")
'MA*'
>>> translate("ATAAGA", mitochondrial=True)
'M*'
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

from engine.annotate.edit import Edit, reverse_complement
from engine.annotate.gene_model import Transcript

UNKNOWN = "p.?"
SPLICE_SITE = 2
"""Intron bases next to an exon whose change makes the protein's fate unknown."""
_STRETCH = 300
_CODONS = ["".join(bases) for bases in product("TCAG", repeat=3)]
# NCBI genetic codes 1 and 2, codons in the order TCAG.
_STANDARD = dict(
    zip(_CODONS, "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", strict=True),
)
_MITOCHONDRIAL = _STANDARD | {"AGA": "*", "AGG": "*", "ATA": "M", "TGA": "W"}
_THREE_LETTERS = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly",
    "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser",
    "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "X": "Xaa", "*": "Ter",
}  # fmt: skip


class CodingEdit(NamedTuple):
    """An edit in the coordinates of the coding sequence.

    Attributes:
        start: 0-based first replaced base.
        end: one past the last.
        alt: the bases that come instead, in the transcript's direction.
    """

    start: int
    end: int
    alt: str


def translate(bases: str, *, mitochondrial: bool = False) -> str:
    """One letter per whole codon; ``X`` where a base is not known, ``*`` for a stop, and on after it."""
    code = _MITOCHONDRIAL if mitochondrial else _STANDARD
    return "".join(code.get(bases[i : i + 3], "X") for i in range(0, len(bases) - 2, 3))


def protein_change(transcript: Transcript, edit: Edit, sequence: str, *, duplication: bool) -> str | None:
    """The ``p.`` part of a variant's name, absent when neither coding base nor splice site is concerned.

    Args:
        transcript: with a coding sequence.
        edit: shifted 3' in the transcript's direction.
        sequence: the contig's bases.
        duplication: whether the inserted bases repeat those before them: such an insertion belongs to the exon whose
            last bases it repeats, even when it lies at the exon's border.
    """
    where = _coding_edit(transcript, edit, duplication)
    if where is None:
        return UNKNOWN if _concerns_coding(transcript, edit) else None
    bases, before, mitochondrial = _message(transcript, sequence)
    changed = bases[: where.start] + where.alt + bases[where.end :]
    if "X" in before[where.start // 3 : (where.end + 2) // 3]:
        return UNKNOWN
    if where.start < 3 and before[:1] == "M" and translate(changed[:3], mitochondrial=mitochondrial) != "M":
        return "p.(Met1?)"
    return _shape(before, changed, where, mitochondrial)


@lru_cache(maxsize=64)
def _message(transcript: Transcript, sequence: str) -> tuple[str, str, bool]:
    """Bases from the start codon on, the protein, and whether the mitochondrial code is used.

    Variants come in order, so the few transcripts around one are asked for again and again.
    """
    mitochondrial = transcript.contig.removeprefix("chr") in ("M", "MT")
    bases = coding_and_after(transcript, sequence)
    stop_at = transcript.coding_length + transcript.phase_shift
    return bases, translate(bases[:stop_at], mitochondrial=mitochondrial), mitochondrial


def coding_and_after(transcript: Transcript, sequence: str) -> str:
    """Bases from the start of the coding sequence to the transcript's end, an incomplete first codon filled with N."""
    spliced = "".join(sequence[start:end] for start, end in transcript.exons)
    if transcript.strand == -1:
        spliced = reverse_complement(spliced)
    return "N" * transcript.phase_shift + spliced[transcript.coding_places[0] :]


def _coding_edit(transcript: Transcript, edit: Edit, duplication: bool) -> CodingEdit | None:
    """The edit on the coding sequence; absent unless it lies in one exon and touches coding bases only."""
    start, end, alt = edit
    first, last = transcript.coding_places
    if end > start:
        spans = [span for span in transcript.exons if span[0] <= start and end <= span[1]]
        if not spans:
            return None
        places = sorted((transcript.place(start)[0], transcript.place(end - 1)[0]))
        replaced = (places[0], places[1] + 1)
    else:
        before = start - 1 if transcript.strand == 1 else start
        after = start if transcript.strand == 1 else start - 1
        place, distance = transcript.place(before)
        if distance or not (duplication or transcript.place(after) == (place + 1, 0)):
            return None
        if duplication and place + 1 == last:
            return None
        replaced = (place + 1, place + 1)
    if replaced[0] < first or replaced[1] > last or (replaced[0] == replaced[1] and replaced[0] in (first, last)):
        return None
    shift = transcript.phase_shift - first
    inserted = alt if transcript.strand == 1 else reverse_complement(alt)
    return CodingEdit(replaced[0] + shift, replaced[1] + shift, inserted)


def _concerns_coding(transcript: Transcript, edit: Edit) -> bool:
    """Whether an edit touches coding bases or, between coding exons, the splice sites."""
    assert transcript.coding is not None
    coding_start, coding_end = transcript.coding
    inserts = edit.start == edit.end
    for first, last in transcript.exons:
        low, high = max(first - SPLICE_SITE, coding_start), min(last + SPLICE_SITE, coding_end)
        if low < edit.start < high if inserts else max(low, edit.start) < min(high, edit.end):
            return True
    return False


def _shape(before: str, changed: str, edit: CodingEdit, mitochondrial: bool) -> str:
    if (len(edit.alt) - (edit.end - edit.start)) % 3:
        return _frameshift(before, _retranslated(before, changed, edit, mitochondrial), edit.start // 3)
    first, last = edit.start // 3, -(-edit.end // 3)
    if edit.start % 3 == 0 and edit.end == edit.start:
        last = first
    elif edit.end == edit.start:
        last = first + 1
    longer = len(edit.alt) - (edit.end - edit.start)
    replaced = before[first:last]
    coming = translate(changed[3 * first : 3 * last + longer], mitochondrial=mitochondrial)
    if "*" in replaced and "*" not in coming:
        return _extension(before, _retranslated(before, changed, edit, mitochondrial), first)
    if "*" in coming:
        coming = coming[: coming.index("*") + 1]
    return _in_frame(before, first, replaced, coming)


def _retranslated(before: str, changed: str, edit: CodingEdit, mitochondrial: bool) -> str:
    """The changed protein as far as its first stop behind the edit."""
    first = edit.start // 3
    after = before[:first]
    for start in range(3 * first, len(changed) - 2, _STRETCH):
        after += translate(changed[start : start + _STRETCH], mitochondrial=mitochondrial)
        if "*" in after[first:]:
            break
    return after


def _frameshift(before: str, after: str, first: int) -> str:
    """``p.(Arg97ProfsTer23)``: the first residue that changes, and the new stop counted from it."""
    place = first
    while place < min(len(before), len(after)) and before[place] == after[place]:
        if before[place] == "*":
            return "p.(=)"
        place += 1
    if place >= len(before) or place >= len(after):
        return UNKNOWN
    if before[place] == "*":
        return _extension(before, after, place)
    if after[place] == "*":
        return f"p.({_residue(before, place)}Ter)"
    stop = after.find("*", place)
    counted = str(stop - place + 1) if stop >= 0 else "?"
    return f"p.({_residue(before, place)}{_letters(after[place])}fsTer{counted})"


def _extension(before: str, after: str, first: int) -> str:
    """``p.(Ter110GlnextTer17)``: the stop codon is lost; the new one is counted from the old."""
    old = before.index("*", first)
    place = first
    while place < min(old, len(after)) and before[place] == after[place]:
        place += 1
    stop = after.find("*", place)
    if place < old or old >= len(after):
        return _lost_with_neighbours(before, after, place, old, stop)
    counted = str(stop - old) if stop >= 0 else "?"
    return f"p.(Ter{old + 1}{_letters(after[old])}extTer{counted})"


def _lost_with_neighbours(before: str, after: str, place: int, old: int, stop: int) -> str:
    """A deletion or delins that begins before the stop codon and takes it away."""
    if place >= len(after):
        return UNKNOWN
    counted = str(stop - place + 1) if stop >= 0 else "?"
    return f"p.({_residue(before, place)}{_letters(after[place])}fsTer{counted})"


def _in_frame(protein: str, first: int, replaced: str, coming: str) -> str:
    """Name whole residues ``replaced`` by ``coming`` at residue ``first`` (0-based)."""
    if replaced == coming:
        return f"p.({_residue(protein, first)}=)" if len(replaced) == 1 else "p.(=)"
    while replaced and coming and replaced[0] == coming[0]:
        first, replaced, coming = first + 1, replaced[1:], coming[1:]
    if coming.startswith("*") and first < len(protein):
        return f"p.({_residue(protein, first)}Ter)"
    while replaced and coming and replaced[-1] == coming[-1]:
        replaced, coming = replaced[:-1], coming[:-1]
    last = first + len(replaced)
    if not coming:
        return _deletion(protein, first, last)
    if not replaced:
        return _insertion(protein, first, coming.removesuffix("*"))
    if len(replaced) == len(coming) == 1:
        return f"p.({_residue(protein, first)}{_letters(coming)})"
    return f"p.({_range(protein, first, last)}delins{_letters(coming)})"


def _deletion(protein: str, first: int, last: int) -> str:
    while last < len(protein) and protein[last] == protein[first] and protein[last] != "*":
        first, last = first + 1, last + 1
    return f"p.({_range(protein, first, last)}del)"


def _insertion(protein: str, first: int, coming: str) -> str:
    size = len(coming)
    while first < len(protein) and protein[first] == coming[0] and protein[first] != "*":
        first, coming = first + 1, coming[1:] + coming[0]
    if protein[max(first - size, 0) : first] == coming:
        return f"p.({_range(protein, first - size, first)}dup)"
    if first >= len(protein) or first == 0:
        return UNKNOWN
    return f"p.({_range(protein, first - 1, first + 1)}ins{_letters(coming)})"


def _residue(protein: str, place: int) -> str:
    return f"{_THREE_LETTERS[protein[place]]}{place + 1}"


def _range(protein: str, first: int, last: int) -> str:
    if last - first == 1:
        return _residue(protein, first)
    return f"{_residue(protein, first)}_{_residue(protein, last - 1)}"


def _letters(residues: str) -> str:
    return "".join(_THREE_LETTERS[residue] for residue in residues)
