"""Reading a gene model, and choosing who speaks for a gene."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.annotate.consequence import Hit, complete, parse_bcsq, representative
from engine.annotate.gene_model import GeneModel, Span, Transcript, read_gene_model
from engine.annotate.hgvs import label
from engine.errors import KnowledgeError

GENE = "biotype=protein_coding;description=tumor protein p53 [Source:HGNC Symbol%3BAcc:HGNC:11998];version=18"
ENSEMBL = "##gff-version 3\n" + "".join(
    "\t".join(["chr17", "ensembl", kind, start, end, ".", "-", phase, attributes]) + "\n"
    for kind, start, end, phase, attributes in (
        ("gene", "101", "900", ".", f"ID=gene:ENSG01;Name=TP53;{GENE}"),
        (*("mRNA", "101", "900", "."), "ID=transcript:ENST01;Parent=gene:ENSG01;tag=basic,MANE_Select;version=9"),
        ("exon", "801", "900", ".", "Parent=transcript:ENST01"),
        ("exon", "101", "200", ".", "Parent=transcript:ENST01"),
        ("CDS", "801", "850", "1", "ID=CDS:ENSP01;Parent=transcript:ENST01;protein_id=ENSP01"),
        ("CDS", "151", "200", "2", "ID=CDS:ENSP01;Parent=transcript:ENST01;protein_id=ENSP01"),
        ("lnc_RNA", "301", "400", ".", "ID=transcript:ENST02;Parent=gene:ENSG01;biotype=retained_intron;version=1"),
        ("exon", "301", "400", ".", "Parent=transcript:ENST02"),
    )
)
MANE, CANONICAL = frozenset({"basic", "MANE_Select"}), frozenset({"Ensembl_canonical"})


def transcript(
    name: str,
    gene: str = "G",
    exons: tuple[Span, ...] = ((0, 90),),
    coding: Span | None = (0, 90),
    tags: frozenset[str] = frozenset(),
) -> Transcript:
    return Transcript(name, name, gene, gene, None, "protein_coding", "1", 1, exons, coding, tags=tags)


def test_ensembls_facts_are_read(tmp_path: Path) -> None:
    (tmp_path / "genes.gff3").write_text(ENSEMBL)
    model = read_gene_model(tmp_path / "genes.gff3")
    canonical = model.transcripts["ENST01"]
    assert (canonical.name, canonical.gene, canonical.hgnc_id, canonical.protein) == (
        "ENST01.9",
        "TP53",
        "HGNC:11998",
        "ENSP01",
    )
    assert (canonical.strand, canonical.exons, canonical.coding) == (-1, ((100, 200), (800, 900)), (150, 850))
    assert (canonical.standing, canonical.phase, canonical.phase_shift) == ("MANE_Select", 1, 2)
    assert model.transcripts["ENST02"].coding is None
    assert model.representatives["chr17", "ENSG01"] is canonical
    assert [one.id for one in model.by_gene["chr17", "TP53"]] == ["ENST01", "ENST02"]


def test_an_incomplete_first_codon_is_counted_as_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "genes.gff3").write_text(ENSEMBL)
    canonical = read_gene_model(tmp_path / "genes.gff3").transcripts["ENST01"]
    assert [label(canonical, position) for position in (849, 850, 800, 799, 199, 149)] == [
        "3",
        "-1",
        "52",
        "52+1",
        "53",
        "*1",
    ]


def test_a_transcript_goes_by_its_accession_wherever_the_model_tells_it(tmp_path: Path) -> None:
    for written, name in (
        ("ID=transcript:TP53-201;transcript_id=ENST09;version=4", "ENST09.4"),
        ("ID=transcript:TP53-201;transcript_id=ENST09.4;version=4", "ENST09.4"),
        ("ID=transcript:NM_000546.6;transcript_id=NM_000546.6", "NM_000546.6"),
        ("ID=transcript:TP53-201;transcript_id=TP53-201", "TP53-201"),
    ):
        line = f"chr17\tx\tmRNA\t1\t9\t.\t+\t.\t{written};Parent=gene:G;tag=basic,MANE Select\n"
        exon = f"chr17\tx\texon\t1\t9\t.\t+\t.\tParent={written[3:].partition(';')[0]}\n"
        (tmp_path / "genes.gff3").write_text(line + exon)
        (transcript,) = read_gene_model(tmp_path / "genes.gff3").transcripts.values()
        assert (transcript.name, transcript.standing) == (name, "MANE_Select")


def test_coding_bases_without_exons_and_tabs_in_the_last_column_are_read(tmp_path: Path) -> None:
    lines = ENSEMBL.replace("tumor protein", "tumor\tprotein").splitlines(keepends=True)
    (tmp_path / "genes.gff3").write_text("".join(line for line in lines if "\texon\t" not in line))
    (transcript,) = read_gene_model(tmp_path / "genes.gff3").transcripts.values()
    assert (transcript.exons, transcript.coding) == (((150, 200), (800, 850)), (150, 850))


@pytest.mark.parametrize("content", ["", "##gff-version 3\n", ENSEMBL.replace("\t101\t900", "\tx\t900")])
def test_a_damaged_or_empty_gene_model_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "genes.gff3").write_text(content)
    with pytest.raises(KnowledgeError):
        read_gene_model(tmp_path / "genes.gff3")


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("\t101\t900", "\t10s\t900", "'10s' to '900' is no stretch of a contig"),
        ("\t101\t900", "\t101\t9t0", "'101' to '9t0' is no stretch of a contig"),
        ("\t101\t900", " 101 900", "columns, separated by tabs, and not 9"),
    ],
)
def test_a_damaged_line_is_told_with_its_number_and_in_words(tmp_path: Path, was: str, now: str, told: str) -> None:
    (tmp_path / "genes.gff3").write_text(ENSEMBL.replace(was, now, 1))
    number = 1 + [was in line for line in ENSEMBL.splitlines()].index(True)
    with pytest.raises(KnowledgeError) as refused:
        read_gene_model(tmp_path / "genes.gff3")
    said = str(refused.value)
    assert told in said and f"genes.gff3, line {number}: " in said and "Remedy: copy the file again" in said


@pytest.mark.parametrize(
    ("transcripts", "spokesman"),
    [
        ([transcript("T1"), transcript("T2", tags=MANE, coding=(0, 30))], "T2"),
        (
            [
                transcript("T1", tags=CANONICAL),
                transcript("T2", tags=MANE),
            ],
            "T2",
        ),
        ([transcript("T1", coding=(0, 30)), transcript("T2", coding=(0, 60))], "T2"),
        ([transcript("G-210"), transcript("G-201")], "G-201"),
        ([transcript("T1", coding=None), transcript("T2", coding=(0, 3))], "T2"),
    ],
)
def test_who_speaks_for_a_gene(transcripts: list[Transcript], spokesman: str) -> None:
    model = GeneModel({one.id: one for one in transcripts})
    assert model.representatives["1", "G"].id == spokesman
    chosen = representative([Hit(one.id, ("intron_variant",)) for one in transcripts], model)
    assert chosen is not None and chosen[1].id == spokesman


def test_among_genes_the_one_hit_worst_speaks() -> None:
    model = GeneModel({"A": transcript("A", "A"), "B": transcript("B", "B")})
    hits = [Hit("A", ("intron_variant",)), Hit("B", ("stop_gained", "splice_region_variant"))]
    chosen = representative(hits, model)
    assert chosen is not None and chosen[1].gene == "B"
    assert representative([], model) is None


def test_transcripts_that_csq_passes_over_are_told_by_their_place() -> None:
    spliced = transcript("S", exons=((0, 20), (60, 90)), coding=(5, 80))
    model = GeneModel({"S": spliced, "W": transcript("W"), "N": transcript("N", exons=((0, 90),), coding=None)})
    told = complete(parse_bcsq("missense|G|W|protein_coding|+|1A>1B|31A>C"), "1", 30, 31, model)
    assert {hit.transcript: hit.terms for hit in told} == {
        "W": ("missense_variant",),
        "S": ("intron_variant",),
        "N": ("non_coding_transcript_exon_variant",),
    }
    alone = GeneModel({"S": spliced})
    said = parse_bcsq("intron|G||protein_coding")
    assert [complete(said, "1", place, place + 1, alone)[0].terms[0] for place in (2, 30, 85)] == [
        "5_prime_UTR_variant",
        "intron_variant",
        "3_prime_UTR_variant",
    ]
    (near,) = complete(parse_bcsq("splice_region|G|S|protein_coding"), "1", 24, 25, alone)
    assert near.terms == ("splice_region_variant",)
    (near,) = complete(parse_bcsq("splice_region|G|S|protein_coding"), "1", 2, 3, alone)
    assert near.terms == ("splice_region_variant", "5_prime_UTR_variant")


def test_where_csq_says_nothing_the_place_tells() -> None:
    model = GeneModel({"A": transcript("A", "A"), "B": transcript("B", "B", ((200, 290),), (200, 290))})
    assert [hit.terms for hit in complete(parse_bcsq(""), "1", 10, 12, model)] == [("coding_sequence_variant",)]
    assert complete(parse_bcsq(""), "1", 100, 101, model) == []
    assert complete(parse_bcsq(""), "2", 10, 12, model) == []
    assert model.genes_at("1", 80, 210) == ["A", "B"]
    assert model.genes_at("1", 90, 200) == []


@pytest.mark.parametrize(
    ("span", "numbers", "distance"),
    [
        ((109, 110), (1, None), 1),
        ((110, 111), (None, 1), 1),
        ((112, 113), (None, 1), 3),
        ((108, 112), (1, 1), 0),
        ((110, 110), (None, 1), 0),
        ((198, 198), (None, 1), 2),
        ((205, 206), (2, None), 5),
        ((310, 311), (3, None), 11),
    ],
)
def test_exons_introns_and_the_way_to_the_splice_site(
    span: tuple[int, int], numbers: tuple[int | None, int | None], distance: int
) -> None:
    forward = transcript("T", exons=((100, 110), (200, 210), (300, 320)))
    exon, intron = numbers
    touched = span[0], max(span[1], span[0] + 1)
    assert forward.numbered(*touched) == (exon and f"{exon}/3", intron and f"{intron}/2")
    assert replace(forward, strand=-1).numbered(*touched) == (exon and f"{4 - exon}/3", intron and f"{3 - intron}/2")
    assert forward.splice_distance(*span) == distance
    assert transcript("T", exons=((0, 90),)).splice_distance(3, 4) is None
