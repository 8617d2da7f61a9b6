"""A finding in words, the same wherever it is told: in a bundle, on a page, in a message.

A finding is a row of the findings table (:data:`engine.classify.columns.FINDING_COLUMNS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Finding = Mapping[str, Any]

_KINDS = {
    ("compound_heterozygote", "trans"): "compound heterozygote, in trans",
    ("compound_heterozygote", "unknown"): "possibly compound heterozygote, phase unknown",
}


def name(finding: Finding) -> str:
    """The allele's name as it is used in a line of text: c., else g., else chromosome, place and alleles."""
    return str(finding["hgvs_c"] or finding["hgvs_g"] or finding["allele"])


def protein_change(finding: Finding) -> str:
    """The p. name without its reference, empty where no coding base is concerned."""
    return str(finding["hgvs_p"] or "").partition(":")[2]


def kind(finding: Finding) -> str:
    """The category in plain words."""
    return _KINDS.get((finding["category"], finding["phase"]), str(finding["category"]).replace("_", " "))


_MODES = {
    "AD": "autosomal dominant",
    "AR": "autosomal recessive",
    "XL": "X-linked",
    "MT": "mitochondrial",
}
MOST_CONDITIONS = 3
"""More conditions of a gene are counted in a line of text; where there is room all are told."""


def mode(code: str) -> str:
    """A mode of inheritance in words, or several that are known.

    >>> mode("AD/AR"), mode("unknown")
    ('autosomal dominant or autosomal recessive', 'unknown mode of inheritance')
    """
    return " or ".join(_MODES.get(one, "unknown mode of inheritance") for one in code.split("/"))


def conditions_of_genes(findings: Iterable[Finding]) -> list[str]:
    """What the findings of each gene are known to cause, a line a gene.

    >>> condition = {"name": "Hyperphenylalaninemia", "inheritance": "AR"}
    >>> conditions_of_genes([{"gene": "PAH", "conditions": [condition]}] * 2)
    ['Condition of PAH: Hyperphenylalaninemia (autosomal recessive)']
    """
    by_gene: dict[str, dict[str, None]] = {}
    for finding in findings:
        told = by_gene.setdefault(finding["gene"] or "the intergenic variant", {})
        told |= {f"{one['name']} ({mode(one['inheritance'])})": None for one in finding["conditions"]}
    return [_condition(gene, list(told)) for gene, told in by_gene.items() if told]


def _condition(gene: str, told: list[str]) -> str:
    more = len(told) - MOST_CONDITIONS
    words = [*told[:MOST_CONDITIONS], *([f"{more} more"] if more > 0 else [])]
    return f"Condition{'s' if len(told) > 1 else ''} of {gene}: {'; '.join(words)}"


def headline(finding: Finding) -> str:
    """The finding in one line, with what is to be held against it."""
    gene = f"{finding['gene']} " if finding["gene"] else ""
    why = "phase unknown" if finding["filter"] in ("PASS", ".") else f"filter {finding['filter']}"
    doubt = f", needs confirmation: {why}" if finding["needs_confirmation"] else ""
    if finding["origin"] == "de novo":
        doubt = f", de novo{doubt}"
    doubt += "".join(f". Caution: {caution}" for caution in finding["cautions"])
    said = f"{gene}{name(finding)} {protein_change(finding)}".rstrip()
    return f"{said}: {tier(finding)}, {finding['zygosity']} ({kind(finding)}){doubt}"


def sentence(finding: Finding) -> str:
    """One sentence that says what the finding means for this person.

    >>> known = {"gene": "PANK2", "zygosity": "heterozygous", "phase": None, "clinvar_other_terms": []}
    >>> sentence(known | {"category": "carrier", "clinvar_classification": "likely_pathogenic"})
    'Carrier: one copy of PANK2 is affected (likely pathogenic), under recessive inheritance'
    >>> sentence(known | {"category": "primary", "clinvar_classification": "likely_pathogenic"})
    'Likely pathogenic variant of PANK2, heterozygous'
    """
    gene, said = finding["gene"] or "an intergenic place", tier(finding)
    if finding["category"] in ("uncertain", "candidate"):
        what = finding["consequence"].replace("&", ", ").replace("_", " ")
        word = "Uncertain" if finding["category"] == "uncertain" else "Candidate, to be judged by a person"
        return f"{word}: {what} of {gene}, {finding['zygosity']}; {said}"
    if finding["category"] == "carrier":
        modes = {condition["inheritance"] for condition in finding.get("conditions", [])}
        how = "X-linked" if modes == {"XL"} else "recessive"
        return f"Carrier: one copy of {gene} is affected ({said}), under {how} inheritance"
    if finding["category"] == "compound_heterozygote":
        known = "in trans" if finding["phase"] == "trans" else "phase unknown: parents or phased reads would tell"
        return f"One of several variants of {gene} ({said}), {known}"
    if finding["category"] == "secondary":
        return f"Secondary finding in {gene} ({said}), {finding['zygosity']}, reported with consent"
    return f"{said[0].upper()}{said[1:]} variant of {gene}, {finding['zygosity']}"


def tier(finding: Finding) -> str:
    """ClinVar's classification in plain words, with what it asserts beside it; or that it has none.

    Of a candidate the class is that of the criteria; what a person of the laboratory decided stands above both.
    """
    if decided := finding.get("decided_class"):
        known = str(finding["clinvar_classification"] or "does not know it").replace("_", " ")
        said = f"{decided.replace('_', ' ')} as {finding['decided_by']} decided on {finding['decided_at'][:10]}"
        return f"{said}; ClinVar: {known}"
    if finding["category"] == "candidate":
        met = ", ".join(one["code"] for one in finding["acmg_criteria"])
        points = "" if finding["acmg_points"] is None else f", {finding['acmg_points']} points"
        return f"{finding['acmg_class'].replace('_', ' ')} by criteria ({met}{points}); ClinVar has not decided"
    if finding["clinvar_classification"] is None:
        return "uncertain significance: ClinVar does not know it"
    said = str(finding["clinvar_classification"]).replace("_low_penetrance", ", low penetrance").replace("_", " ")
    others = finding["clinvar_other_terms"] or []
    return f"{said}; also {', '.join(others)}" if others else said


def told_class(finding: Finding) -> str:
    """The class that :func:`tier` tells, in one word: a person's; of a candidate that of the criteria; else ClinVar's.

    >>> told_class({"category": "candidate", "clinvar_classification": "conflicting", "acmg_class": "pathogenic"})
    'pathogenic'
    >>> told_class({"category": "uncertain", "clinvar_classification": None, "acmg_class": "likely_benign"})
    'uncertain_significance'
    """
    if decided := finding.get("decided_class"):
        return str(decided)
    if finding["category"] == "candidate":
        return str(finding["acmg_class"])
    return str(finding["clinvar_classification"] or "uncertain_significance")


def evidence(finding: Finding) -> tuple[str, ...]:
    """What speaks for the finding, or against it, beside ClinVar's word: criteria that are met, and signs."""
    return (*_decided(finding), *_criteria(finding), *_signs(finding))


def _decided(finding: Finding) -> tuple[str, ...]:
    """The laboratory's own judgement of the allele."""
    if not finding.get("decided_class"):
        return ()
    by = ", ".join(finding["decided_criteria"] or ()) or "no criteria named"
    said = f"{finding['decided_by']} judged the allele {finding['decided_class'].replace('_', ' ')} ({by})"
    return (f"{said} on {finding['decided_at'][:10]}: {(finding['decided_comment'] or '').rstrip('.')}.",)


def _criteria(finding: Finding) -> tuple[str, ...]:
    """What the criteria add up to, then each of them."""
    if not finding["acmg_class"]:
        return ()
    by_points, by_rules = (finding[name].replace("_", " ") for name in ("acmg_class", "acmg_rules_class"))
    if not finding["acmg_criteria"]:
        return (f"ACMG criteria, rule set {finding['acmg_rule_set']}: data decide none.",)
    points = "benign evidence stands alone" if finding["acmg_points"] is None else f"{finding['acmg_points']} points"
    added = (
        f"ACMG criteria that data decide, rule set {finding['acmg_rule_set']}: {by_points} by points ({points}), "
        f"{by_rules} by the rules of 2015."
    )
    return (
        added,
        *(f"{one['code']} ({STRENGTHS[one['strength']]}): {_told(one)}." for one in finding["acmg_criteria"]),
    )


STRENGTHS = {"A": "stand alone", "VS": "very strong", "S": "strong", "M": "moderate", "P": "supporting"}


def _told(criterion: Mapping[str, Any]) -> str:
    """What was found, and where."""
    where = " ".join(part for part in (criterion["source"], criterion["version"]) if part)
    return f"{criterion['sentence']} [{where}]"


def _signs(finding: Finding) -> tuple[str, ...]:
    if not finding["phenotype_rank"]:
        return ()
    rank, disease = finding["phenotype_rank"], finding["phenotype_disease"]
    return (f"By the signs stated, {finding['gene']} ranks {rank:,} of all genes with a known disease ({disease}).",)


def notes(finding: Finding) -> tuple[str, ...]:
    """What is said of a call that a filter marks, and what else speaks against taking the finding at its word."""
    passed = finding["filter"] in ("PASS", ".")
    why = "nobody knows the phase" if passed else f"the call did not pass the filters ({finding['filter']})"
    doubt = f"Needs confirmation: {why}."
    cautions = [f"{caution}." for caution in finding["cautions"]]
    new = [f"De novo: {finding['origin_basis']}."] if finding["origin_basis"] else []
    return (*([doubt] if finding["needs_confirmation"] else []), *cautions, *new)
