"""HGVS names read back: whatever a name says, doing it to the sequence gives the variant that was named."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.annotate.edit import Edit, reverse_complement, shifted, trimmed
from engine.annotate.gene_model import Transcript
from engine.annotate.hgvs import genomic_change, label, transcript_hgvs
from engine.annotate.protein import coding_and_after, translate
from tests.builders.transcripts import random_gene

SEED = st.integers(0, 100_000)
ALPHABET = st.sampled_from(["ACGT", "AC", "ACG"])
THREE = dict(
    zip(
        [
            "Ala",
            "Arg",
            "Asn",
            "Asp",
            "Cys",
            "Gln",
            "Glu",
            "Gly",
            "His",
            "Ile",
            "Leu",
            "Lys",
            "Met",
            "Phe",
            "Pro",
            "Ser",
            "Thr",
            "Trp",
            "Tyr",
            "Val",
            "Ter",
        ],
        "ARNDCQEGHILKMFPSTWYV*",
        strict=True,
    )
)


def do(edit: Edit, sequence: str) -> str:
    return sequence[: edit.start] + edit.alt + sequence[edit.end :]


def read_change(text: str, places: dict[str, int], strand: int, sequence: str) -> Edit:
    """The edit that the part of a name after ``g.`` or ``c.`` describes."""
    position = r"([*-]?\d+(?:[+-]\d+)?)"
    match = re.fullmatch(rf"{position}(?:_{position})?(del|dup|inv|ins|=|delins)?([ACGT]*)(?:>([ACGT]))?", text)
    assert match, text
    first, last = places[match[1]], places[match[2] or match[1]]
    start, end = min(first, last), max(first, last) + 1
    bases = match[5] or match[4]
    alt = bases if strand == 1 else reverse_complement(bases)
    if match[3] == "dup":
        place = end if strand == 1 else start
        return Edit(place, place, sequence[start:end])
    if match[3] == "ins":
        assert end - start == 2
        return Edit(start + 1, start + 1, alt)
    if match[3] == "inv":
        return Edit(start, end, reverse_complement(sequence[start:end]))
    return Edit(start, end, "" if match[3] == "del" else alt)


def random_edit(draw: st.DataObject, transcript: Transcript, sequence: str) -> Edit | None:
    start = draw.draw(st.integers(transcript.start, transcript.end - 1))
    ref = sequence[start : min(start + draw.draw(st.integers(0, 7)), transcript.end)]
    alt = draw.draw(st.text("ACGT", max_size=7) | st.just(reverse_complement(ref)) | st.just(ref + ref))
    return None if ref == alt else trimmed(start, ref, alt)


@given(SEED, ALPHABET, st.data())
@settings(max_examples=300, deadline=None)
def test_genomic_and_coding_names_say_the_variant(seed: int, alphabet: str, data: st.DataObject) -> None:
    transcript, sequence = random_gene(seed, alphabet)
    edit = random_edit(data, transcript, sequence)
    if edit is None:
        return
    changed = do(edit, sequence)
    on_genome = {str(position + 1): position for position in range(len(sequence))}
    assert do(read_change(genomic_change(edit, sequence), on_genome, 1, sequence), sequence) == changed
    coding = transcript_hgvs(transcript, edit, sequence).coding
    if coding is not None:
        on_transcript = {label(transcript, place): place for place in range(transcript.start, transcript.end)}
        assert len(on_transcript) == transcript.end - transcript.start  # every base has a name of its own
        read = read_change(coding.partition(":c.")[2], on_transcript, transcript.strand, sequence)
        assert do(read, sequence) == changed


def protein_of(bases: str) -> str:
    """Up to and including the first stop."""
    return translate(bases).partition("*")[0] + ("*" if "*" in translate(bases) else "")


def read_protein(text: str, before: str, after: str) -> str | None:
    """The protein that a ``p.`` name describes; absent where it does not tell the whole."""
    text = text.removeprefix("p.(").removesuffix(")")
    if text == "=" or re.fullmatch(r"[A-Z][a-z]{2}\d+=", text):
        return before
    match = re.fullmatch(r"([A-Z][a-z]{2})(\d+)(?:_([A-Z][a-z]{2})(\d+))?(.*)", text)
    assert match, text
    first, last = int(match[2]) - 1, int(match[4] or match[2])
    assert before[first] == THREE[match[1]] and before[last - 1] == THREE[match[3] or match[1]]
    what = match[5]
    if shift := re.fullmatch(r"([A-Z][a-z]{2})(?:fs|ext)Ter(\d+|\?)", what):
        return _read_new_end(shift, "ext" in what, before, after, first)
    if what == "del":
        return before[:first] + before[last:]
    if what == "dup":
        return before[:last] + before[first:]
    letters = "".join(
        THREE[three] for three in re.findall(r"[A-Z][a-z]{2}", what.removeprefix("delins").removeprefix("ins"))
    )
    if what.startswith("ins"):
        new = before[: first + 1] + letters + before[last - 1 :]
        return new[: new.index("*") + 1]
    new = before[:first] + letters + before[last:]
    return new[: new.index("*") + 1]


def _read_new_end(shift: re.Match[str], extension: bool, before: str, after: str, first: int) -> str | None:
    assert after[:first] == before[:first] and after[first] == THREE[shift[1]]
    if shift[2] == "?":
        assert not after.endswith("*")
    else:
        assert len(after) == first + int(shift[2]) + (1 if extension else 0)
    return None


@given(SEED, ALPHABET, st.data())
@settings(max_examples=400, deadline=None)
def test_protein_names_say_the_translated_protein(seed: int, alphabet: str, data: st.DataObject) -> None:
    transcript, sequence = random_gene(seed, alphabet)
    edit = random_edit(data, transcript, sequence)
    if edit is None:
        return
    name = transcript_hgvs(transcript, edit, sequence).protein
    moved = shifted(edit, sequence, transcript.strand, (transcript.start, transcript.end))
    if name is None or name.endswith(("p.?", "p.(Met1?)")):
        return
    bases, changed = coding_and_after(transcript, sequence), spliced_with(transcript, moved, sequence)
    if name.endswith("p.(=)") and keeps_all_from_the_start(changed, bases):
        return
    before, after = protein_of(bases), protein_of(changed[transcript.coding_places[0] :])
    told = read_protein(name.partition(":")[2], before, after)
    assert told is None or told == after, (name, before, after)


def keeps_all_from_the_start(changed: str, bases: str) -> bool:
    """Whether a changed message still ends with its start codon and all the bases that followed it.

    In a repeat the 3' rule names such a change over the first coding bases (``c.1_2dup`` of CATATG, ``c.1del`` of
    AATG), though what is longer or shorter is the part in front of ATG: the protein is the same.
    """
    return changed.endswith(bases)


def spliced_with(transcript: Transcript, edit: Edit, sequence: str) -> str:
    """The changed message, exons moved along with the edit."""
    longer = len(edit.alt) - (edit.end - edit.start)
    changed = do(edit, sequence)
    spans = []
    for start, end in transcript.exons:
        inside = start <= edit.start and edit.end <= end
        at_border = edit.start == edit.end and edit.start == (start if transcript.strand == -1 else end)
        holds = inside and (edit.end > edit.start or at_border or start < edit.start < end)
        spans.append((start + (longer if start >= edit.end and not holds else 0),
                      end + (longer if holds or start >= edit.end else 0)))  # fmt: skip
    message = "".join(changed[start:end] for start, end in spans)
    if transcript.strand == -1:
        message = reverse_complement(message)
    return message
