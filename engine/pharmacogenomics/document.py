"""The calls as a document: what ``genomics-engine pgx`` writes, explained in docs/pharmacogenomics.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.pharmacogenomics.calls import GeneCall, SampleCalls
from engine.pharmacogenomics.combinations import natural
from engine.pharmacogenomics.definitions import CODES, Definition, Locus
from engine.pharmacogenomics.edition import EDITION
from engine.pharmacogenomics.guidelines import Guidelines, Phenotype, Recommendation
from engine.pharmacogenomics.matching import Diplotype
from engine.pharmacogenomics.pypgx import LICENCE, PACKAGE, structural_alleles
from engine.release import engine_release


def document(samples: Iterable[SampleCalls], guidelines: Guidelines) -> dict[str, Any]:
    """All of it, ready for JSON."""
    tables = guidelines.tables
    structural = structural_alleles(tables)
    return {
        "format": EDITION,
        "tool": {"name": "genomics-engine", "version": engine_release()},
        "guidelines": {"source": PACKAGE, "version": tables.version, "licence": LICENCE, "published_by": "CPIC"},
        "samples": [
            {
                "sample": one.sample,
                "genes": [_gene(call, one.recommendations, guidelines, structural) for call in one.genes],
            }
            for one in samples
        ],
    }


def _gene(
    call: GeneCall,
    recommendations: Sequence[Recommendation],
    guidelines: Guidelines,
    structural: dict[str, tuple[str, ...]],
) -> dict[str, Any]:
    definition = call.definition
    told = call.phenotype or Phenotype(None)
    return {
        "gene": definition.gene,
        "status": call.status,
        "reason": call.reason or None,
        "phenotype": told.term,
        "activity_score": told.score,
        "diplotypes": [_diplotype(one, call.preferred) for one in call.diplotypes],
        "haplotypes": list(call.haplotypes),
        "combinations": [one.name for one in call.combinations],
        "phenotypes": [
            {
                "phenotype": one.phenotype.term,
                "activity_score": one.phenotype.score,
                "diplotypes": list(one.diplotypes),
                "only_with": list(one.only_with),
            }
            for one in call.possible
        ],
        "alleles": [_allele(definition, name, guidelines) for name in _names(call)],
        "genotypes": _genotypes(call),
        "missing_positions": [{**_place(locus), "reason": why.value} for locus, why in call.missing.items()],
        "not_excluded": sorted(call.not_excluded, key=natural),
        "structural_not_assessed": [] if call.is_counted else list(structural.get(definition.gene, ())),
        "warnings": list(call.warnings),
        "recommendations": [
            _recommendation(one, guidelines) for one in recommendations if definition.gene in one.genes
        ],
        "definition": {
            "source": definition.source,
            "version": definition.version,
            "build": definition.build,
            "rule": definition.rule,
            "positions": len(definition.loci),
            "alleles": len(definition.alleles),
        },
    }


def _diplotype(one: Diplotype, preferred: Sequence[str]) -> dict[str, Any]:
    return {
        "diplotype": one.name,
        "alleles": list(one.names),
        "score": one.score,
        "preferred": one.name in preferred,
    }


def _names(call: GeneCall) -> list[str]:
    """The named alleles of the solutions and of what stands in for them."""
    solutions = (*call.diplotypes, *call.combinations)
    parts = {name for one in solutions for part in one.parts for name in part}
    return sorted(parts | set(call.haplotypes), key=natural)


def _allele(definition: Definition, name: str, guidelines: Guidelines) -> dict[str, Any]:
    function = guidelines.function(definition.gene, name)
    same = [allele for allele in definition.alleles if name in {allele.name, definition.told(allele.name)}]
    defined = [
        {**_place(locus), "allele": allele.bases[number], "any_of": _any_of(allele.bases[number])}
        for allele in same[:1]
        for number, locus in enumerate(definition.loci)
        if not allele.is_reference and allele.bases[number] is not None
    ]
    return {
        "allele": name,
        "function": function.term,
        "activity_score": function.score,
        "is_reference": any(allele.is_reference for allele in same),
        "defined_by": defined,
    }


def _any_of(base: str | None) -> list[str]:
    return list(CODES.get(base or "", ""))


def _genotypes(call: GeneCall) -> list[dict[str, Any]]:
    """What was found at positions at which the sample is not the genome's reference on every chromosome."""
    return [
        {**_place(locus), "alleles": list(one.alleles), "phase_set": one.phase}
        for locus, one in zip(call.definition.loci, call.observed, strict=bool(call.observed))
        if one is not None and set(one.alleles) != {locus.ref}
    ]


def _place(locus: Locus) -> dict[str, Any]:
    return {"contig": locus.contig, "position": locus.position, "ref": locus.ref, "rsid": locus.rsid or None}


def _recommendation(one: Recommendation, guidelines: Guidelines) -> dict[str, Any]:
    return {
        "drug": one.drug,
        "rxnorm": one.rxnorm or None,
        "phenotypes": dict(one.genes),
        "text": one.text,
        "guideline": one.guideline or None,
        "level": one.level or None,
        "source": PACKAGE,
        "version": guidelines.tables.version,
    }
