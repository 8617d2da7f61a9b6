"""HGVS names one by one, on a small gene written out in full, on both strands."""

import pytest

from engine.annotate.edit import Edit, reverse_complement, trimmed
from engine.annotate.gene_model import Transcript
from engine.annotate.hgvs import genomic_change, genomic_hgvs, transcript_hgvs, variant_type

#            untranslated  Met Lys Lys Gly Val |   intron    | Gln Asp Ter   untranslated with a stop in frame
EXON_1 = "CCTAG" + "ATG" + "AAA" + "AAA" + "GGG" + "GTC"
INTRON = "GTAAGTCCCTTTCAG"
EXON_2 = "CAA" + "GAT" + "TGA" + "CTAACTAGCTAA"
CONTIG = "GGCCGGCCGG" + EXON_1 + INTRON + EXON_2 + "GGCCGGCCGG"
FIRST, SECOND = 10, 10 + len(EXON_1) + len(INTRON)
START = FIRST + 5
FORWARD = Transcript(
    "NM_1.1", "NM_1", "GENE", "G", "HGNC:1", "protein_coding", "1", 1,
    ((FIRST, FIRST + len(EXON_1)), (SECOND, SECOND + len(EXON_2))), (START, SECOND + 9), protein="NP_1.1",
)  # fmt: skip


def on_the_other_strand(transcript: Transcript) -> Transcript:
    size = len(CONTIG)
    exons = tuple((size - end, size - start) for start, end in reversed(transcript.exons))
    coding = transcript.coding and (size - transcript.coding[1], size - transcript.coding[0])
    return Transcript(**{**vars_of(transcript), "strand": -1, "exons": exons, "coding": coding})


def vars_of(transcript: Transcript) -> dict[str, object]:
    return {name: getattr(transcript, name) for name in transcript.__dataclass_fields__}


def named(transcript: Transcript, position: int, ref: str, alt: str) -> tuple[str, str | None]:
    """The c. and p. name of an edit given on the forward gene, by the 0-based place of its first base."""
    assert CONTIG[position : position + len(ref)] == ref
    edit, contig = trimmed(position, ref, alt), CONTIG
    if transcript.strand == -1:
        start, end = len(CONTIG) - edit.end, len(CONTIG) - edit.start
        edit, contig = Edit(start, end, reverse_complement(edit.alt)), reverse_complement(CONTIG)
    name = transcript_hgvs(transcript, edit, contig)
    assert name.coding is not None and name.coding.startswith("NM_1.1:c.")
    return name.coding.removeprefix("NM_1.1:"), name.protein and name.protein.removeprefix("NP_1.1:")


@pytest.mark.parametrize("transcript", [FORWARD, on_the_other_strand(FORWARD)], ids=["forward", "reverse"])
@pytest.mark.parametrize(
    ("place", "ref", "alt", "coding", "protein"),
    [
        (START + 3, "A", "G", "c.4A>G", "p.(Lys2Glu)"),
        (START + 5, "A", "G", "c.6A>G", "p.(Lys2=)"),
        (START + 3, "A", "T", "c.4A>T", "p.(Lys2Ter)"),
        (START, "A", "C", "c.1A>C", "p.(Met1?)"),
        (START - 1, "G", "C", "c.-1G>C", None),
        (SECOND + 9, "C", "T", "c.*1C>T", None),
        (SECOND + 6, "T", "C", "c.22T>C", "p.(Ter8ArgextTer4)"),
        (FIRST + 20, "G", "A", "c.15+1G>A", "p.?"),
        (SECOND - 2, "A", "G", "c.16-2A>G", "p.?"),
        (SECOND - 4, "T", "G", "c.16-4T>G", None),
        (FIRST + 27, "C", "G", "c.15+8C>G", None),  # the middle base of the intron counts from the exon before
        (FIRST + 28, "C", "G", "c.16-7C>G", None),
        (START + 3, "AAA", "", "c.7_9del", "p.(Lys3del)"),  # which of the two lysines cannot be told: the last
        (START + 3, "", "AAA", "c.7_9dup", "p.(Lys3dup)"),
        (START + 3, "A", "", "c.9del", "p.(Val5SerfsTer5)"),
        (START + 9, "GGGG", "GGG", "c.13del", "p.(Val5SerfsTer5)"),
        (START + 10, "", "T", "c.10_11insT", "p.(Gly4ValfsTer8)"),
        (START + 12, "", "CCCTTT", "c.12_13insCCCTTT", "p.(Gly4_Val5insProPhe)"),
        (START + 3, "AAAAAA", "CCC", "c.4_9delinsCCC", "p.(Lys2_Lys3delinsPro)"),
        (START + 11, "GG", "CC", "c.12_13inv", "p.(Val5Leu)"),
        (START + 13, "TCGTA", "", "c.14_15+3del", "p.?"),
        (SECOND + 6, "TGA", "", "c.22_24del", "p.(Ter8LeuextTer3)"),
        (START + 4, "AA", "TG", "c.5_6delinsTG", "p.(Lys2Met)"),
    ],
)
def test_names(transcript: Transcript, place: int, ref: str, alt: str, coding: str, protein: str | None) -> None:
    assert named(transcript, place, ref, alt) == (coding, protein)


def test_outside_the_transcript_there_is_no_coding_name() -> None:
    assert transcript_hgvs(FORWARD, trimmed(2, "C", "T"), CONTIG).coding is None
    assert transcript_hgvs(FORWARD, trimmed(FIRST - 2, "GGCC", ""), CONTIG).coding is None


def test_a_transcript_without_a_protein_has_n_names() -> None:
    silent = Transcript(**{**vars_of(FORWARD), "coding": None})
    assert transcript_hgvs(silent, trimmed(START, "A", "C"), CONTIG) == ("NM_1.1:n.6A>C", None)


@pytest.mark.parametrize(
    ("place", "ref", "alt", "change", "kind"),
    [
        (0, "G", "T", "1G>T", "SNV"),
        (1, "G", "", "2del", "deletion"),
        (0, "G", "", "2del", "deletion"),
        (0, "", "G", "2dup", "duplication"),
        (2, "", "T", "2_3insT", "insertion"),
        (3, "CGG", "CCG", "5G>C", "SNV"),
        (3, "CGG", "TT", "4_6delinsTT", "delins"),
        (3, "CG", "TT", "4_5delinsTT", "delins"),
        (1, "GCC", "GGC", "3C>G", "SNV"),
        (4, "GGCC", "AAAC", "5_7delinsAAA", "delins"),
        (0, "GG", "CC", "1_2inv", "inversion"),
    ],
)
def test_genomic_changes_and_their_kinds(place: int, ref: str, alt: str, change: str, kind: str) -> None:
    told = genomic_change(trimmed(place, ref, alt), CONTIG)
    assert (told, variant_type(told)) == (change, kind)


def test_the_mitochondrion_has_m_names_and_its_own_code() -> None:
    assert genomic_hgvs("NC_012920.1", "3243A>G") == "NC_012920.1:m.3243A>G"
    assert genomic_hgvs("NC_000020.11", "5A>G") == "NC_000020.11:g.5A>G"
    gene = Transcript("M.1", "M", "MT-X", "G", None, "protein_coding", "chrM", 1, ((0, 15),), (0, 15))
    contig = "ATGTGAATAGGCTAA"  # TGA is tryptophan and ATA methionine there
    assert transcript_hgvs(gene, trimmed(5, "A", "G"), contig).protein == "M.1:p.(Trp2=)"
    assert transcript_hgvs(gene, trimmed(8, "A", "G"), contig).protein == "M.1:p.(Met3=)"
