"""Statements of findings in one call, and people who sign them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.classify.findings import select_reportable
from engine.classify.further import Further
from engine.person import Sex
from engine.receipt import ArtifactFile, Receipt, Recipe
from engine.report.case import CaseFacts, Gene, Regions
from engine.report.drug_response import DrugResponse
from engine.report.issue import SignOut, Status
from engine.report.lineage import Lineage
from engine.report.risk import StatedRisk
from engine.report.statement import Statement, read_findings, state
from tests.builders.annotated import bundle, write_annotated
from tests.builders.people import person, subject

MADE = "2026-11-22T10:00:00+00:00"
READS = {"S1_R1.fastq.gz": "11" * 32, "S1_R2.fastq.gz": "22" * 32}
REGIONS = Regions(
    "2 intervals, 2,000 bases of GRCh37",
    (Gene("AVP", "HGNC:894"),),
    uncalled_bases=12,
    mean_coverage=31.4,
    fraction_20x=0.97,
)


def receipt(asset: str, **recipe: Any) -> Receipt:
    file = ArtifactFile(f"S1.{asset}", "33" * 32, 1000)
    return Receipt(asset, "S1", f"{asset}-1", (file,), 1, Recipe(**recipe), {}, "2026-01-01T00:00:00+00:00")


LINEAGE = Lineage(
    READS,
    (
        receipt("raw_reads", tools={"isal": "1.9"}),
        receipt("aligned_reads", inputs={"raw_reads": "v"}, tools={"bwa-mem3": "0.4.4", "engine.call": "0a1b"}),
        receipt("annotated_variants", knowledge={"clinvar": "2024-12-15", "reference": "demo"}),
    ),
)  # fmt: skip


def statement(
    folder: Path,
    *rows: dict[str, Any],
    lineage: Lineage = LINEAGE,
    regions: Regions = REGIONS,
    overridden_checks: Sequence[str] = (),
    father: Any = None,
    mother: Any = None,
    drugs: DrugResponse | None = None,
    further: Further | None = None,
    risks: Sequence[StatedRisk] = (),
    **facts: Any,
) -> Statement:
    """What is said of a person with these facts, in whom these variants were called, and of drugs where asked."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"sex": Sex.FEMALE, "order_id": "O1", "drug_response": drugs is not None, **facts}
    looked_through = {name: value for name, value in facts.items() if name not in ("father_id", "mother_id")}
    table = write_annotated(folder / "annotated.parquet", *rows)
    select_reportable(table, subject(father=father, mother=mother, **looked_through), bundle(), folder, "S1")
    case = CaseFacts("S1", person(**facts), regions, overridden_checks=tuple(overridden_checks))
    found = read_findings(folder / "S1.findings.parquet")
    return state(found, case, lineage, "GRCh37", MADE, drug_response=drugs, further=further, risks=risks)


def sign_out(
    said: Statement, state: Status = "final", person: str = "Dr A", *, minute: int = 0, reason: str | None = None
) -> SignOut:
    """A person's signature or review of a statement."""
    return SignOut("S1", said.digest, state, person, f"2026-11-23T09:{minute:02}:00.000001+00:00", reason)


def with_kin(lineage: Lineage, *parents: str) -> Lineage:
    """The same lineage, findings having been compared with these parents."""
    inputs = {f"annotated_variants of {parent}": "v" for parent in parents}
    return replace(lineage, receipts=(*lineage.receipts, receipt("findings", inputs=inputs)))
