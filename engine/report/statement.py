"""What a report says: case, findings, regions, lineage, limits, checks let through, and the digest of it all.

A bundle, a page or a message renders a statement and computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.classify.acmg_secondary_findings import VERSION
from engine.classify.further import Further
from engine.errors import VariantFileError
from engine.receipt import DATA_VERSION, canonical_json
from engine.report.case import CaseFacts, Regions, exons_in_words, uncalled_in_words
from engine.report.drug_response import LIMIT as DRUG_RESPONSE_LIMIT
from engine.report.drug_response import DrugResponse
from engine.report.further import UNEXAMINED, headlines, limit
from engine.report.lineage import Lineage
from engine.report.next_steps import NextStep, next_steps
from engine.report.risk import LIMIT as RISK_LIMIT
from engine.report.risk import NOT_SCORED, StatedRisk, risks_told
from engine.report.wording import Finding, conditions_of_genes, evidence, headline, notes, sentence, tier
from engine.tables import read_rows

LIMITS = (
    "Only variants that ClinVar without conflict, or the laboratory itself, classifies as pathogenic or likely "
    "pathogenic are reported as findings; of others, in genes that were asked about, those are listed for which "
    "criteria or their impact speak.",
    UNEXAMINED,
    "A negative result does not rule out a genetic cause.",
)
UNJUDGED = ("candidate", "uncertain")
"""Categories of variants that nobody has judged: they are listed, and decide nothing."""
MOST_GENES_NAMED = 20
"""More genes that were asked about are counted, not named."""


class Outcome(StrEnum):
    """The result in one word."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class StatedFinding:
    """A finding, and what is said of it.

    Attributes:
        row: of the findings table (:data:`engine.classify.columns.FINDING_COLUMNS`).
        headline: in one line.
        classification: in plain words.
        sentence: what it means for this person.
        notes: what speaks against taking it at its word, in sentences.
        evidence: what speaks for it beside ClinVar's word, in sentences.
    """

    row: Finding
    headline: str
    classification: str
    sentence: str
    notes: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def id(self) -> str:
        """The same whenever the finding is made again."""
        return str(self.row["finding_id"])

    @property
    def category(self) -> str:
        """As of the findings table."""
        return str(self.row["category"])


@dataclass(frozen=True)
class StatedPhase:
    """How two variants of one gene lie to each other.

    Attributes:
        one: finding_id.
        other: finding_id.
        phase: trans, cis or unknown.
        basis: what it is known by, absent where it is not known.
    """

    one: str
    other: str
    phase: str
    basis: str | None


@dataclass(frozen=True)
class Statement:
    """Everything that a report says.

    Attributes:
        case: whose sample, and what was looked at; of the kin only who is awaited is told.
        build: ``GRCh37`` or ``GRCh38``.
        findings: along the genome, as the table has them.
        phases: of pairs of compound heterozygous findings.
        lineage: where they come from.
        outcome: in one word.
        conclusion: the result in sentences.
        limits: what the report cannot say, in sentences.
        failed_checks: quality checks let through by a person, in sentences.
        methods: how the sample was examined, in sentences.
        next_steps: what is proposed.
        compared: parents whose calls the findings were compared with: father, mother.
        awaited: parents whom the sheet names, and whose calls were not there.
        made: when it was first said, ISO 8601 with time zone.
        digest: sha256, hex, of what is said, not of how it came to be said.
        signs: names of the order's HPO terms, by term, as far as they are known.
        drug_response: what is said of drugs, absent where nobody asked for it.
        further: what was found beside small variants, and what was not looked for.
        risks: polygenic scores, empty where there are none.
    """

    case: CaseFacts
    build: str
    findings: tuple[StatedFinding, ...]
    phases: tuple[StatedPhase, ...]
    lineage: Lineage
    outcome: Outcome
    conclusion: tuple[str, ...]
    limits: tuple[str, ...]
    failed_checks: tuple[str, ...]
    methods: str
    next_steps: tuple[NextStep, ...]
    compared: tuple[str, ...]
    awaited: tuple[str, ...]
    made: str
    digest: str
    signs: Mapping[str, str] = field(default_factory=dict)
    drug_response: DrugResponse | None = None
    further: Further = field(default_factory=Further)
    risks: tuple[StatedRisk, ...] = ()

    @property
    def tools(self) -> dict[str, str]:
        """Version by name of the programs and libraries that took part; of the engine's own code digests are kept."""
        return {name: version for name, version in self.lineage.tools.items() if not name.startswith("engine.")}

    def finding(self, finding_id: str) -> StatedFinding:
        """The finding of that id; KeyError where there is none."""
        for finding in self.findings:
            if finding.id == finding_id:
                return finding
        raise KeyError(finding_id)

    @property
    def at_a_glance(self) -> str:
        """The outcome, with what one word would leave to be misread.

        A secondary finding alone answers no question, and who is negative may carry what matters to children.
        """
        answers = self.of("primary", "compound_heterozygote")
        said = str(self.outcome).capitalize()
        if self.outcome is Outcome.POSITIVE and all(one.row["needs_confirmation"] for one in answers):
            said += " for a secondary finding only; what was asked is not answered"
        carried = dict.fromkeys(one.row["gene"] or "no gene" for one in self.of("carrier"))
        return f"{said}; carrier of a variant of {', '.join(carried)}" if carried else said

    def of(self, *categories: str) -> tuple[StatedFinding, ...]:
        """The findings of these categories."""
        return tuple(finding for finding in self.findings if finding.category in categories)


def read_findings(findings: Path) -> list[Finding]:
    """The rows of a findings table.

    Raises:
        VariantFileError: the table is missing or damaged.
    """
    import pyarrow as pa

    try:
        rows: list[Finding] = read_rows(findings).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise VariantFileError(
            f"the findings cannot be read: {error}", file=findings, remedy="look for findings again"
        ) from error
    return rows


def state(
    findings: Sequence[Finding],
    case: CaseFacts,
    lineage: Lineage,
    build: str,
    made: str,
    signs: Mapping[str, str] | None = None,
    drug_response: DrugResponse | None = None,
    further: Further | None = None,
    risks: Sequence[StatedRisk] = (),
) -> Statement:
    """Put together what is said of a sample.

    Args:
        findings: rows of the table that :func:`engine.classify.findings.select_reportable` wrote.
        case: whose sample, and what was looked at.
        lineage: where the findings come from.
        build: ``GRCh37`` or ``GRCh38``.
        made: when this is said, ISO 8601 with time zone.
        signs: names of HPO terms, by term.
        drug_response: what the pharmacogenes say; told only of a person for whom it was asked.
        further: what was found beside small variants; nothing was looked for when absent.
        risks: polygenic scores.
    """
    further = further or Further()
    drugs = (drug_response or DrugResponse()) if case.person.drug_response else None
    untold = replace(case.person, family_id=None, father_id=None, mother_id=None, research_consent=(), ancestry=None)
    told = replace(case, person=untold)
    compared = tuple(role for role in ("father", "mother") if any(name.endswith(f" of {role}") for name in lineage.kin))
    named = {"father": case.person.father_id, "mother": case.person.mother_id}
    awaited = tuple(kin for kin, sample in named.items() if sample and kin not in compared)
    outcome = _outcome(case, findings, further)
    unassessed = (*case.unassessed, *case.regions.unknown)
    steps = next_steps(
        findings, unassessed=unassessed, awaited=awaited, leaves_genes_out=case.leaves_genes_out, drugs=drugs
    )
    return Statement(
        case=told,
        build=build,
        findings=tuple(_stated(row) for row in findings),
        phases=_phases(findings),
        lineage=lineage,
        outcome=outcome,
        conclusion=_conclusion(case, findings, awaited, drugs, further, risks),
        limits=_limits(drugs, further, risks),
        failed_checks=tuple(f"A quality check failed. {words}." for words in case.overridden_checks),
        methods=_methods(lineage),
        next_steps=steps,
        compared=compared,
        awaited=awaited,
        made=made,
        digest=_digest(findings, told, lineage, build, outcome, awaited, drugs, further, risks),
        signs=dict(signs or {}),
        drug_response=drugs,
        further=further,
        risks=tuple(risks),
    )


def _limits(drugs: DrugResponse | None, further: Further, risks: Sequence[StatedRisk]) -> tuple[str, ...]:
    limits = tuple(limit(further) if one == UNEXAMINED else one for one in LIMITS)
    return (*limits, *([DRUG_RESPONSE_LIMIT] if drugs else []), *([RISK_LIMIT] if risks else []))


def _stated(row: Finding) -> StatedFinding:
    return StatedFinding(row, headline(row), tier(row), sentence(row), notes(row), evidence(row))


def _digest(
    findings: Sequence[Finding],
    case: CaseFacts,
    lineage: Lineage,
    build: str,
    outcome: Outcome,
    awaited: tuple[str, ...],
    drugs: DrugResponse | None,
    further: Further,
    risks: Sequence[StatedRisk],
) -> str:
    """Digest of findings, case, outcome, and the reads that all is about.

    Not of how it came to be said: a new ClinVar release or another version of a tool amends the reports in which it
    changes something, and no other. Nor of the kin, but for those who are awaited: what they change, the findings say.
    """
    said = {
        "findings": [_without_versions(finding) for finding in findings],
        "case": _case_as_signed(case),
        "reads": dict(lineage.reads),
        "build": build,
        "outcome": outcome,
        "awaited": awaited,
    }
    said |= {"drug_response": drugs.told} if drugs else {}
    said |= {"further": _further_as_signed(further)} if further.examined else {}
    said |= {"risks": risks_told(risks)} if risks else {}
    return sha256(canonical_json(said).encode()).hexdigest()


def _further_as_signed(further: Further) -> dict[str, Any]:
    """What was found beside small variants; the headline has its contig and zygosity."""
    told = asdict(further)
    for one in told["findings"]:
        del one["accession"], one["zygosity"]
    return told


def _case_as_signed(case: CaseFacts) -> dict[str, Any]:
    """The case; a fact that earlier releases did not know of counts only where it says something."""
    told = asdict(case)
    for later in ("research_consent", "ancestry"):
        del told["person"][later]
    for asked in ("drug_response", "polygenic_scores"):
        if not told["person"][asked]:
            del told["person"][asked]
    return told


def _without_versions(finding: Finding) -> Finding:
    """A finding whose criteria are those of another release, and say the same, is the same.

    So it is by whatever predictions, of which the report tells those alone that the criteria name.
    """
    criteria = [{**one, "version": None} for one in finding["acmg_criteria"]]
    return {**{name: value for name, value in finding.items() if name != "predictions"}, "acmg_criteria": criteria}


def _outcome(case: CaseFacts, findings: Sequence[Finding], further: Further) -> Outcome:
    """The result in one word.

    Positive is what explains a condition, in a call that passed. Nothing is negative on the word of calls that need
    confirmation, beside a variant that nobody has judged, where a gene that was asked about was not called throughout
    or is not known, or where it is not known whether the genes left out for lack of consent were asked about. A carrier
    state explains no condition. What is found beside small variants awaits another method: it is no negative result.
    """
    telling = [finding for finding in findings if finding["category"] not in ("carrier", *UNJUDGED)]
    if any(not finding["needs_confirmation"] for finding in telling):
        return Outcome.POSITIVE
    uncertain = further.findings or any(finding["category"] in UNJUDGED for finding in findings)
    unseen = case.unassessed or case.regions.unknown or case.leaves_genes_out
    return Outcome.INCONCLUSIVE if telling or uncertain or unseen else Outcome.NEGATIVE


def _phases(findings: Sequence[Finding]) -> tuple[StatedPhase, ...]:
    """One for each pair of compound heterozygous findings."""
    told: dict[tuple[str, ...], StatedPhase] = {}
    for row in findings:
        if row["category"] == "compound_heterozygote":
            for pair in row["pairs"]:
                phase = StatedPhase(row["finding_id"], pair["partner"], pair["phase"], pair["basis"])
                told.setdefault(tuple(sorted((phase.one, phase.other))), phase)
    return tuple(told[ids] for ids in sorted(told))


def _conclusion(
    case: CaseFacts,
    findings: Sequence[Finding],
    awaited: Sequence[str],
    drugs: DrugResponse | None,
    further: Further,
    risks: Sequence[StatedRisk],
) -> tuple[str, ...]:
    """The result in sentences: what was found and looked at, secondary findings, drugs, scores, checks that failed."""
    found = _found(findings)
    if not [finding for finding in findings if finding["category"] not in UNJUDGED]:
        found = [f"No pathogenic or likely pathogenic variant was found{_scope(case)}", *found]
    found += headlines(further)
    if case.unassessed:
        found.append(f"Asked about and not assessed throughout: {', '.join(case.unassessed)}")
    if unknown := case.regions.unknown:
        found.append(f"Asked about and not assessed, because the gene model does not have them: {', '.join(unknown)}")
    secondary = (
        f"Secondary findings ({VERSION}) were looked for"
        if case.person.secondary_findings_consent
        else "Secondary findings were not looked for: there is no consent"
    )
    sentences = [*found, _coverage(case.regions, case.question.genes), secondary, *(drugs.conclusion if drugs else ())]
    sentences += [one.sentence for one in risks]
    if case.person.polygenic_scores and not risks:
        sentences.append(NOT_SCORED)
    if awaited:
        sentences.append(f"Not compared with the {' and '.join(awaited)}, whose calls were not there yet")
    if case.overridden_checks:
        sentences.append(f"Quality checks that failed and were let through by a person: {len(case.overridden_checks)}")
    return tuple(f"{one}." for one in sentences)


_ANSWERS_FIRST = ("primary", "compound_heterozygote", "candidate", "secondary", "uncertain", "carrier")


def _found(findings: Sequence[Finding]) -> list[str]:
    """Each finding in one line, what answers the question first; after those of a gene what they are known to cause."""
    by_gene: dict[tuple[int, str], list[Finding]] = {}
    for finding in findings:
        rank = _ANSWERS_FIRST.index(finding["category"])
        by_gene.setdefault((rank, finding["gene"] or finding["finding_id"]), []).append(finding)
    told: list[str] = []
    for rank, gene in sorted(by_gene, key=lambda known: known[0]):
        of_gene = by_gene[rank, gene]
        told += map(headline, of_gene)
        told += conditions_of_genes([] if _ANSWERS_FIRST[rank] in UNJUDGED else of_gene)
    return told


def _scope(case: CaseFacts) -> str:
    """Where nothing was found: in what was asked about, or outside what was left out."""
    question = case.question
    panel = f"the panel {question.panel}"
    if not question.is_open:
        if len(question.genes) > MOST_GENES_NAMED:
            return f" in {len(question.genes)} genes " + (f"of {panel}" if question.panel else "asked about")
        return f" in {', '.join(question.genes)}" + (f" ({panel})" if question.panel else "")
    if not case.leaves_genes_out:
        return ""
    why = f"the order asks for {panel}, whose genes are not known here" if question.panel else "the order names none"
    besides = f" that the order does not name ({', '.join(question.genes)})" if question.genes else ""
    return f" outside the genes of {VERSION}{besides}: {why}"


def _coverage(regions: Regions, asked: Sequence[str] = ()) -> str:
    parts = [f"Studied: {regions.description}"]
    if regions.mean_coverage is not None:
        parts.append(f"mean coverage {regions.mean_coverage:.0f}x")
    if regions.fraction_20x is not None:
        parts.append(f"{regions.fraction_20x:.1%} of bases at 20x or more")
    if regions.uncalled_bases:
        parts.append(f"{regions.uncalled_bases:,} bases could not be called")
    if regions.uncalled:
        parts.append("not fully called: " + uncalled_in_words(regions, asked))
    return ", ".join(parts) + (f". Not called: {exons_in_words(regions)}" if regions.uncalled_exons else "")


_CALLERS = {
    "haplotype": "a haplotype caller that assembles the reads of active regions (the method of GATK's HaplotypeCaller)",
    "bcftools": "bcftools",
    "gatk": "GATK's HaplotypeCaller",
}


def _methods(lineage: Lineage) -> str:
    """How the sample was examined, in the words of a clinician; digests of code are told elsewhere."""
    chosen = {name: value for receipt in lineage.receipts for name, value in receipt.recipe.parameters.items()}
    known, tools = lineage.knowledge, lineage.tools
    aligner = str(chosen.get("aligner", "bwa-mem3"))
    caller = _CALLERS.get(str(chosen.get("caller", "haplotype")), str(chosen.get("caller")))
    caller += f", version {tools['caller'].rpartition(' ')[2]}" if " " in tools.get("caller", "") else ""
    reference = " ".join(known[name] for name in ("build", "reference") if name in known) or "the reference"
    sources = [_with_release(name, version) for name, version in known.items() if name not in _GENOME]
    with_ = f", and judged with {', '.join(sources)}" if sources else ""
    return (
        f"DNA was sequenced in short reads, which were aligned to {reference} with {aligner} "
        f"{tools.get(aligner, '')}".rstrip()
        + f". Duplicates were marked. Variants were called with {caller}, normalised, named by HGVS{with_}."
    )


_GENOME = ("build", "reference")


def _with_release(source: str, version: str) -> str:
    """A source and its release; a digest, which stands for a release that has no name, is no word of a clinician's."""
    return source_name(source) + ("" if version.startswith(DATA_VERSION) else f" {version}")


def source_name(source: str) -> str:
    """A source of knowledge as people call it."""
    return {"clinvar": "ClinVar", "phenotypes": "HPO", "star_alleles": "named alleles of pharmacogenes"}.get(
        source, source.replace("_", " ")
    )
