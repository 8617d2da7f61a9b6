"""Whole annotations of genes written out in full: what names and terms must agree on, case by case.

The values follow from the genetic code and HGVS nomenclature 21.1.
"""

from pathlib import Path
from typing import Any

import pytest

from engine.annotate.edit import reverse_complement
from tests.builders.small_genome import Gene, annotate, bases, call, genome

BEFORE, AFTER = bases(60, 5), "CTAACTAGCTAA" + bases(60, 7)


def on_a_gene(
    folder: Path, coding: str, *edits: tuple[int, str, str], name: str = "AAA", strand: str = "+", **gene: Any
) -> list[tuple[str, str, str]]:
    """Consequence, c. and p. name of edits given by the 1-based coding position of their first base."""
    sequence = BEFORE + coding + AFTER
    size, start = len(sequence), len(BEFORE)
    calls = []
    for position, ref, alt in edits:
        place = start + position - 1
        assert sequence[place : place + len(ref)] == ref
        if strand == "-":
            place, ref, alt = size - place - len(ref), reverse_complement(ref), reverse_complement(alt)
        calls.append(call(place + 1, ref, alt))
    exon, cds = (11, size - 20), (start + 1, start + len(coding))
    if strand == "-":
        sequence = reverse_complement(sequence)
        exon, cds = (size + 1 - exon[1], size + 1 - exon[0]), (size + 1 - cds[1], size + 1 - cds[0])
    bundle = genome(folder, {"chr1": sequence}, [Gene(name, (exon,), (cds,), strand, **gene)])
    rows, _ = annotate(folder, bundle, *calls)
    said = [
        (row["consequence"], row["hgvs_c"].partition(":")[2], (row["hgvs_p"] or "").partition(":")[2]) for row in rows
    ]
    return said if strand == "+" else said[::-1]


#       M  A  M  H  G  K  W  D  S  *
WHOLE = "ATGGCTATGCATGGAAAATGGGATAGCTGA"


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(
    ("edits", "term", "coding", "protein"),
    [
        ([(3, "GG", "G"), (2, "TG", "T")], "frameshift_variant", "c.4del", "p.(Ala2LeufsTer10)"),
        ([(3, "G", "GG"), (2, "T", "TG"), (4, "G", "GG")], "frameshift_variant", "c.4dup", "p.(Ala2GlyfsTer8)"),
        ([(3, "G", "GC")], "frameshift_variant", "c.3_4insC", "p.(Ala2ArgfsTer8)"),
        ([(2, "TGG", "T")], "start_lost", "c.3_4del", "p.(Met1?)"),
        ([(0, "AA", "A"), (0, "A", "AA"), (1, "A", "AA")], "", "", "p.(=)"),  # ATG is read one base on
    ],
)
def test_a_change_at_the_start_codon_is_one_however_it_is_spelt(
    tmp_path: Path, strand: str, edits: list[tuple[int, str, str]], term: str, coding: str, protein: str
) -> None:
    for number, edit in enumerate(edits):
        (folder := tmp_path / str(number)).mkdir()
        ((consequence, c_name, p_name),) = on_a_gene(folder, WHOLE, edit, strand=strand)
        assert p_name == protein
        if protein == "p.(=)":
            assert consequence in ("5_prime_UTR_variant", "start_retained_variant", "coding_sequence_variant")
        else:
            assert term in consequence.split("&") and c_name == coding


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(
    ("edit", "coding", "protein"),
    [
        ((9, "G", "GGGGTAG"), "c.9_10insGGGTAG", "p.(Met3_His4insGlyTer)"),
        ((15, "A", "AGGATAG"), "c.15_16insGGATAG", "p.(Gly5_Lys6insGlyTer)"),
        ((9, "G", "GAGTTGAAGGACC"), "c.9_10insAGTTGAAGGACC", "p.(Met3_His4insSerTer)"),
        ((9, "G", "GTAGGGG"), "c.9_10insTAGGGG", "p.(His4Ter)"),
        ((15, "A", "AAAATAG"), "c.19_20insAGAAAT", "p.(Trp7Ter)"),  # Lys6 comes again before the stop
        ((10, "C", "CTTTAGA"), "c.10_11insTTTAGA", "p.(His4delinsLeuTer)"),
        ((13, "GGAAAA", "CTATAA"), "c.13_16delinsCTAT", "p.(Gly5_Lys6delinsLeuTer)"),
    ],
)
def test_a_stop_within_an_in_frame_insertion_is_told(
    tmp_path: Path, strand: str, edit: tuple[int, str, str], coding: str, protein: str
) -> None:
    ((consequence, ours, told),) = on_a_gene(tmp_path, WHOLE, edit, strand=strand)
    assert (ours, told) == (coding, protein)
    assert consequence.startswith("stop_gained")


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(
    ("edit", "protein"),
    [
        # ...TGGGATAGC|TGA|CTAACTAGC...: Ser9 and the stop go, translation runs on through what follows
        ((25, "AGCTGACTA", "A"), "p.(Ser9AsnfsTer2)"),
        ((27, "CTGACT", "C"), "p.(Ter10AsnextTer1)"),
        ((28, "TGACT", "T"), "p.(=)"),  # what follows makes a stop again
        ((27, "CTGAC", "CTAAC"), "p.(Ter10=)"),
        ((28, "TGACT", "TGAGG"), None),
    ],
)
def test_deletions_over_the_stop_codon_are_read_on(
    tmp_path: Path, strand: str, edit: tuple[int, str, str], protein: str | None
) -> None:
    ((_, _, told),) = on_a_gene(tmp_path, WHOLE, edit, strand=strand)
    assert told == (protein or "")


def test_a_deletion_over_the_start_codon_may_leave_it_whole(tmp_path: Path) -> None:
    assert BEFORE.endswith("ATA")  # and ATG follows
    said = on_a_gene(tmp_path, WHOLE, (-1, "TAAT", "T"), (-2, "ATAAT", "A"))
    assert {(consequence, protein) for consequence, _, protein in said} == {
        ("start_retained_variant", "p.(=)"),
        ("start_lost", "p.(Met1?)"),
    }


def test_terms_and_name_agree_where_a_stop_is_made_again(tmp_path: Path) -> None:
    ((consequence, _, _),) = on_a_gene(tmp_path, WHOLE, (28, "TGACT", "T"))
    assert consequence == "stop_retained_variant"


SELENO = "ATGGCTTGAGGAAAATGGGATAGCTAA"  # M A Sec G K W D S *


@pytest.mark.parametrize("strand", ["+", "-"])
def test_selenocysteine_is_an_amino_acid(tmp_path: Path, strand: str) -> None:
    said = on_a_gene(
        tmp_path, SELENO,
        (4, "G", "GA"), (7, "T", "G"), (8, "G", "A"), (9, "A", "T"), (12, "AAAA", "A"), (13, "A", "G"), (18, "G", "A"),
        name="SELENON", strand=strand,
    )  # fmt: skip
    assert sorted((consequence.partition("&")[0], protein) for consequence, _, protein in said) == [
        ("frameshift_variant", "p.(Ala2AspfsTer7)"),
        ("inframe_deletion", "p.(Lys5del)"),
        ("missense_variant", "p.(Lys5Glu)"),
        ("missense_variant", "p.(Sec3Cys)"),
        ("missense_variant", "p.(Sec3Gly)"),
        ("stop_gained", "p.(Sec3Ter)"),
        ("stop_gained", "p.(Trp6Ter)"),
    ]


def test_selenocysteine_stays_one_behind_a_change_in_frame(tmp_path: Path) -> None:
    said = on_a_gene(tmp_path, SELENO, (3, "G", "GGCA"), (6, "TTGAG", "TTGAGTGAG"))
    assert [protein for _, _, protein in said] == ["p.(Ala2dup)", "p.(Gly4ValfsTer6)"]


def test_selenocysteine_in_an_unfinished_model_goes_by_the_genes_name_or_the_models_mark(tmp_path: Path) -> None:
    unfinished, edit = SELENO[:-3], (13, "A", "G")
    for number, gene in enumerate(
        ({"name": "GPX1"}, {"more": ";transl_except=(pos:67..69%2Caa:Sec)"}, {"tags": "basic,seleno"})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        ((consequence, _, protein),) = on_a_gene(folder, unfinished, edit, **gene)
        assert (consequence, protein) == ("missense_variant", "p.(Lys5Glu)")


def test_codons_that_the_model_does_not_finish_are_not_known(tmp_path: Path) -> None:
    last = on_a_gene(tmp_path, WHOLE[:26], (25, "A", "C"), (26, "G", "T"), tags="basic,cds_end_NF,mRNA_end_NF")
    first = on_a_gene(tmp_path, WHOLE[1:], (1, "T", "C"), (3, "G", "A"), tags="basic,cds_start_NF", first_phase=2)
    assert [protein for _, _, protein in (*last, *first)] == ["p.?", "p.?", "p.?", "p.(Ala2Thr)"]


def test_a_methionine_in_a_model_that_begins_in_the_middle_is_no_start(tmp_path: Path) -> None:
    ((consequence, _, protein),) = on_a_gene(tmp_path, WHOLE, (1, "A", "G"), tags="basic,cds_start_NF")
    assert (consequence, protein) == ("missense_variant", "p.(Met1Val)")


@pytest.mark.parametrize(
    "biotype", ["nonsense_mediated_decay", "non_stop_decay", "protein_coding_LoF", "IG_V_gene", "lncRNA", "never_seen"]
)
def test_every_biotype_is_annotated(tmp_path: Path, biotype: str) -> None:
    ((consequence, _, _),) = on_a_gene(tmp_path, WHOLE, (5, "C", "A"), biotype=biotype)
    assert ("NMD_transcript_variant" in consequence) == (biotype == "nonsense_mediated_decay")


def test_a_duplication_that_begins_before_the_transcript_is_an_insertion_there(tmp_path: Path) -> None:
    sequence = bases(200, 3)
    bundle = genome(tmp_path, {"chr1": sequence}, [Gene("AAA", ((101, 160),), ((101, 160),), "-")])
    (row,), _ = annotate(tmp_path, bundle, call(156, sequence[155], sequence[155] + sequence[156:164]))
    assert (row["variant_type"], "ins" in row["hgvs_c"]) == ("duplication", True)


def test_one_transcript_id_on_x_and_y_is_two_transcripts(tmp_path: Path) -> None:
    x, y = BEFORE + WHOLE + AFTER, bases(40, 9) + BEFORE + WHOLE + AFTER
    start = len(BEFORE)
    genes = [
        Gene("PAR", ((11, start + 60),), ((start + 1, start + 30),), contig="chrX"),
        Gene("PAR", ((51, start + 100),), ((start + 41, start + 70),), contig="chrY"),
    ]
    bundle = genome(tmp_path, {"chrX": x, "chrY": y}, genes)
    rows, _ = annotate(
        tmp_path, bundle, call(start + 5, "C", "A", contig="chrX"), call(start + 48, "T", "G", contig="chrY")
    )
    assert [(row["contig"], row["hgvs_c"], row["consequence"]) for row in rows] == [
        ("chrX", "ENST00000000001.3:c.5C>A", "missense_variant"),
        ("chrY", "ENST00000000001.3:c.8T>G", "missense_variant"),
    ]
