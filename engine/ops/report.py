"""The report: what is said of a sample, and what the clinician's systems receive of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from engine.code_version import code_version
from engine.errors import ReportError
from engine.ops.artifact import Chain, Computed, OverriddenChecks, artifact
from engine.ops.inputs import (
    Artifact,
    Facts,
    Identified,
    Making,
    Options,
    Own,
    OwnWith,
    Parts,
    Previous,
    Standing,
    StandingOf,
    Written,
)
from engine.ops.services import Settings
from engine.person import Person
from engine.receipt import Measure, Receipt
from engine.reference.bundle import ReferenceBundle
from engine.report.case import TOLD_OF_THE_PERSON

if TYPE_CHECKING:
    from engine.fhir.report_document import Document
    from engine.report.amendment import Version
    from engine.report.issue import Issue
    from engine.report.statement import Statement


@artifact(kinds={"json"})
def statement(
    making: Making,
    raw_reads: Own,
    aligned_reads: Own,
    gvcf: Own,
    findings: Own,
    further_findings: Own,
    pharmacogenomics: Annotated[Artifact | None, OwnWith("star_alleles")],
    polygenic_scores: Annotated[Artifact | None, OwnWith("scoring_files")],
    chain: Annotated[tuple[Receipt, ...], Chain("findings")],
    overridden_checks: Annotated[
        tuple[str, ...],
        OverriddenChecks(
            "findings", beside=(("pharmacogenomics", "star_alleles"), ("polygenic_scores", "scoring_files"))
        ),
    ],
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "panels", "phenotypes")],
    person: Annotated[Person, Facts(*TOLD_OF_THE_PERSON)],
    settings: Annotated[Settings, Options("alignment_format", "laboratory")],
    written: Written,
    previous: Previous,
) -> Computed:
    """What the report says: findings in words, what was looked at, limits, next steps, lineage, and the reads' picture.

    A person signs its digest. What says the same is the same statement: it stays as it was first made.
    """
    from engine.classify.further import read_further
    from engine.classify.question import question_of
    from engine.phenotype.knowledge import term_names
    from engine.reads.manifest import read_digests
    from engine.reference.panels import panel_of
    from engine.report.case import CaseFacts
    from engine.report.coverage import study_regions
    from engine.report.drug_response import read_drug_response
    from engine.report.lineage import Lineage
    from engine.report.pileup import pileups
    from engine.report.risk import read_risks
    from engine.report.statement import read_findings, state
    from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, write_pileups, write_statement

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
    case = CaseFacts(
        making.sample,
        person,
        regions,
        overridden_checks=overridden_checks,
        panel=panel,
        laboratory=settings.laboratory,
        written=written,
    )
    rows, made = read_findings(findings.file(".findings.parquet")), datetime.now(UTC).isoformat(timespec="seconds")
    asked = pharmacogenomics if person.drug_response else None
    drugs = read_drug_response(asked.file(".json"), making.sample) if asked else None
    further = read_further(further_findings.file(".further.json"))
    scored = polygenic_scores if person.polygenic_scores else None
    risks = read_risks(scored.file(".json")) if scored else ()
    beside = [one.receipt for one in (asked, scored) if one]
    lineage = Lineage(read_digests(raw_reads.folder), (*chain, *beside))
    signs = term_names(reference.phenotypes, person.phenotype) if reference.phenotypes and person.phenotype else {}
    said = state(rows, case, lineage, reference.build, made, signs, drugs, further, risks)
    measures: dict[str, Measure] = {
        "statement_digest": said.digest,
        "outcome": str(said.outcome),
        "findings": len(said.findings),
        "written_by": code_version("engine.report.statement", "engine.report.pileup").source,
    }
    if previous and measures.items() <= previous.measures.items():
        return _keep(previous, making)
    shown = pileups(rows, aligned_reads.file(f".{settings.alignment_format}"), reference.fasta)
    write_statement(said, making.folder / f"{making.sample}{SUFFIX}")
    write_pileups(shown, making.folder / f"{making.sample}{PILEUPS_SUFFIX}")
    return Computed(len(said.findings), measures | {"made": said.made})


@artifact(kinds={"html"})
def clinical_report(
    making: Making, statement: Own, standing: Annotated[Standing, StandingOf("statement")], previous: Previous
) -> Computed:
    """The report as a page that a clinician reads and a geneticist signs, and as PDF where that can be made.

    It has what ESHG and ISO 15189 ask of a report, or is refused. A signed page stays as it was signed.
    """
    from engine.report.issue import issue_of
    from engine.report.page import makes_pdf, render, write_pdf
    from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, read_pileups, read_statement
    from engine.report.uncalled_genes import write_uncalled_genes

    said = read_statement(statement.file(SUFFIX))
    issue = issue_of(standing.sign_outs, said.digest)
    told = _told(said, issue)
    code = code_version("engine.report.page", "engine.report.uncalled_genes")
    written: dict[str, Measure] = {"written_by": code.source}
    if previous and (told if issue.is_signed else told | written).items() <= previous.measures.items():
        return _keep(previous, making)
    page = render(said, issue, read_pileups(statement.file(PILEUPS_SUFFIX)), _versions(said, issue, standing))
    (making.folder / f"{making.sample}.report.html").write_text(page)
    write_uncalled_genes(said.case, making.folder)
    if makes_pdf():
        write_pdf(page, making.folder / f"{making.sample}.report.pdf")
    else:
        making.log("no PDF is made: WeasyPrint or Pango is not installed (docs/report.md)")
    return Computed(len(said.findings), told | written)


@artifact(kinds={"json"})
def fhir_bundle(
    making: Making,
    statement: Own,
    clinical_report: Own,
    standing: Annotated[Standing, StandingOf("statement")],
    identity: Identified,
    previous: Previous,
) -> Computed:
    """The report as a FHIR R4 transaction after HL7's Genomics Reporting guide: stable ids, PUT entries.

    A Provenance leads back to the reads' digests and the versions of tools and knowledge. Its status is what the
    sign-out says: preliminary, final, amended or corrected. The page that people read goes along. It alone names the
    person, once people have said who it is.
    """
    from engine.fhir.bundle import write_bundle
    from engine.report.issue import issue_of
    from engine.report.statement_file import SUFFIX, read_statement

    said = read_statement(statement.file(SUFFIX))
    issue = issue_of(standing.sign_outs, said.digest)
    page = page_of(clinical_report, said, issue)
    told = _told(said, issue) | {
        "identified": identity.identified,
        "page": clinical_report.receipt.data_version,
        "written_by": code_version("engine.fhir.bundle").source,
    }
    if previous and told.items() <= previous.measures.items():
        return _keep(previous, making)
    named = identity.look_up() if identity.identified else None
    summary = write_bundle(said, making.folder, issue, named, _versions(said, issue, standing), page)
    return Computed(summary.resources, vars(summary) | told)


def page_of(page: Artifact, said: Statement, issue: Issue) -> Document:
    """The page as PDF, or as HTML where no PDF could be made; ReportError where it is of another version."""
    from engine.fhir.report_document import Document

    if not _told(said, issue).items() <= page.measures.items():
        raise ReportError(
            "the report's page is of another version than what is said now",
            sample=said.case.sample,
            remedy="materialize clinical_report first (genomics report and genomics deliver do)",
        )
    by_suffix = {Path(file.name).suffix: file.name for file in page.receipt.files}
    name = by_suffix.get(".pdf") or by_suffix[".html"]
    return Document(name, (page.folder / name).read_bytes())


def _versions(said: Statement, issue: Issue, standing: Standing) -> tuple[Version, ...]:
    """Every version of the report, as far as the earlier ones are kept."""
    from engine.report.amendment import versions
    from engine.report.statement_file import SUFFIX, read_statement

    signed = {digest: read_statement(one.file(SUFFIX)) for digest, one in standing.signed.items()}
    return versions(issue, said, signed)


def _told(said: Statement, issue: Issue) -> dict[str, Measure]:
    """What a receipt tells of what was said, and of how far it has come."""
    return {
        "statement_digest": said.digest,
        "status": issue.status,
        "stage": issue.stage,
        "version": issue.version,
        "reviews": len(issue.reviews),
        "issued": issue.signature.recorded if issue.signature else said.made,
    }


def _keep(previous: Artifact, making: Making) -> Computed:
    from engine.reference.build import link_or_copy

    for file in previous.receipt.files:
        link_or_copy(previous.folder / file.name, making.folder / file.name)
    return Computed(previous.receipt.records, previous.measures)


def _number(measure: object) -> float | None:
    return float(measure) if isinstance(measure, int | float) else None
