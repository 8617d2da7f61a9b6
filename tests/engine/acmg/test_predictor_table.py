"""Scores of predictors as a table by allele, of the reference's build, or refused in a sentence."""

from pathlib import Path
from typing import Any

import pytest

from engine.acmg.predictor_table import KNOWN, PREDICTORS, PredictorMeasures, build_predictors, read_scores
from engine.errors import GenomicsError, KnowledgeError, ReferenceMismatchError
from engine.reference.genome import open_reference

SEQUENCE = "ACGTACGTNT"


@pytest.fixture
def build(tmp_path: Path) -> Any:
    def run(text: str) -> PredictorMeasures:
        fasta, source = tmp_path / "r.fa", tmp_path / "scores.tsv"
        fasta.write_text(f">chr2\n{SEQUENCE}\n>chr1\n{SEQUENCE}\n")
        source.write_text(text)
        return build_predictors(
            source, fasta, open_reference(fasta).contigs, tmp_path, release="1.3", licence="as REVEL's authors say"
        )

    return run


@pytest.mark.parametrize("separator", ["\t", ","])
def test_scores_are_found_by_allele(build: Any, tmp_path: Path, separator: str) -> None:
    rows = ["chrom pos ref alt other CADD REVEL", "1 2 C T x 20 0.7", "chr2 3 G A x . 0.01", "1 1 A C x 30 .",
            "1 9 A C x 1 1", "7 1 A C x 1 1"]  # fmt: skip
    measures = build("".join(row.replace(" ", separator) + "\n" for row in rows))
    assert (measures.records, measures.elsewhere, measures.predictors) == (3, 2, ["REVEL", "CADD"])
    asked = [("1", 2, "C", "T"), ("2", 3, "G", "A"), ("1", 1, "A", "C"), ("1", 2, "C", "G")]
    assert read_scores(tmp_path / PREDICTORS, asked) == {
        ("1", 2, "C", "T"): {"REVEL": 0.7, "CADD": 20.0},
        ("2", 3, "G", "A"): {"REVEL": 0.01},
        ("1", 1, "A", "C"): {"CADD": 30.0},
    }
    assert read_scores(tmp_path / PREDICTORS, []) == {}
    assert sorted(path.name for path in tmp_path.glob("*.parquet")) == [PREDICTORS]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", KnowledgeError, "no column chrom, pos, ref, alt"),
        ("chrom\tpos\tref\talt\tscore\n", KnowledgeError, f"no column a predictor .{KNOWN[0]}"),
        ("chrom\tpos\tref\talt\tREVEL\n1\t2\tC\tT\n", KnowledgeError, "it has 4 columns, the header 5"),
        ("chrom\tpos\tref\talt\tREVEL\n1\t2\tC\tTT\t1\n", KnowledgeError, "is no substitution"),
        ("chrom\tpos\tref\talt\tREVEL\n1\t2\tC\tT\thigh\n", KnowledgeError, "the score 'high' is no number"),
        ("chrom\tpos\tref\talt\tREVEL\n1\t2\tG\tT\t1\n", ReferenceMismatchError, "REF disagrees .* at 1 of 1 rows"),
        ("chrom\tpos\tref\talt\tREVEL\n9\t2\tG\tT\t1\n", ReferenceMismatchError, "no row lies on a contig"),
        ("chrom\tpos\tref\talt\tREVEL\n1\t2\tC\tT\t1", KnowledgeError, "may have been cut"),
    ],
)
def test_what_cannot_be_used_is_refused(build: Any, text: str, kind: type[GenomicsError], said: str) -> None:
    with pytest.raises(kind, match=said):
        build(text)
