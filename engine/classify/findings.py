"""Finding what is known to matter: ClinVar's pathogenic and likely pathogenic alleles among one person's calls.

An allele in a call that a filter marks is told too, as one that needs confirmation: a filter says that a call is not
to be trusted, not that it is false. In genes that the order asks about, variants of high impact on which ClinVar has
not decided are listed as uncertain.
Conflicting classifications are never findings. Whether a genotype suffices follows from the condition's inheritance
(:mod:`engine.classify.inheritance`), the other alleles of the gene and their phase (:mod:`engine.classify.phase`).
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.annotate.dbsnp import read_ids
from engine.classify.acmg_secondary_findings import VERSION, secondary_findings_genes
from engine.classify.candidate_genes import SUFFIX as GENES_SUFFIX
from engine.classify.candidate_genes import Ranking, ranking_of, write_candidate_genes
from engine.classify.candidates import CLASSIFIED, UNDECIDED, candidates_of, is_undecided, made_of
from engine.classify.columns import FINDING_COLUMNS
from engine.classify.criteria import allele_key, are_one_change, classify, is_likely
from engine.classify.decision import CAUSES_DISEASE, Decision, told_of
from engine.classify.inheritance import Known, conditions_of, hgnc_id
from engine.classify.ledger import SUFFIX as LEDGER_SUFFIX
from engine.classify.ledger import write_ledger
from engine.classify.origin import FATHER, MOTHER, come_together, origin_of, transmitting
from engine.classify.phase import TOLD, Parent, Phase, phase_of
from engine.classify.question import Question, question_of
from engine.classify.unreported import SUFFIX as UNREPORTED_SUFFIX
from engine.classify.unreported import write_unreported
from engine.classify.zygosity import mosaic_caution, zygosity
from engine.duckdb_paths import as_pattern
from engine.errors import VariantFileError
from engine.person import Person, Sex
from engine.phenotype.conditions import UNKNOWN, read_conditions
from engine.reference.bundle import ReferenceBundle
from engine.reference.intervals import Interval
from engine.reference.panels import Panel
from engine.tables import arrow_schema

_NAMESPACE = uuid.UUID("5f5d0c9e-6a0b-5b0e-9a63-0d6f5f7a1c11")
_BOTH_COPIES = ("homozygous", "hemizygous")


@dataclass(frozen=True)
class Subject:
    """A person whose calls are looked through, and what the parents' calls tell of them.

    Attributes:
        person: their sex, what they agreed to hear of, and the genes that the order names.
        panel: what the order's panel asks about, absent where it names none or nobody knows its genes.
        father: absent where he was not sequenced.
        mother: absent where she was not sequenced.
        report_carriers: whether carrier states are reported.
        decisions: what the laboratory decided of alleles that the person carries.
    """

    person: Person
    panel: Panel | None = None
    father: Parent | None = None
    mother: Parent | None = None
    report_carriers: bool = True
    decisions: tuple[Decision, ...] = ()

    @cached_property
    def question(self) -> Question:
        """What the order asks about: findings elsewhere are not primary."""
        return question_of(self.person, self.panel)

    @property
    def left_out(self) -> frozenset[str]:
        """Genes that an open question does not ask about."""
        return frozenset(secondary_findings_genes()) - frozenset(self.question.genes)


@dataclass(frozen=True)
class FindingsSummary:
    """What was measured while looking for findings.

    Attributes:
        findings: rows of the table.
        primary: of them in category primary.
        uncertain: of them in category uncertain.
        candidate: of them in category candidate.
        compound_heterozygote: of them in category compound_heterozygote.
        carrier: of them in category carrier.
        secondary: of them in category secondary.
        candidates: P/LP alleles looked at; those that the person does not want to hear of are not counted, so
            that no number hints at them.
        failed_filter: of the findings, those in calls that did not pass.
        conflicting: passing alleles on which ClinVar's submitters disagree, which are not reported.
        not_reportable: P/LP alleles that the gene's rule, the order or the carrier option leaves out.
        candidate_genes: genes asked about with a variant that may matter.
        unreported: variants in what was asked about that are not reported.
    """

    findings: int
    primary: int
    uncertain: int
    candidate: int
    compound_heterozygote: int
    carrier: int
    secondary: int
    candidates: int
    failed_filter: int
    conflicting: int
    not_reportable: int
    candidate_genes: int
    unreported: int


def select_reportable(
    annotated: Path, subject: Subject, bundle: ReferenceBundle, folder: Path, sample: str
) -> FindingsSummary:
    """Write the tables of findings, of candidate genes and of what is not reported into ``folder``.

    They are ``<sample>.findings.parquet``, ``<sample>.candidate_genes.parquet`` and ``<sample>.unreported.parquet``;
    beside them ``<sample>.evidence.json`` (:mod:`engine.classify.ledger`).

    Args:
        annotated: the Parquet that :func:`engine.annotate.annotate.annotate_variants` wrote.
        subject: the person.
        bundle: the reference the variants were called against, with what is known of phenotypes.
        folder: staging folder.
        sample: sample id.

    Raises:
        VariantFileError: the annotated table is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    decided = {one.allele: one for one in subject.decisions}
    rows, conflicting = _candidates(annotated, sample, subject.question.genes, decided)
    rows = [settled for row in rows if (settled := _phased_by_parents(row, subject)) is not None]
    ranking = ranking_of(bundle.phenotypes, subject.person.phenotype)
    known = read_conditions(bundle.phenotypes, {row["gene"] for row in rows if row["gene"]})
    findings = [
        _finding(row, subject, bundle, known) | _ranked(row, ranking) | told_of(decided.get(row["allele"]))
        for row in rows
    ]
    _name_by_dbsnp(findings, bundle.dbsnp)
    classify(findings, bundle)
    _find_partners(findings)
    verdicts = Counter[str]()
    kept = []
    for finding in findings:
        finding["category"] = verdict = _category(finding, subject)
        verdicts[verdict] += 1
        if verdict not in ("withheld", "not_reportable", "unlisted"):
            kept.append(finding)
    _drop_unreported_partners(kept)
    write_ledger(kept, folder / f"{sample}{LEDGER_SUFFIX}")
    schema = arrow_schema(FINDING_COLUMNS)
    table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in kept], schema=schema)
    pq.write_table(table, folder / f"{sample}.findings.parquet", compression="zstd")
    genes = write_candidate_genes(
        annotated, subject.question, subject.left_out, ranking, folder / f"{sample}{GENES_SUFFIX}", sample
    )
    return FindingsSummary(
        findings=len(kept),
        primary=verdicts["primary"],
        uncertain=verdicts["uncertain"],
        candidate=verdicts["candidate"],
        compound_heterozygote=verdicts["compound_heterozygote"],
        carrier=verdicts["carrier"],
        secondary=verdicts["secondary"],
        candidates=len(rows) - verdicts["withheld"] - verdicts["unlisted"],
        failed_filter=sum(map(_failed, kept)),
        conflicting=conflicting,
        not_reportable=verdicts["not_reportable"],
        candidate_genes=genes,
        unreported=write_unreported(
            annotated, subject.question, subject.left_out, findings, folder / f"{sample}{UNREPORTED_SUFFIX}"
        ),
    )


def _candidates(
    annotated: Path, sample: str, ordered: Sequence[str], decided: Collection[str]
) -> tuple[list[dict[str, Any]], int]:
    """Alleles to be looked at in the order of the table, and how many passing ones are conflicting.

    P/LP alleles and those of which the laboratory has a decision; and in genes that were asked about those of high or
    moderate impact on which ClinVar has not decided: a truncation nobody has seen before is not harmless for that.
    """
    import duckdb

    try:
        with duckdb.connect() as db:
            table = db.read_parquet(as_pattern(annotated))
            told = f"clinvar_classification IN {TOLD} OR len(compounds) > 0 OR len(known_parts) > 0"
            if decided:
                told += f" OR allele IN ({', '.join(map(_quoted, decided))})"
            genes = ", ".join(_quoted(gene) for gene in ordered) or "NULL"
            undecided = f"coalesce(clinvar_classification, '') IN {UNDECIDED} AND filter IN ('PASS', '.')"
            hit = f"[one FOR one IN consequences IF one.gene IN ({genes}) AND one.impact IN {CLASSIFIED}]"
            beside = f"gene NOT IN ({genes}) AND len({hit}) > 0"
            uncertain = f"((impact IN {CLASSIFIED} AND gene IN ({genes})) OR ({beside})) AND {undecided}"
            rows = table.filter(f"{told} OR ({uncertain})").to_arrow_table().to_pylist()
            conflicting = len(table.filter("clinvar_classification = 'conflicting' AND filter IN ('PASS', '.')"))
    except duckdb.Error as error:
        raise VariantFileError(
            f"the annotated variants cannot be read: {error}",
            file=annotated,
            sample=sample,
            remedy="annotate the sample again",
        ) from error
    alleles = {one["allele"]: one for row in rows for one in candidates_of(row, ordered, decided)}
    return list(alleles.values()), conflicting


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _phased_by_parents(row: dict[str, Any], subject: Subject) -> dict[str, Any] | None:
    """A possible compound whose members come from one parent is one; from both, it is none."""
    if row.get("phased", True):
        return row
    together = come_together(row["members"], row["contig"], (subject.father, subject.mother))
    if together is False:
        return None
    return row | {"phased": True, "cautions": [made_of(row | {"phased": True}, "the parents")]} if together else row


def _ranked(row: Mapping[str, Any], ranking: Ranking | None) -> dict[str, Any]:
    """The place of the variant's gene by the person's signs."""
    rank, disease = (ranking.place(row["gene"] or "") if ranking else None) or (None, None)
    return {"phenotype_rank": rank, "phenotype_disease": disease}


def _finding(row: dict[str, Any], subject: Subject, bundle: ReferenceBundle, known: Known) -> dict[str, Any]:
    depth = row["informative_depth"] or (row["ref_depth"] or 0) + (row["alt_depth"] or 0)
    fraction = round(row["alt_depth"] / depth, 4) if depth and row["alt_depth"] is not None else None
    at = Interval(row["contig"], row["position"] - 1, row["position"] - 1 + len(row["ref"]))
    length, sex = bundle.contig_lengths[row["contig"]], subject.person.sex
    conditions = conditions_of(
        row["gene"] or "", row["clinvar_conditions"] or [], row["clinvar_condition_ids"] or [], known
    )
    finding = row | {
        "finding_id": finding_id(row["sample_id"], bundle.build, row["allele"]),
        "build": bundle.build,
        "hgnc_id": row["hgnc_id"] or hgnc_id(row["gene"] or ""),
        "alt_fraction": fraction,
        "zygosity": zygosity(row["copies"], row["ploidy"], fraction, at=at, contig_length=length, sex=sex),
        "conditions": [condition.__dict__ for condition in conditions],
        "needs_confirmation": _failed(row) or not row.get("phased", True),
        "partners": [],
        "pairs": [],
        "phase": None,
        "phase_basis": None,
        "secondary_list": None,
    }
    parents = {FATHER: subject.father, MOTHER: subject.mother}
    told = origin_of(finding, at, {kin: parents[kin] for kin in transmitting(at, length, sex)})
    mosaic = None
    if finding["zygosity"] == "heterozygous":
        is_snv = row["variant_type"] == "SNV"
        mosaic = mosaic_caution(row["copies"], row["ploidy"], row["alt_depth"], depth, is_snv=is_snv)
    cautions = [*row["cautions"], *(one for one in (told.caution, mosaic) if one)]
    told_of = {"origin": told.origin, "origin_basis": told.basis, "cautions": cautions}
    return finding | told_of | {"looked_at": transmitting(at, length, sex)}


def _name_by_dbsnp(findings: Sequence[dict[str, Any]], dbsnp: Path | None) -> None:
    """Set the id of alleles of which neither ClinVar nor the frequencies know one."""
    keys = {one["allele"]: allele_key(one) for one in findings if one["ref"] and one["alt"]}
    ids = read_ids(dbsnp, keys.values()) if dbsnp else {}
    for one in findings:
        one["rs"] = one["rs"] or ids.get(keys.get(one["allele"], ("", 0, "", "")))


def _failed(row: Mapping[str, Any]) -> bool:
    return row["filter"] not in ("PASS", ".")


def finding_id(sample: str, build: str, allele: str) -> str:
    """The id of a finding, the same for the same allele of the same sample.

    >>> finding_id("S1", "GRCh38", "20-100-A-T") == finding_id("S1", "GRCh38", "20-100-A-T")
    True
    """
    return str(uuid.uuid5(_NAMESPACE, f"{sample}|{build}|{allele}"))


def _find_partners(findings: list[dict[str, Any]]) -> None:
    """Tell each variant of a gene of the others, and how it lies to each of them."""
    by_gene: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for finding in findings:
        if finding["gene"] and not is_undecided(finding):
            by_gene[finding["gene"]].append(finding)
    for group in by_gene.values():
        for finding in group:
            others = [other for other in group if other is not finding and not are_one_change(finding, other)]
            _tell_pairs(finding, [(other["finding_id"], phase_of(finding, other)) for other in others])


def _tell_pairs(finding: dict[str, Any], pairs: list[tuple[str, Phase]]) -> None:
    """Set the pairs, and what follows from them for the finding as a whole."""
    finding["pairs"] = [{"partner": name, "phase": phase.phase, "basis": phase.basis} for name, phase in pairs]
    finding["partners"] = [name for name, _ in pairs]
    best = min(pairs, key=lambda pair: ("trans", "unknown", "cis").index(pair[1].phase), default=None)
    finding["phase"], finding["phase_basis"] = (best[1].phase, best[1].basis) if best else (None, None)


def _category(finding: dict[str, Any], subject: Subject) -> str:
    """The category, or ``withheld``, ``not_reportable``, or ``unlisted``: looked at, and nothing speaks for it."""
    if finding["decided_class"] and finding["decided_class"] not in CAUSES_DISEASE:
        asked = finding["gene"] in subject.question.genes
        return "uncertain" if asked and is_undecided(finding) else "unlisted"
    if is_undecided(finding):
        if is_likely(finding):
            return "candidate"
        return "uncertain" if finding["impact"] == "HIGH" else "unlisted"
    gene = finding["gene"] or ""
    listed = secondary_findings_genes().get(gene)
    question = subject.question
    if gene in question.genes or (question.is_open and listed is None):
        return _by_inheritance(finding, subject)
    if listed is None:
        return "not_reportable"
    both = finding["zygosity"] in _BOTH_COPIES
    terms = frozenset(finding["consequence"].split("&"))
    biallelic = both or finding["phase"] in ("trans", "unknown")
    if listed.reports(biallelic=biallelic, homozygous=both, terms=terms, protein=finding["hgvs_p"]):
        if not subject.person.secondary_findings_consent:
            return "withheld"
        finding["secondary_list"] = VERSION
        return "secondary"
    carries_recessive = listed.inheritance == "AR" and question.is_open
    return "carrier" if carries_recessive and subject.report_carriers else "not_reportable"


def _by_inheritance(finding: dict[str, Any], subject: Subject) -> str:
    modes = {condition["inheritance"] for condition in finding["conditions"]} or {UNKNOWN}
    if finding["zygosity"] != "heterozygous" or not modes <= {"AR", "XL"}:
        return "primary"
    # Women fall ill of X-linked variants too; and two copies of X in a man are a finding, not a carrier state.
    if "XL" in modes and (finding["gene"] in subject.question.genes or subject.person.sex == Sex.MALE):
        return "primary"
    if finding["phase"] in ("trans", "unknown") and "AR" in modes:
        return "compound_heterozygote"
    return "carrier" if subject.report_carriers else "not_reportable"


def _drop_unreported_partners(kept: list[dict[str, Any]]) -> None:
    """A partner that is not told of is not hinted at either."""
    told = {finding["finding_id"] for finding in kept}
    for finding in kept:
        pairs = [pair for pair in finding["pairs"] if pair["partner"] in told]
        _tell_pairs(finding, [(pair["partner"], Phase(pair["phase"], pair["basis"])) for pair in pairs])
