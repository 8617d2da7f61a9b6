"""A sample's bundle in one line, from findings that are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.classify.findings import finding_id, select_reportable
from engine.fhir.bundle import build_bundle
from engine.person import Identity, Sex
from engine.receipt import ArtifactFile, Receipt, Recipe
from engine.report.case import CaseFacts, Regions
from engine.report.issue import SignOut, Status, issue_of
from engine.report.lineage import Lineage
from engine.report.statement import Statement, read_findings, state
from engine.report.wording import Finding
from tests.builders.annotated import bundle as grch37
from tests.builders.annotated import variant, write_annotated
from tests.builders.people import person, subject

MADE = "2026-11-22T10:00:00Z"


def report_statement(
    folder: Path,
    *,
    sample: str = "S1",
    subject_id: str = "P1",
    order: str = "O1",
    findings: int = 2,
    genes: tuple[str, ...] = ("PANK2",),
    first: int = 3_888_572,
    varied: Callable[[str, int], dict[str, Any]] = lambda gene, position: {},
) -> Statement:
    """What is said of a sample with so many findings, of one gene after the other, the first at that position.

    ``varied`` tells by gene and position what of a variant is not as of every other.
    """
    found = _found(folder, sample, findings, genes, first, varied)
    return _stated(found, sample, subject_id, order)


def report_statements(folder: Path, samples: Sequence[str]) -> list[Statement]:
    """What is said of many samples, each another person's: the same two findings, looked for once."""
    found = _found(folder, samples[0], 2, ("PANK2",), 3_888_572, lambda gene, position: {})
    return [_stated(_own(found, sample), sample, f"P-{sample}", f"O-{sample}") for sample in samples]


def _own(found: Sequence[Finding], sample: str) -> list[Finding]:
    """The same findings as that sample's own."""
    names = {row["finding_id"]: finding_id(sample, row["build"], row["allele"]) for row in found}

    def renamed(told: Any) -> Any:
        if isinstance(told, dict):
            return {name: renamed(value) for name, value in told.items()}
        return [renamed(one) for one in told] if isinstance(told, list) else names.get(told, told)

    return [renamed(dict(row)) | {"sample_id": sample} for row in found]


def _found(
    folder: Path,
    sample: str,
    findings: int,
    genes: tuple[str, ...],
    first: int,
    varied: Callable[[str, int], dict[str, Any]],
) -> list[Finding]:
    placed = [(genes[n % len(genes)], first + 7 * n) for n in range(findings)]
    rows = [variant(*place, sample_id=sample, **varied(*place)) for place in placed]
    folder.mkdir(parents=True, exist_ok=True)
    table = write_annotated(folder / f"{sample}.annotated.parquet", *rows)
    looked_through = subject(ordered_genes=genes[1:] and genes, secondary_findings_consent=False)
    select_reportable(table, looked_through, grch37(), folder, sample)
    return read_findings(folder / f"{sample}.findings.parquet")


def _stated(found: Sequence[Finding], sample: str, subject_id: str, order: str) -> Statement:
    known = person(sex=Sex.FEMALE, subject_id=subject_id, order_id=order, phenotype=("HP:0001332",))
    return state(found, CaseFacts(sample, known, Regions("5 genes")), _lineage(sample), "GRCh37", MADE)


def report_bundle(
    folder: Path, *, sample: str = "S1", signatures: int = 1, identity: Identity | None = None, **facts: Any
) -> dict[str, Any]:
    """The bundle of a sample, signed so many times: amended from the second on."""
    return signed_bundle(report_statement(folder, sample=sample, **facts), signatures, identity)


def signed_bundle(said: Statement, signatures: int = 1, identity: Identity | None = None) -> dict[str, Any]:
    """The bundle of a statement, signed so many times."""
    sample = said.case.sample
    states: list[Status] = ["amended" if number else "final" for number in range(signatures)]
    signed = [SignOut(sample, said.digest, one, "Dr B", f"2026-11-27T1{n}:00:00Z") for n, one in enumerate(states)]
    return build_bundle(said, issue_of(signed, said.digest), identity)


def _lineage(sample: str) -> Lineage:
    def receipt(asset: str, made_from: str | None, *files: str, **recipe: dict[str, str]) -> Receipt:
        listed = tuple(ArtifactFile(name, name.encode().hex().ljust(64, "0")[:64], 1000) for name in files)
        inputs = {made_from: "v"} if made_from else {}
        return Receipt(asset, sample, f"{asset}-of-{sample}", listed, 1, Recipe(inputs, **recipe), {}, MADE)

    reads = {f"{sample}_R1.fastq.gz": "11" * 32, f"{sample}_R2.fastq.gz": "22" * 32}
    return Lineage(
        reads,
        (
            receipt("raw_reads", None, "reads.json", tools={"isal": "1.9"}),
            receipt("aligned_reads", "raw_reads", f"{sample}.bam", tools={"bwa-mem3": "0.4.4"}),
            receipt("variants", "aligned_reads", f"{sample}.vcf.gz", tools={"pysam": "0.24"}),
            receipt(
                "annotated_variants", "variants", f"{sample}.annotated.vcf.gz", knowledge={"clinvar": "2024-12-15"}
            ),
            receipt("findings", "annotated_variants", f"{sample}.findings.parquet"),
        ),
    )
