"""The ACMG criteria of findings: what knowledge says of the allele, and what the person's calls add to it.

Which criteria facts meet is decided in :mod:`engine.acmg.decide`; phase, origin and signs come from the findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.acmg.combination import VariantClass, combine
from engine.acmg.constraint import read_constraint
from engine.acmg.decide import decide
from engine.acmg.facts import Evidence, Partner, Population, Seen
from engine.acmg.gather import Gatherer
from engine.acmg.predictor_table import KNOWN, KNOWN_OF_SPLICING, read_scores, release_of
from engine.acmg.rule_set import rule_set
from engine.annotate.frequency_table import read_frequencies, read_source
from engine.classify.decision import standing
from engine.classify.inheritance import modes_of
from engine.classify.phase import TOLD, phase_of
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle

Finding = dict[str, Any]
_KNOWN = (KNOWN, KNOWN_OF_SPLICING)
LIKELY = (VariantClass.LIKELY_PATHOGENIC, VariantClass.PATHOGENIC)
NOT_CLASSIFIED: Mapping[str, Any] = {
    "acmg_class": None,
    "acmg_points": None,
    "acmg_rules_class": None,
    "acmg_criteria": [],
    "acmg_rule_set": None,
}
"""Of an allele in no coding transcript of the gene model."""


def classify(findings: Sequence[Finding], bundle: ReferenceBundle) -> None:
    """Set the criteria that each finding meets, and what they add up to.

    Args:
        findings: rows of the annotated table with ``conditions``, ``origin``, ``zygosity`` and ``phenotype_rank``;
            ``predictions`` of one that is no row of its own are looked up here.
        bundle: with gene model and sequence; without a gene model nothing is classified.
    """
    gatherer = Gatherer(bundle, findings)
    populations = _populations(findings, bundle.frequencies)
    _predict([one for one in findings if one["predictions"] is None], bundle)
    genes = read_constraint(bundle.constraint, {str(one["gene"]) for one in findings}) if bundle.constraint else {}
    for finding in findings:
        told = {one["predictor"]: one for one in finding["predictions"]}
        predictions, splicing = ([told[name] for name in known if name in told] for known in _KNOWN)
        facts = gatherer.facts(finding, populations.get(finding["allele"]))
        if facts is None or facts.transcript.coding is None:
            finding.update(NOT_CLASSIFIED)
            continue
        modes = modes_of(finding)
        new = finding["origin"] == "de novo"
        evidence = decide(
            replace(
                facts,
                modes=frozenset(modes),
                partners=tuple(_partners(finding, findings)),
                homozygous=finding["zygosity"] == "homozygous",
                de_novo=tuple(finding["looked_at"]) if new else (),
                de_novo_basis=finding["origin_basis"] if new else None,
                phenotype_rank=finding["phenotype_rank"],
                predictions={one["predictor"]: one["score"] for one in predictions},
                predictor_source=next((one["release"] for one in predictions), None),
                splicing={one["predictor"]: one["score"] for one in splicing},
                splicing_source=next((one["release"] for one in splicing), None),
                constraint=genes.get(facts.gene),
            )
        )
        finding.update(_told(evidence))


_NO_ALLELE = ("", 0, "", "")


def _predict(findings: Sequence[Finding], bundle: ReferenceBundle) -> None:
    """Set the predictions of alleles of which the annotated variants have none: no row of theirs is one of them."""
    keys = _keys(findings)
    tables = (bundle.predictors, bundle.splice_predictors)
    scores = [
        read_scores(table, keys.values(), known) if table and keys else {}
        for table, known in zip(tables, _KNOWN, strict=True)
    ]
    releases = [release_of(table) if table else None for table in tables]
    for finding in findings:
        own = [told.get(keys.get(finding["allele"], _NO_ALLELE), {}) for told in scores]
        finding["predictions"] = _predictions(own, releases)


def _predictions(tables: Sequence[Mapping[str, float]], releases: Sequence[str | None]) -> list[dict[str, Any]]:
    """Scores of an allele, by predictor in the order of the rule set, with the release of the table they are from."""
    return [
        {"predictor": name, "score": score, "release": release}
        for table, release in zip(tables, releases, strict=True)
        for name, score in table.items()
    ]


def _populations(findings: Sequence[Finding], frequencies: Path | None) -> dict[str, Population]:
    """What the source of frequencies says of each allele; nothing without a source."""
    if frequencies is None:
        return {}
    source = read_source(frequencies)
    keys = _keys(findings)
    rows = read_frequencies(frequencies, keys.values())
    return {
        allele: Population("frequencies", source.release, source.largest, _seen(rows.get(key)))
        for allele, key in keys.items()
    }


def _keys(findings: Sequence[Finding]) -> dict[str, tuple[str, int, str, str]]:
    """Contig without chr, position, ref and alt of each allele that is one."""
    return {one["allele"]: allele_key(one) for one in findings if one["ref"] and one["alt"]}


def allele_key(row: Mapping[str, Any]) -> tuple[str, int, str, str]:
    """Contig without ``chr``, 1-based position, ref and alt, as tables by allele have it."""
    return bare_contig(row["contig"]), row["position"], row["ref"], row["alt"]


_OF_ALL = ("frequency", "count", "frequency_number")


def _seen(row: Mapping[str, Any] | None) -> Seen | None:
    """How often in the population in which it is most frequent, or in all where the source tells of none."""
    if row is None:
        return None
    by_population = row["popmax_frequency"] is not None and row["popmax_number"]
    names = ("popmax_frequency", "popmax_count", "popmax_number") if by_population else _OF_ALL
    frequency, count, number = (row[name] for name in names)
    if frequency is None:
        return None
    number = number or 0
    seen = round(frequency * number) if count is None else count
    return Seen(frequency, number, seen, row["popmax"] if by_population else "all", row["frequency_homozygotes"])


def _told(evidence: Sequence[Evidence]) -> dict[str, Any]:
    added = combine(one.criterion for one in evidence)
    return {
        "acmg_class": _word(added.by_points),
        "acmg_points": added.points,
        "acmg_rules_class": _word(added.by_rules),
        "acmg_criteria": [
            {
                "code": one.criterion.code,
                "strength": str(one.criterion.strength),
                "sentence": one.sentence,
                "source": one.source,
                "version": one.version,
                "record": one.record,
            }
            for one in evidence
        ],
        "acmg_rule_set": rule_set().version,
    }


def _word(told: VariantClass) -> str:
    """A class as ClinVar's classifications are written in tables."""
    return str(told).lower().replace(" ", "_")


def is_likely(finding: Mapping[str, Any]) -> bool:
    """Whether the criteria make it likely pathogenic or pathogenic, by points."""
    return finding["acmg_class"] in {_word(one) for one in LIKELY}


def _partners(finding: Finding, findings: Sequence[Finding]) -> list[Partner]:
    """Alleles of the gene that ClinVar or the laboratory calls pathogenic, which the person carries beside this one."""
    return [
        Partner(_record(other), "likely" not in standing(other), _phase(finding, other))
        for other in findings
        if other is not finding
        and other["gene"] == finding["gene"]
        and finding["gene"]
        and standing(other) in TOLD
        and not are_one_change(finding, other)
    ]


def _record(finding: Finding) -> str:
    """ClinVar's id, or that the laboratory's own decision is meant."""
    return finding["clinvar_variation_id"] or f"none; decided by {finding['decided_by']}"


def _phase(one: Finding, other: Finding) -> str:
    return phase_of(one, other).phase


def are_one_change(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the two are, in whole or in part, the same bases of the same records."""
    records = [set(finding["members"]) or {finding["allele"]} for finding in (one, other)]
    return not records[0].isdisjoint(records[1])
