"""Constraint and dosage of genes, from the columns that gnomAD and ClinGen ship."""

from pathlib import Path

import pytest

from engine.acmg.constraint import (
    CONSTRAINT,
    GeneConstraint,
    build_constraint,
    haploinsufficient_genes,
    read_constraint,
)
from engine.errors import KnowledgeError

V4 = (
    "gene\tgene_id\ttranscript\tcanonical\tmane_select\tlof.oe_ci.upper\tmis.z_score\n"
    "A\t1\tENST1\ttrue\tfalse\t0.9\t1.0\nA\t1\tNM_1\tfalse\ttrue\t0.3\t4.2\nB\t2\tENST2\ttrue\tfalse\tNA\tNA\n"
)
DOSAGE = (
    "#ClinGen Gene Curation List\n#01 Jan,2026\n#Gene Symbol\tGene ID\tHaploinsufficiency Score\tTriplo\n"
    "A\t1\t3\t0\nC\t3\t30\t0\nD\t4\tNot yet evaluated\t0\n"
)


def build(folder: Path, metrics: str, dosage: str | None = None) -> dict[str, GeneConstraint]:
    (folder / "metrics.tsv").write_text(metrics)
    (folder / "dosage.tsv").write_text(dosage or "")
    source = folder / "dosage.tsv" if dosage else None
    build_constraint(folder / "metrics.tsv", source, folder, release="4.1", licence="CC0")
    return read_constraint(folder / CONSTRAINT, {"A", "B", "C", "D", "E"})


def test_the_mane_transcript_speaks_for_its_gene(tmp_path: Path) -> None:
    assert build(tmp_path, V4, DOSAGE) == {
        "A": GeneConstraint(0.3, 4.2, 3, "4.1"),
        "B": GeneConstraint(None, None, None, "4.1"),
        "C": GeneConstraint(None, None, 30, "4.1"),
    }


def test_genes_of_which_one_copy_is_not_enough_are_told_where_dosage_is_declared(tmp_path: Path) -> None:
    build(tmp_path, V4, DOSAGE)
    assert haploinsufficient_genes(tmp_path / CONSTRAINT) == {"A"}
    build(tmp_path, V4)
    assert haploinsufficient_genes(tmp_path / CONSTRAINT) is None


def test_the_columns_of_the_earlier_release_are_known_too(tmp_path: Path) -> None:
    text = "gene\ttranscript\toe_lof_upper\tmis_z\nA\tENST1\t0.35\t3.1\n"
    assert build(tmp_path, text)["A"] == GeneConstraint(0.35, 3.1, None, "4.1")


@pytest.mark.parametrize(
    ("metrics", "dosage", "said"),
    [
        ("gene\ttranscript\n", None, "no column lof.oe_ci.upper, mis.z_score"),
        (V4 + "A\t1\n", None, "another number of columns"),
        (V4.replace("4.2", "high"), None, "'high' is no number"),
        (V4.splitlines()[0] + "\n", None, "the table has no genes"),
        (V4, "Gene\tScore\n", "no header with #Gene Symbol"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, metrics: str, dosage: str | None, said: str) -> None:
    with pytest.raises(KnowledgeError, match=said):
        build(tmp_path, metrics, dosage)
