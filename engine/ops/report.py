"""The report: what the clinician's systems receive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from engine.code_version import code_version
from engine.ops.artifact import Chain, Computed, OverriddenChecks, artifact
from engine.ops.inputs import Artifact, Facts, Making, Own, Parts, Previous
from engine.person import Person
from engine.receipt import Receipt
from engine.reference.bundle import ReferenceBundle
from engine.report.case import TOLD_OF_THE_PERSON


@artifact(kinds={"json"})
def fhir_bundle(
    making: Making,
    raw_reads: Own,
    aligned_reads: Own,
    gvcf: Own,
    findings: Own,
    chain: Annotated[tuple[Receipt, ...], Chain("findings")],
    overridden_checks: Annotated[tuple[str, ...], OverriddenChecks("findings")],
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "panels")],
    person: Annotated[Person, Facts(*TOLD_OF_THE_PERSON)],
    previous: Previous,
) -> Computed:
    """The report as a FHIR R4 transaction after HL7's Genomics Reporting guide: stable ids, PUT entries.

    A Provenance leads back to the reads' digests and the versions of tools and knowledge. A report that says the same
    is the same report: it stays as it was issued.
    """
    from engine.classify.question import question_of
    from engine.fhir.bundle import write_bundle
    from engine.reads.manifest import read_digests
    from engine.reference.panels import panel_of
    from engine.report.case import CaseFacts
    from engine.report.coverage import study_regions
    from engine.report.lineage import Lineage
    from engine.report.statement import read_findings, state

    coverage = aligned_reads.measures
    panel = panel_of(person.panel, reference.panels)
    regions = study_regions(
        reference,
        gvcf.file(".g.vcf.gz"),
        sex=person.sex,
        mean_coverage=_number(coverage["mean_coverage"]),
        fraction_20x=_number(coverage["fraction_20x"]),
        asked=question_of(person, panel).genes,
    )
    case = CaseFacts(making.sample, person, regions, overridden_checks=overridden_checks, panel=panel)
    lineage = Lineage(read_digests(raw_reads.folder), chain)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    statement = state(read_findings(findings.file(".parquet")), case, lineage, reference.build, made)
    said = {"statement_digest": statement.digest, "written_by": code_version("engine.fhir.bundle").source}
    if previous and said.items() <= previous.measures.items():
        return _keep(previous, making)
    summary = write_bundle(statement, making.folder)
    return Computed(summary.resources, vars(summary) | said | {"issued": made})


def _keep(previous: Artifact, making: Making) -> Computed:
    from engine.reference.build import link_or_copy

    for file in previous.receipt.files:
        link_or_copy(previous.folder / file.name, making.folder / file.name)
    return Computed(previous.receipt.records, previous.measures)


def _number(measure: object) -> float | None:
    return float(measure) if isinstance(measure, int | float) else None
