"""Criteria of real alleles of PANK2, by its sequence, its transcripts and ClinVar."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam
import pytest

from engine.acmg.decide import decide
from engine.acmg.gather import Gatherer
from engine.acmg.predictor_table import PREDICTORS, build_predictors
from engine.annotate.frequency_table import FREQUENCIES, build_frequencies
from engine.classify.criteria import classify
from engine.classify.findings import select_reportable
from engine.classify.unreported import REASONS
from engine.reference.bundle import ReferenceBundle
from engine.report.wording import evidence, headline, sentence
from tests.builders.pank2 import annotated, pank2_bundle
from tests.builders.people import subject

GLY521 = 3_918_695
"""ClinVar 4548: PANK2 p.Gly521Arg, the first base of its codon, 1-based in GRCh38."""
NOVEL = 3_910_800
"""In the exon of ClinVar 456524, a frameshift."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return pank2_bundle(tmp_path_factory.mktemp("pank2"))


@pytest.fixture
def find(bundle: ReferenceBundle, tmp_path: Path) -> Any:
    def run(*alleles: str, **known: Any) -> list[dict[str, Any]]:
        table = annotated(bundle, tmp_path / "annotated", *alleles)
        known.setdefault("ordered_genes", ("PANK2",))
        select_reportable(table, subject(**known), bundle, tmp_path, "S1")
        return pq.read_table(tmp_path / "S1.findings.parquet").to_pylist()

    return run


def base(bundle: ReferenceBundle, position: int) -> str:
    """The reference's base at a 1-based place."""
    with pysam.FastaFile(str(bundle.fasta)) as sequences:
        return str(sequences.fetch("chr20", position - 1, position))


def codes(finding: dict[str, Any]) -> list[str]:
    return [f"{one['code']}={one['strength']}" for one in finding["acmg_criteria"]]


def test_a_novel_truncation_of_an_ordered_gene_is_a_classified_candidate(find: Any, bundle: ReferenceBundle) -> None:
    """A base is deleted in the middle of the gene; ClinVar has not seen it."""
    first = NOVEL
    (finding,) = find(f"{first}-{base(bundle, first)}{base(bundle, first + 1)}-{base(bundle, first)}")
    assert (finding["clinvar_variation_id"], finding["consequence"]) == (None, "frameshift_variant")
    assert (finding["category"], finding["acmg_class"]) == ("candidate", "likely_pathogenic")
    assert codes(finding) == ["PVS1=VS"] and finding["acmg_points"] == 8
    (pvs1,) = finding["acmg_criteria"]
    assert pvs1["version"] == "2024-12-15" and "decay" in pvs1["sentence"]
    assert "likely pathogenic by criteria (PVS1, 8 points)" in headline(finding)
    assert sentence(finding).startswith("Candidate, to be judged by a person: frameshift variant of PANK2")
    told = evidence(finding)
    assert "likely pathogenic by points (8 points), uncertain significance by the rules of 2015" in told[0]
    assert told[1].startswith("PVS1 (very strong): ") and "ClinVar and gene model 2024-12-15" in told[1]


def test_nobody_asked_about_the_gene(find: Any, bundle: ReferenceBundle) -> None:
    first = NOVEL
    allele = f"{first}-{base(bundle, first)}{base(bundle, first + 1)}-{base(bundle, first)}"
    assert find(allele, ordered_genes=("AVP",)) == [] == find(allele, ordered_genes=())


def test_what_clinvar_says_of_the_allele_itself_is_no_criterion(find: Any, bundle: ReferenceBundle) -> None:
    assert base(bundle, GLY521) == "G"
    (known,) = find(f"{GLY521}-G-A")
    assert (known["clinvar_variation_id"], known["category"]) == ("4548", "carrier")
    assert not {"PS1", "PM5"} & {one["code"] for one in known["acmg_criteria"]}
    assert evidence(known)[0].startswith("ACMG criteria")


def test_the_facts_of_an_allele_hold_clinvars_alleles_of_its_codon(bundle: ReferenceBundle, tmp_path: Path) -> None:
    rows = pq.read_table(annotated(bundle, tmp_path, f"{GLY521 + 1}-{base(bundle, GLY521 + 1)}-A")).to_pylist()
    facts = Gatherer(bundle, rows).facts(rows[0])
    assert facts is not None and facts.residue == 521
    (comparator,) = [one for one in facts.known if one.protein]
    assert (comparator.variation_id, comparator.protein) == ("4548", "p.(Gly521Arg)")
    assert sum(one.truncates for one in facts.known) > 5 and facts.clinvar_release == "2024-12-15"
    pm5 = next(one for one in decide(facts) if one.criterion.code == "PM5")
    assert (str(pm5.criterion), pm5.record) == ("PM5=P", "4548") and "p.(Gly521Arg)" in pm5.sentence


def test_what_was_asked_about_and_is_not_reported_has_a_reason(
    find: Any, bundle: ReferenceBundle, tmp_path: Path
) -> None:
    """A row a variant of the gene, whatever became of it, and none of what is reported."""
    missense, silent, inside = GLY521 + 1, GLY521 + 2, GLY521 + 900
    alleles = {at: f"{at}-{base(bundle, at)}-{other(base(bundle, at))}" for at in (missense, silent, inside)}
    found = find(
        f"{GLY521}-G-A", f"3867000-{base(bundle, 3_867_000)}-{other(base(bundle, 3_867_000))}", *alleles.values()
    )
    assert [row["position"] for row in found] == [GLY521]
    rows = {row["position"]: row for row in pq.read_table(tmp_path / "S1.unreported.parquet").to_pylist()}
    assert set(rows) == {missense, silent, inside}
    assert rows[inside]["reason"] == "no great effect" and "intron variant" not in rows[inside]["reason"]
    assert {row["reason"] for row in rows.values()} <= set(REASONS)
    assert all(row["explanation"] for row in rows.values())


def other(reference: str) -> str:
    """A transition, so that it is another base."""
    return {"A": "G", "G": "A", "C": "T", "T": "C"}[reference]


@pytest.mark.parametrize(
    ("frequency", "expected"), [(0.06, "BA1=A"), (0.02, "BS1=S"), (0.00001, "PM2=P"), (None, "PM2=P"), (0.001, "")]
)
def test_how_frequent_an_allele_is_counts(
    bundle: ReferenceBundle, tmp_path: Path, frequency: float | None, expected: str
) -> None:
    """A missense variant of PANK2 in a source of 200,000 alleles, or not in it."""
    place = GLY521 + 1
    ref = base(bundle, place)
    told = f"AC={round((frequency or 0.5) * 200_000)};AN=200000;AF={frequency or 0.5}"
    source = tmp_path / "source.vcf"
    source.write_text(
        '##fileformat=VCFv4.2\n##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n'
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="">\n##INFO=<ID=AF,Number=A,Type=Float,Description="">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"20\t{place if frequency else place + 1}\t.\t{ref if frequency else base(bundle, place + 1)}\t"
        f"{other(ref) if frequency else other(base(bundle, place + 1))}\t.\tPASS\t{told}\n"
    )
    build_frequencies(source, bundle.fasta, bundle.contigs, tmp_path, release="4.1", licence=None)
    table = annotated(bundle, tmp_path / "annotated", f"{place}-{ref}-{other(ref)}")
    with_frequencies = replace(bundle, frequencies=tmp_path / FREQUENCIES)
    select_reportable(table, subject(ordered_genes=("PANK2",)), with_frequencies, tmp_path, "S1")
    (row,) = pq.read_table(tmp_path / "S1.unreported.parquet").to_pylist()
    assert {one for one in row["acmg_criteria"].split(";") if one[:2] in ("BA", "BS") or one[:3] == "PM2"} == (
        {expected} - {""}
    )


def test_a_predictors_score_counts(bundle: ReferenceBundle, tmp_path: Path) -> None:
    place = GLY521 + 1
    ref = base(bundle, place)
    source = tmp_path / "scores.tsv"
    source.write_text(f"chrom\tpos\tref\talt\tREVEL\nchr20\t{place}\t{ref}\t{other(ref)}\t0.95\n")
    build_predictors(source, bundle.fasta, bundle.contigs, tmp_path, release=None, licence=None)
    table = annotated(bundle, tmp_path / "annotated", f"{place}-{ref}-{other(ref)}")
    with_scores = replace(bundle, predictors=tmp_path / PREDICTORS)
    select_reportable(table, subject(ordered_genes=("PANK2",)), with_scores, tmp_path, "S1")
    (row,) = pq.read_table(tmp_path / "S1.unreported.parquet").to_pylist()
    assert row["acmg_criteria"] == "PM5=P;PP3=S" and row["acmg_points"] == 5
    (allele,) = pq.read_table(table).to_pylist()
    allele |= dict.fromkeys(("origin", "origin_basis", "phenotype_rank"), None)
    finding = allele | {"zygosity": "heterozygous", "conditions": [], "looked_at": (), "members": []}
    classify([finding], with_scores)
    assert finding["predictions"] == [{"predictor": "REVEL", "score": 0.95, "release": None}]
    finding["predictions"] = None
    classify([finding], bundle)
    assert finding["predictions"] == []
