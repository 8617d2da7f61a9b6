"""The report itself: what was found or not found, on what evidence, and what it cannot say."""

from __future__ import annotations

from engine.classify.acmg_secondary_findings import VERSION
from engine.fhir.actors import Actors
from engine.fhir.case import CaseFacts, Regions
from engine.fhir.codes import (
    ANNOTATION_TYPE,
    GENETICS,
    INCONCLUSIVE,
    LOINC,
    NEGATIVE,
    POSITIVE,
    PROFILE,
    JsonObject,
    concept,
    extension,
)
from engine.fhir.lineage import Lineage
from engine.fhir.observations import Finding, tier
from engine.fhir.resources import Entries

_LIMITS = (
    "Only variants that ClinVar classifies as pathogenic or likely pathogenic without conflict are reported. Copy "
    "number changes, repeat expansions, rearrangements and variants outside the regions studied are not examined. A "
    "negative result does not rule out a genetic cause."
)

MOST_GENES_NAMED = 20
"""More genes that were asked about are counted, not named."""

_KINDS = {
    ("compound_heterozygote", "trans"): "compound heterozygote, in trans",
    ("compound_heterozygote", "unknown"): "possibly compound heterozygote, phase unknown",
}


def add_report(
    entries: Entries,
    case: CaseFacts,
    findings: list[Finding],
    results: list[JsonObject],
    study: JsonObject,
    lineage: Lineage,
    actors: Actors,
    issued: str,
) -> JsonObject:
    """Add the DiagnosticReport."""
    report: JsonObject = {
        "extension": [
            extension("genomic-study-reference", valueReference=study),
            _note("test-methodology", _methods(lineage)),
            _note("test-disclaimer", _LIMITS),
            *(_note("test-disclaimer", f"A quality check failed. {words}.") for words in case.overridden_checks),
        ],
        "identifier": [entries.identifier("report", case.sample)],
        "status": case.status,
        "category": [GENETICS],
        "code": concept(LOINC, "51969-4", "Genetic analysis report"),
        "subject": actors.patient,
        "effectiveDateTime": case.collected or issued,
        "issued": issued,
        "performer": [actors.laboratory],
        "specimen": [actors.specimen],
        "conclusion": conclusion(case, findings),
        "conclusionCode": [_outcome(case, findings)],
    }
    if actors.order:
        report["basedOn"] = [actors.order]
    if actors.interpreter:
        report["resultsInterpreter"] = [actors.interpreter]
    if results:
        report["result"] = results
    return entries.add("DiagnosticReport", case.sample, report, profile="genomic-report")


def _outcome(case: CaseFacts, findings: list[Finding]) -> JsonObject:
    """The result in one code.

    Positive is what explains a condition, in a call that passed. Nothing is negative on the word of calls that need
    confirmation, beside a variant that nobody has judged, where a gene that was asked about was not called throughout,
    or where it is not known whether the genes left out for lack of consent were asked about. A carrier state explains
    no condition.
    """
    telling = [finding for finding in findings if finding["category"] not in ("carrier", "uncertain")]
    if any(not finding["needs_confirmation"] for finding in telling):
        return POSITIVE
    uncertain = any(finding["category"] == "uncertain" for finding in findings)
    return INCONCLUSIVE if telling or uncertain or _unassessed(case) or _leaves_genes_out(case) else NEGATIVE


def _unassessed(case: CaseFacts) -> list[str]:
    """Genes that were asked about and not called throughout."""
    uncalled = {gene.symbol for gene in case.regions.uncalled}
    return [gene for gene in case.person.ordered_genes if gene in uncalled]


def _leaves_genes_out(case: CaseFacts) -> bool:
    """Whether genes were left out though nobody said that they were not asked about."""
    return not case.person.ordered_genes and not case.person.secondary_findings_consent


def conclusion(case: CaseFacts, findings: list[Finding]) -> str:
    """The result in sentences: what was found and looked at, secondary findings, checks that failed."""
    found = [_said(finding) for finding in findings]
    if not [finding for finding in findings if finding["category"] != "uncertain"]:
        found = [f"No pathogenic or likely pathogenic variant was found{_scope(case)}", *found]
    if unassessed := _unassessed(case):
        found.append(f"Asked about and not assessed throughout: {', '.join(unassessed)}")
    secondary = (
        f"Secondary findings ({VERSION}) were looked for"
        if case.person.secondary_findings_consent
        else "Secondary findings were not looked for: there is no consent"
    )
    sentences = [*found, _coverage(case.regions), secondary]
    if case.overridden_checks:
        sentences.append(f"Quality checks that failed and were let through by a person: {len(case.overridden_checks)}")
    return ". ".join(sentences) + "."


def _scope(case: CaseFacts) -> str:
    """Where nothing was found: in what was asked about, or outside what was left out."""
    ordered = case.person.ordered_genes
    if ordered:
        return (
            f" in {', '.join(ordered)}" if len(ordered) <= MOST_GENES_NAMED else f" in {len(ordered)} genes asked about"
        )
    if not _leaves_genes_out(case):
        return ""
    panel = case.person.panel
    why = f"the order asks for the panel {panel}, whose genes are not known here" if panel else "the order names none"
    return f" outside the genes of {VERSION}: {why}"


def _said(finding: Finding) -> str:
    name = finding["hgvs_c"] or finding["hgvs_g"] or finding["allele"]
    protein = (finding["hgvs_p"] or "").partition(":")[2]
    kind = _KINDS.get((finding["category"], finding["phase"]), finding["category"].replace("_", " "))
    gene = f"{finding['gene']} " if finding["gene"] else ""
    doubt = f", needs confirmation: filter {finding['filter']}" if finding["needs_confirmation"] else ""
    if finding["origin"] == "de novo":
        doubt = f", de novo{doubt}"
    doubt += "".join(f". Caution: {caution}" for caution in finding["cautions"])
    return f"{gene}{name} {protein}".rstrip() + f": {tier(finding)}, {finding['zygosity']} ({kind})" + doubt


def _coverage(regions: Regions) -> str:
    parts = [f"Studied: {regions.description}"]
    if regions.mean_coverage is not None:
        parts.append(f"mean coverage {regions.mean_coverage:.0f}x")
    if regions.fraction_20x is not None:
        parts.append(f"{regions.fraction_20x:.1%} of bases at 20x or more")
    if regions.uncalled_bases:
        parts.append(f"{regions.uncalled_bases:,} bases could not be called")
    if regions.uncalled:
        parts.append("not fully called: " + ", ".join(gene.symbol for gene in regions.uncalled))
    return ", ".join(parts)


def _methods(lineage: Lineage) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in lineage.tools.items())
    knowledge = ", ".join(f"{name} {version}" for name, version in lineage.knowledge.items())
    return f"Short reads, aligned and called against the reference. Tools: {tools}. Knowledge: {knowledge}."


def _note(kind: str, text: str) -> JsonObject:
    code = concept(ANNOTATION_TYPE, kind)
    annotation = {"extension": [{"url": PROFILE + "annotation-code", "valueCodeableConcept": code}], "text": text}
    return extension("genomic-report-note", valueAnnotation=annotation)
