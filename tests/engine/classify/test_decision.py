"""A person's decision on an allele stands above ClinVar and the criteria, whoever carries it, and is told with it."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.classify.decision import CLASSES, Decision, decided_class
from engine.classify.findings import Subject, select_reportable
from engine.errors import ClassificationError
from engine.fhir.observations import _significance
from engine.reference.bundle import ReferenceBundle
from engine.report.statement import _stated
from engine.report.why import find_call
from engine.report.wording import evidence, tier
from tests.builders.pank2 import annotated, pank2_bundle
from tests.builders.people import person

KNOWN = "20-3918695-G-A"
"""ClinVar 4548: PANK2 p.Gly521Arg, pathogenic."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return pank2_bundle(tmp_path_factory.mktemp("pank2"))


@pytest.fixture
def find(bundle: ReferenceBundle, tmp_path: Path) -> Any:
    table = annotated(bundle, tmp_path / "annotated", "3918695-G-A")

    def run(classification: str | None, **facts: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        decided = (
            Decision(
                "GRCh38", KNOWN, classification, ("PM2=P", "BS3=S"), "Assayed here.", "Dr A", "2026-11-28T08:00:00"
            )
            if classification
            else None
        )
        facts.setdefault("ordered_genes", ("PANK2",))
        subject = Subject(person(**facts), decisions=(decided,) if decided else ())
        select_reportable(table, subject, bundle, tmp_path, "S1")
        return tuple(pq.read_table(tmp_path / f"S1.{name}.parquet").to_pylist() for name in ("findings", "unreported"))  # type: ignore[return-value]

    return run


def test_without_a_decision_nothing_is_told_of_one(find: Any) -> None:
    ((finding,), _) = find(None)
    assert finding["decided_class"] is None and tier(finding).startswith("pathogenic")


def test_what_is_judged_harmless_is_not_reported_and_the_reason_says_so(find: Any) -> None:
    for classification in ("benign", "likely_benign"):
        findings, ((row),) = find(classification)
        assert findings == [] and row["reason"] == "judged by the laboratory" and row["allele"] == KNOWN


def test_what_is_judged_uncertain_is_listed_where_its_gene_was_asked_about(find: Any) -> None:
    ((finding,), _) = find("uncertain_significance")
    assert finding["category"] == "uncertain"
    findings, ((row),) = find("uncertain_significance", ordered_genes=())
    assert findings == [] and row["reason"] == "judged by the laboratory"


def test_the_persons_word_criteria_and_reason_are_told(find: Any) -> None:
    ((finding,), _) = find("likely_pathogenic")
    assert finding["category"] == "carrier" and finding["decided_criteria"] == ["PM2=P", "BS3=S"]
    assert tier(finding) == "likely pathogenic as Dr A decided on 2026-11-28; ClinVar: pathogenic"
    assert evidence(finding)[0] == (
        "Dr A judged the allele likely pathogenic (PM2=P, BS3=S) on 2026-11-28: Assayed here."
    )
    coded = _significance(_stated(finding))
    assert coded["coding"][0]["code"] == "LA26332-9" and coded["text"] == tier(finding)


def test_a_variant_that_clinvar_does_not_know_is_reported_on_the_laboratorys_word(
    bundle: ReferenceBundle, tmp_path: Path
) -> None:
    """A substitution in an intron, which nothing but the decision makes anybody look at."""
    import pysam

    place = 3_918_695 + 900
    with pysam.FastaFile(str(bundle.fasta)) as file:
        ref = file.fetch("chr20", place - 1, place)
    allele = f"{place}-{ref}-{'A' if ref != 'A' else 'G'}"
    table = annotated(bundle, tmp_path / "annotated", allele)
    decided = Decision("GRCh38", f"20-{allele}", "pathogenic", (), "Splices, by RNA.", "Dr A", "2026-11-28T08:00:00")
    subject = Subject(person(ordered_genes=("PANK2",)), decisions=(decided,))
    select_reportable(table, subject, bundle, tmp_path, "S1")
    (finding,) = pq.read_table(tmp_path / "S1.findings.parquet").to_pylist()
    assert finding["category"] == "carrier" and finding["clinvar_classification"] is None
    assert "ClinVar: does not know it" in tier(finding)
    assert find_call(table, f"20-{allele}") == find_call(table, finding["hgvs_c"]) == (f"20-{allele}", [f"20-{allele}"])
    assert find_call(table, "20-1-A-C") is None


@pytest.mark.parametrize("text", ["Pathogenic", "LP", "VUS", "likely-benign", "b"])
def test_a_class_is_read_as_people_write_it(text: str) -> None:
    assert decided_class(text) in CLASSES


def test_what_is_no_class_is_refused_and_the_classes_are_named() -> None:
    with pytest.raises(ClassificationError, match=r"'conflicting' is no class.*likely_pathogenic"):
        decided_class("conflicting")
