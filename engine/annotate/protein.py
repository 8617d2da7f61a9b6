"""What an edit of the coding sequence does to the protein, in HGVS p. notation.

Everything here is predicted from DNA, so names stand in parentheses. Rules: HGVS nomenclature 21.1, protein
recommendations. ``p.?`` says that the effect cannot be told (a splice site, an exon's border, an unfinished codon).
A TGA within the coding sequence of a selenoprotein is selenocysteine (``Sec``), wherever the edit moves it in frame.

>>> translate("ATGGCCTGA")
'MA*'
>>> translate("ATAAGA", mitochondrial=True)
'M*'
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
_STANDARD = defaultdict(
    lambda: "X", zip(_CODONS, "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", strict=True)
)
_MITOCHONDRIAL = defaultdict(lambda: "X", _STANDARD | {"AGA": "*", "AGG": "*", "ATA": "M", "TGA": "W"})
_codons_of = re.compile("...", re.DOTALL).findall
_THREE_LETTERS = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly",
    "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser",
    "T": "Thr", "U": "Sec", "V": "Val", "W": "Trp", "X": "Xaa", "Y": "Tyr", "*": "Ter",
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


class Message(NamedTuple):
    """What a transcript says.

    Attributes:
        bases: from the start of the coding sequence to the transcript's end, an unfinished first codon filled with N.
        protein: one letter per whole codon of the coding sequence, its stop among them; ``U`` is selenocysteine.
        mitochondrial: whether the mitochondrial code is used.
        recoded: first bases of the codons that are selenocysteine.
    """

    bases: str
    protein: str
    mitochondrial: bool
    recoded: tuple[int, ...]

    @property
    def has_stop(self) -> bool:
        """Whether the coding sequence is whole at its end."""
        return self.protein.endswith("*")


def translate(bases: str, *, mitochondrial: bool = False) -> str:
    """One letter per whole codon; ``X`` where a base is not known, ``*`` for a stop, and on after it."""
    code = _MITOCHONDRIAL if mitochondrial else _STANDARD
    return "".join(map(code.__getitem__, _codons_of(bases)))


def protein_change(transcript: Transcript, edits: Sequence[tuple[Edit, bool]], sequence: str) -> str | None:
    """The ``p.`` part of a variant's name, absent when neither coding base nor splice site is concerned.

    Args:
        transcript: with a coding sequence.
        edits: what is changed on one chromosome: one edit, or several that are told together; each shifted 3' in the
            transcript's direction, and whether it repeats the bases before it: such an insertion belongs to the exon
            whose last bases it repeats, even when it lies at the exon's border.
        sequence: the contig's bases.
    """
    found = [coding_edit(transcript, edit, duplication) for edit, duplication in edits]
    places = [place for place in found if place is not None]
    if len(places) < len(found):
        return _beside_codons(transcript, edits[0][0], sequence) if len(edits) == 1 else UNKNOWN
    message = message_of(transcript, sequence)
    where = joined(places, message.bases)
    if where.start < 0 or "X" in message.protein[where.start // 3 : (where.end + 2) // 3]:
        return UNKNOWN
    if not message.has_stop and (where.end > 3 * len(message.protein) or where.start >= 3 * len(message.protein)):
        return UNKNOWN
    changed = message.bases[: where.start] + where.alt + message.bases[where.end :]
    if where.start < 3 and starts_whole(transcript, message) and _read(message, changed, where, 0, 3) != "M":
        return "p.(=)" if _lies_before_start(transcript, edits, sequence, message) else "p.(Met1?)"
    return _shape(message, changed, where)


def _lies_before_start(
    transcript: Transcript, edits: Sequence[tuple[Edit, bool]], sequence: str, message: Message
) -> bool:
    """Whether the one edit, shifted 5', is one of the untranslated bases: a base more or less before ATG."""
    return len(edits) == 1 and spliced(transcript, sequence, edits[0][0]).endswith(message.bases)


def joined(places: Sequence[CodingEdit], bases: str) -> CodingEdit:
    """Several edits of one message as the edit from the first changed base to the last."""
    first, *others = sorted(places)
    start, end, alt = first
    for place in others:
        alt += bases[end : place.start] + place.alt
        end = place.end
    return CodingEdit(start, end, alt)


def starts_whole(transcript: Transcript, message: Message) -> bool:
    """Whether the coding sequence begins with its start codon."""
    return message.protein[:1] == "M" and not transcript.start_unfinished


def _beside_codons(transcript: Transcript, edit: Edit, sequence: str) -> str | None:
    """For an edit that leaves the codons: at the start codon, at a splice site, or of no concern."""
    if not _concerns_coding(transcript, edit):
        return None
    message = message_of(transcript, sequence)
    if not _crosses_start(transcript, edit) or not starts_whole(transcript, message):
        return UNKNOWN
    changed = spliced(transcript, sequence, edit)
    return "p.(=)" if changed.endswith(message.bases) else "p.(Met1?)"


def _crosses_start(transcript: Transcript, edit: Edit) -> bool:
    """Whether one exon holds the edit, and it replaces bases on either side of the start of the coding sequence."""
    assert transcript.coding is not None
    border = transcript.coding[0] if transcript.strand == 1 else transcript.coding[1]
    return edit.start < border < edit.end and _exon_of(transcript, edit) is not None


def _exon_of(transcript: Transcript, edit: Edit) -> tuple[int, int] | None:
    return next((exon for exon in transcript.exons if exon[0] <= edit.start and edit.end <= exon[1]), None)


@lru_cache(maxsize=64)
def message_of(transcript: Transcript, sequence: str) -> Message:
    """A transcript's message. Variants come in order, so the few around one are asked for again and again."""
    mitochondrial = transcript.contig.removeprefix("chr") in ("M", "MT")
    bases = coding_and_after(transcript, sequence)
    stop_at = transcript.coding_length + transcript.phase_shift
    protein = translate(bases[:stop_at], mitochondrial=mitochondrial)
    recoded: tuple[int, ...] = ()
    if "*" in protein[:-1] and _has_selenocysteine(transcript, protein):
        places = [place for place, letter in enumerate(protein[:-1]) if letter == "*"]
        recoded = tuple(3 * place for place in places if bases[3 * place : 3 * place + 3] == "TGA")
        protein = _with_selenocysteine(protein, 0, recoded)
    return Message(bases, protein, mitochondrial, recoded)


def _has_selenocysteine(transcript: Transcript, protein: str) -> bool:
    """Told by the gene model or by the gene's name, else by a whole coding sequence that runs on behind a TGA."""
    if transcript.selenoprotein:
        return True
    return protein[0] == "M" and protein[-1] == "*" and not transcript.reads_through


def _with_selenocysteine(protein: str, first: int, recoded: Iterable[int]) -> str:
    """The letters from codon ``first`` on with a ``U`` for each stop at a recoded base."""
    for base in recoded:
        place = base // 3 - first
        if base % 3 == 0 and 0 <= place < len(protein) and protein[place] == "*":
            protein = f"{protein[:place]}U{protein[place + 1 :]}"
    return protein


def _read(message: Message, changed: str, edit: CodingEdit, start: int, end: int) -> str:
    """Letters of a stretch of the changed message, from and to a base; selenocysteine moves along with the edit."""
    letters = translate(changed[start:end], mitochondrial=message.mitochondrial)
    if not message.recoded or "*" not in letters:
        return letters
    longer = len(edit.alt) - (edit.end - edit.start)
    moved = [base if base < edit.start else base + longer for base in message.recoded]
    kept = (base for base in moved if changed[base : base + 3] == "TGA")
    return _with_selenocysteine(letters, start // 3, kept)


def coding_and_after(transcript: Transcript, sequence: str) -> str:
    """Bases from the start of the coding sequence to the transcript's end, an incomplete first codon filled with N."""
    return "N" * transcript.phase_shift + spliced(transcript, sequence)[transcript.coding_places[0] :]


def spliced(transcript: Transcript, sequence: str, edit: Edit | None = None) -> str:
    """All exons in the transcript's direction, with an edit that lies in one of them carried out."""
    parts = []
    for start, end in transcript.exons:
        if edit and start <= edit.start and edit.end <= end:
            parts.append(sequence[start : edit.start] + edit.alt + sequence[edit.end : end])
        else:
            parts.append(sequence[start:end])
    bases = "".join(parts)
    return bases if transcript.strand == 1 else reverse_complement(bases)


def coding_edit(transcript: Transcript, edit: Edit, duplication: bool) -> CodingEdit | None:
    """The edit on the coding sequence; absent unless it lies in one exon, begins with a coding base and, where it runs
    on behind the coding sequence, does so within the exon."""
    start, end, alt = edit
    first, last = transcript.coding_places
    if end > start:
        if _exon_of(transcript, edit) is None:
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
    if not first <= replaced[0] < last or (replaced[0] == replaced[1] and replaced[0] == first):
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


def _shape(message: Message, changed: str, edit: CodingEdit) -> str:
    before, longer = message.protein, len(edit.alt) - (edit.end - edit.start)
    first, last = edit.start // 3, -(-edit.end // 3)
    if longer % 3 or last > len(before):
        return _frameshift(before, _retranslated(message, changed, edit), first)
    if edit.start % 3 == 0 and edit.end == edit.start:
        last = first
    elif edit.end == edit.start:
        last = first + 1
    replaced = before[first:last]
    coming = _read(message, changed, edit, 3 * first, 3 * last + longer)
    if "*" in replaced and "*" not in coming:
        return _extension(before, _retranslated(message, changed, edit), first)
    if "*" in coming:
        coming = coming[: coming.index("*") + 1]
    return _in_frame(before, first, replaced, coming)


def _retranslated(message: Message, changed: str, edit: CodingEdit) -> str:
    """The changed protein as far as its first stop behind the edit."""
    first = edit.start // 3
    after = message.protein[:first]
    for start in range(3 * first, len(changed) - 2, _STRETCH):
        after += _read(message, changed, edit, start, start + _STRETCH)
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
    return f"p.({_residue(before, place)}{three_letters(after[place])}fsTer{counted})"


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
    return f"p.(Ter{old + 1}{three_letters(after[old])}extTer{counted})"


def _lost_with_neighbours(before: str, after: str, place: int, old: int, stop: int) -> str:
    """A deletion or delins that begins before the stop codon and takes it away."""
    if place >= len(after):
        return UNKNOWN
    counted = str(stop - place + 1) if stop >= 0 else "?"
    return f"p.({_residue(before, place)}{three_letters(after[place])}fsTer{counted})"


def _in_frame(protein: str, first: int, replaced: str, coming: str) -> str:
    """Name whole residues ``replaced`` by ``coming`` at residue ``first`` (0-based)."""
    if replaced == coming:
        return f"p.({_residue(protein, first)}=)" if len(replaced) == 1 else "p.(=)"
    while replaced and coming and replaced[0] == coming[0]:
        first, replaced, coming = first + 1, replaced[1:], coming[1:]
    if not replaced and coming.endswith("*"):
        return _insertion_of_a_stop(protein, first, coming)
    if coming.startswith("*") and first < len(protein):
        return f"p.({_residue(protein, first)}Ter)"
    while replaced and coming and replaced[-1] == coming[-1]:
        replaced, coming = replaced[:-1], coming[:-1]
    last = first + len(replaced)
    if not coming:
        return _deletion(protein, first, last)
    if not replaced:
        return _insertion(protein, first, coming)
    if len(replaced) == len(coming) == 1:
        return f"p.({_residue(protein, first)}{three_letters(coming)})"
    return f"p.({_range(protein, first, last)}delins{three_letters(coming)})"


def _insertion_of_a_stop(protein: str, first: int, coming: str) -> str:
    """``p.(Met3_His4insGlyTer)``: nothing follows the stop, so it is never a duplication."""
    while first < len(protein) and protein[first] == coming[0]:
        if coming == "*":
            return "p.(=)"
        first, coming = first + 1, coming[1:]
    if first >= len(protein) or first == 0:
        return UNKNOWN
    if coming == "*":
        return f"p.({_residue(protein, first)}Ter)"
    return f"p.({_range(protein, first - 1, first + 1)}ins{three_letters(coming)})"


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
    return f"p.({_range(protein, first - 1, first + 1)}ins{three_letters(coming)})"


def _residue(protein: str, place: int) -> str:
    return f"{_THREE_LETTERS[protein[place]]}{place + 1}"


def _range(protein: str, first: int, last: int) -> str:
    if last - first == 1:
        return _residue(protein, first)
    return f"{_residue(protein, first)}_{_residue(protein, last - 1)}"


def three_letters(residues: str) -> str:
    """Residues by their three-letter names, one after the other."""
    return "".join(_THREE_LETTERS[residue] for residue in residues)
