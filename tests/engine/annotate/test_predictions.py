"""Scores of predictors in the table of annotated variants, and what findings make of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.acmg.predictor_table import PREDICTORS, SPLICE_PREDICTORS, build_predictors, build_splice_predictors
from engine.annotate.annotate import tell_consequences
from engine.annotate.joined import Consequences, join_knowledge
from engine.classify.criteria import classify
from engine.errors import KnowledgeError
from engine.reference.bundle import ReferenceBundle
from tests.builders.pank2 import annotated, pank2_bundle

FURTHER, GLY521 = 3_918_690, 3_918_696
"""1-based: the second base of the codon of p.Gly521, and one a few codons before it."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return pank2_bundle(tmp_path_factory.mktemp("pank2"))


def _alleles(bundle: ReferenceBundle) -> list[tuple[int, str, str]]:
    import pysam

    with pysam.FastaFile(str(bundle.fasta)) as fasta:
        bases = [(place, fasta.fetch("chr20", place - 1, place).upper()) for place in (FURTHER, GLY521)]
    return [(place, ref, "A" if ref != "A" else "C") for place, ref in bases]


def _joined(bundle: ReferenceBundle, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Both alleles with what the bundle knows of them, and how many of them have a score."""
    annotated(bundle, folder, *("-".join(map(str, allele)) for allele in _alleles(bundle)))
    tell_consequences(folder / "calls.vcf", bundle, folder, "S1")
    told = Consequences(folder / "S1.annotated.vcf.gz", folder / "S1.consequences.parquet")
    summary = join_knowledge(told, bundle, folder / "joined.parquet", "S1")
    return pq.read_table(folder / "joined.parquet").to_pylist(), summary.predictions_matched


@pytest.fixture
def with_scores(bundle: ReferenceBundle, tmp_path: Path) -> ReferenceBundle:
    """REVEL twice of one allele, as by transcript, and SpliceAI of both."""
    (first, second) = ("\t".join(map(str, allele)) for allele in _alleles(bundle))
    source = tmp_path / "scores.tsv"
    source.write_text(f"chrom\tpos\tref\talt\tREVEL\nchr20\t{second}\t0.4\nchr20\t{second}\t0.95\n")
    build_predictors(source, bundle.fasta, bundle.contigs, tmp_path, release="1.3", licence=None)
    source.write_text(f"chrom\tpos\tref\talt\tSpliceAI\nchr20\t{first}\t0.02\nchr20\t{second}\t0.1\n")
    build_splice_predictors(source, bundle.fasta, bundle.contigs, tmp_path, release=None, licence=None)
    return replace(bundle, predictors=tmp_path / PREDICTORS, splice_predictors=tmp_path / SPLICE_PREDICTORS)


def test_each_allele_has_its_scores_with_their_release_the_highest_of_several(
    with_scores: ReferenceBundle, tmp_path: Path
) -> None:
    rows, matched = _joined(with_scores, tmp_path / "joined")
    revel = {"predictor": "REVEL", "score": 0.95, "release": "1.3"}
    assert [row["predictions"] for row in rows] == [
        [{"predictor": "SpliceAI", "score": 0.02, "release": None}],
        [revel, {"predictor": "SpliceAI", "score": 0.1, "release": None}],
    ]
    assert matched == 2


def test_without_tables_nothing_is_said_and_else_nothing_is_another(
    bundle: ReferenceBundle, with_scores: ReferenceBundle, tmp_path: Path
) -> None:
    plain, matched = _joined(bundle, tmp_path / "plain")
    scored, _ = _joined(with_scores, tmp_path / "scored")
    assert [row["predictions"] for row in plain] == [None, None] and matched == 0
    assert [row | {"predictions": None} for row in scored] == plain


def test_findings_take_the_scores_of_the_annotated_variants(with_scores: ReferenceBundle, tmp_path: Path) -> None:
    rows, _ = _joined(with_scores, tmp_path / "joined")
    nothing = dict.fromkeys(("origin", "origin_basis", "phenotype_rank"))
    finding = rows[1] | nothing | {"zygosity": "heterozygous", "conditions": [], "looked_at": (), "members": []}
    without = finding | {"predictions": []}
    classify([finding], with_scores)
    classify([without], with_scores)
    (used,) = [one for one in finding["acmg_criteria"] if one["code"] == "PP3"]
    assert "0.95" in used["sentence"] and used["version"] == "1.3"
    assert not [one for one in without["acmg_criteria"] if one["code"] == "PP3"]


def test_a_damaged_table_is_refused(bundle: ReferenceBundle, tmp_path: Path) -> None:
    (tmp_path / PREDICTORS).write_bytes(b"PAR1")
    with pytest.raises(KnowledgeError, match="predictors cannot be read"):
        _joined(replace(bundle, predictors=tmp_path / PREDICTORS), tmp_path / "joined")
