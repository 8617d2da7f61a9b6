"""Knowledge by allele from what publishers ship: VCFs and columns, placed, compared and sorted by one importer."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.acmg.predictor_table import (
    KNOWN_OF_SPLICING,
    PREDICTORS,
    SPLICE_PREDICTORS,
    build_predictors,
    build_splice_predictors,
    read_scores,
    release_of,
)
from engine.annotate.dbsnp import DBSNP, build_dbsnp, read_ids
from engine.errors import GenomicsError, KnowledgeError, ReferenceMismatchError
from engine.reference.genome import open_reference

SEQUENCE = "ACGTACGTTTTTTACG"
SITES = "##fileformat=VCFv4.2\n##dbSNP_BUILD_ID=157\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def run(importer: Any, text: str, **facts: Any) -> Any:
        fasta, source = tmp_path / "r.fa", tmp_path / "source"
        fasta.write_text(f">chr20\n{SEQUENCE}\n>chr21\n{SEQUENCE}\n")
        source.write_text(text)
        return importer(source, fasta, open_reference(fasta).contigs, tmp_path, **({"release": None} | facts))

    return run


def test_dbsnp_gives_each_allele_its_id(take: Any, tmp_path: Path) -> None:
    """A deletion is found where it is written leftmost; of two records of one allele the lower id holds."""
    records = ["20\t2\trs20\tC\tA,T", "20\t2\trs3\tC\tA", "20\t12\trs7\tTT\tT", "21\t1\t.\tA\tG"]
    found = take(build_dbsnp, SITES + "".join(f"{one}\t.\t.\t.\n" for one in records))
    assert (found.records, found.release) == (5, "157")
    asked = [("20", 2, "C", "A"), ("20", 2, "C", "T"), ("20", 7, "GT", "G"), ("21", 1, "A", "G"), ("20", 1, "A", "C")]
    assert read_ids(tmp_path / DBSNP, asked) == dict(zip(asked[:3], ("rs3", "rs20", "rs7"), strict=True))


def test_spliceais_own_vcf_gives_the_greatest_change_of_the_allele(take: Any, tmp_path: Path) -> None:
    info = "SpliceAI=A|G1|0.10|0.00|0.91|0.00|1|2|3|4,T|G1|0.05|0.20|0.00|0.00|1|2|3|4,T|G2|.|.|.|.|.|.|.|."
    found = take(build_splice_predictors, f"{SITES}20\t2\t.\tC\tA,T\t.\t.\t{info}\n", release="1.3", licence=None)
    assert (found.records, found.predictors) == (2, ["SpliceAI"])
    table = tmp_path / SPLICE_PREDICTORS
    asked = [("20", 2, "C", "A"), ("20", 2, "C", "T")]
    scores = read_scores(table, asked, KNOWN_OF_SPLICING)
    assert [scores[one]["SpliceAI"] for one in asked] == [0.91, 0.2]
    assert release_of(table) == "1.3"


def test_splice_scores_in_columns_may_be_of_insertions(take: Any, tmp_path: Path) -> None:
    take(build_splice_predictors, "chrom\tpos\tref\talt\tSpliceAI\nchr21\t2\tC\tCA\t0.4\n", licence=None)
    scores = read_scores(tmp_path / SPLICE_PREDICTORS, [("21", 2, "C", "CA")], KNOWN_OF_SPLICING)
    assert list(scores.values()) == [{"SpliceAI": 0.4}]


def test_revels_own_columns_are_read_of_the_references_build(take: Any, tmp_path: Path) -> None:
    """Of a row that could not be lifted nothing is known there; of two scores of an allele the higher counts."""
    head = "chr,hg19_pos,grch38_pos,ref,alt,aaref,aaalt,REVEL,Ensembl_transcriptid\n"
    rows = "20,1,2,C,T,R,C,0.4,E1\n20,1,2,C,T,R,C,0.7,E2\n20,9,.,C,T,R,C,0.9,E1\n"
    found = take(build_predictors, head + rows, licence=None, build="GRCh38")
    assert (found.records, found.elsewhere) == (2, 1)
    assert read_scores(tmp_path / PREDICTORS, [("20", 2, "C", "T")]) == {("20", 2, "C", "T"): {"REVEL": 0.7}}
    with pytest.raises(ReferenceMismatchError, match="REF disagrees with the reference at 3 of 3 rows"):
        take(build_predictors, head + rows, licence=None, build="GRCh37")


def test_cadds_own_columns_are_read_behind_its_comment(take: Any, tmp_path: Path) -> None:
    text = "## CADD GRCh38-v1.7\n#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED\n20\t2\tC\tT\t1.2\t26.1\n"
    take(build_predictors, text, licence=None)
    assert read_scores(tmp_path / PREDICTORS, [("20", 2, "C", "T")]) == {("20", 2, "C", "T"): {"CADD": 26.1}}


def test_a_table_need_not_be_sorted_and_is_stored_sorted(take: Any, tmp_path: Path) -> None:
    text = "chrom\tpos\tref\talt\tREVEL\n21\t2\tC\tT\t.1\n20\t3\tG\tT\t.2\n21\t1\tA\tT\t.3\n20\t2\tC\tA\t.4\n"
    take(build_predictors, text, licence=None)
    rows = pq.read_table(tmp_path / PREDICTORS).to_pylist()
    assert [(row["contig"], row["position"]) for row in rows] == [("20", 2), ("20", 3), ("21", 1), ("21", 2)]


@pytest.mark.parametrize(
    ("build", "text", "kind", "said"),
    [
        (build_dbsnp, f"{SITES}20\t3\trs1\tG\tA\t.\t.\t.\n20\t2\trs2\tC\tA\t.\t.\t.\n", KnowledgeError, "not sorted"),
        (build_dbsnp, f"{SITES}20\t3\trs1\tC\tA\t.\t.\t.\n", ReferenceMismatchError, "REF disagrees"),
        (build_dbsnp, f"{SITES}20\t3\trs1\tG\t<DEL>\t.\t.\t.\n", ReferenceMismatchError, "no allele of the file"),
        (build_dbsnp, SITES.replace("#CHROM", "CHROM"), KnowledgeError, "no VCF header"),
        (
            build_splice_predictors,
            f"{SITES}20\t2\t.\tC\tA\t.\t.\tSpliceAI=A|G1|much|0|0|0\n",
            KnowledgeError,
            "the scores of SpliceAI cannot be read",
        ),
        (build_splice_predictors, "chrom\tpos\tref\talt\tREVEL\n", KnowledgeError, "no column a predictor"),
        (build_splice_predictors, "chrom\tpos\tref\talt\tSpliceAI\n20\tx\tC\tA\t1\n", KnowledgeError, "no number"),
    ],
)
def test_what_cannot_be_used_is_refused(take: Any, build: Any, text: str, kind: type[GenomicsError], said: str) -> None:
    facts = {} if build is build_dbsnp else {"licence": None}
    with pytest.raises(kind, match=said):
        take(build, text, **facts)
