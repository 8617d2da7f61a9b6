"""What is said of drugs as Observations: haplotypes and genotype of each pharmacogene, and what they imply by drug.

A genotype is told as a diplotype only where there is one solution. Several solutions are told in words, one beside the
other, and none of their alleles by itself; a gene that was not called says so in the code for it. Nothing is implied
but by a phenotype that was concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.fhir.codes import (
    BUILDS,
    GENOTYPE,
    HAPLOTYPE,
    MEDICATION,
    NO_CALL,
    PHARMACOGENE_PHENOTYPE,
    RELATED_ARTIFACT,
    RXNORM,
    TBD,
    JsonObject,
    component,
    concept,
    named,
)
from engine.fhir.resources import Entries
from engine.fhir.study import gene_concept
from engine.report.case import Gene
from engine.report.drug_response import Advice, Pharmacogene
from engine.report.statement import Statement

MOST_POSITIONS = 20
"""More positions that were not called are counted, not named."""


def add_drug_response(
    entries: Entries, statement: Statement, common: JsonObject, study: JsonObject
) -> dict[str, list[JsonObject]]:
    """Add what is said of drugs; references to the Observations by gene, what it implies last.

    What rests on two genes stands with the first.

    Args:
        entries: of the bundle.
        statement: what is said.
        common: what all Observations of the report say.
        study: that they are part of.
    """
    drugs, sample = statement.drug_response, statement.case.sample
    if drugs is None:
        return {}
    common = common | {"partOf": [study]}
    told: dict[str, list[JsonObject]] = {}
    for gene in drugs.genes:
        haplotypes = [_add_haplotype(entries, sample, gene, name, common) for name in _certain(gene)]
        told[gene.gene] = [*haplotypes, _add_genotype(entries, statement, gene, haplotypes, common)]
    genotypes = {gene: references[-1] for gene, references in told.items()}
    for advice in drugs.advice:
        told[_first(advice, genotypes)].append(_add_implication(entries, sample, advice, genotypes, common))
    for gene in drugs.genes:
        if gene.is_called and gene.phenotype and not drugs.for_gene(gene.gene):
            alone = Advice("", "", {gene.gene: gene.phenotype})
            told[gene.gene].append(_add_implication(entries, sample, alone, genotypes, common))
    return told


def genotype_concept(gene: Pharmacogene) -> JsonObject:
    """What was found in a gene: its diplotype, or all that it may be; of one that was not called, that it was not.

    >>> genotype_concept(Pharmacogene("CYP2C19", None, "called", diplotypes=("*1/*2",)))
    {'text': 'CYP2C19*1/*2'}
    """
    if gene.status == "not called":
        return NO_CALL | {"text": f"{gene.gene} {gene.found}"}
    if len(gene.diplotypes) == 1:
        return {"text": _named_allele(gene, gene.diplotypes[0])}
    return {"text": f"{gene.gene} {gene.found}"}


_SEVERAL = re.compile(r"x\d+$")
"""How a diplotype writes an allele of which one chromosome has several copies: ``*2x2``."""


def phenotype_concept(gene: str, phenotype: str) -> JsonObject:
    """A phenotype by LOINC's answer where it has one, and in words with its gene."""
    return PHARMACOGENE_PHENOTYPE.get(phenotype, {}) | {"text": f"{gene} {phenotype}"}


def medication_concept(advice: Advice) -> JsonObject:
    """A drug by RxNorm's number, in words where it is not known."""
    return concept(RXNORM, advice.rxnorm, advice.drug) if advice.rxnorm else {"text": advice.drug}


def remarks(gene: Pharmacogene) -> list[str]:
    """What is to be known of a gene beside its genotype, in sentences; which positions were not called among it."""
    shown, more = gene.uncalled[:MOST_POSITIONS], len(gene.uncalled) - MOST_POSITIONS
    lines = [f"{gene.reason[0].upper()}{gene.reason[1:]}."] if gene.reason else []
    lines += gene.sentences
    if shown:
        lines.append(f"Not called: {'; '.join(shown)}" + (f"; and {more} more." if more > 0 else "."))
    return [*lines, f"Alleles by {gene.defined_by}."]


def _certain(gene: Pharmacogene) -> list[str]:
    """The named alleles that are there whatever is left open, each once."""
    if gene.status == "not called":
        return []
    if len(gene.diplotypes) == 1:
        named = {_SEVERAL.sub("", name) for name in gene.diplotypes[0].split("/")}
        return [one.name for one in gene.alleles if one.name in named]
    return list(dict.fromkeys(gene.haplotypes)) if not gene.diplotypes else []


def _named_allele(gene: Pharmacogene, name: str) -> str:
    """As PharmVar writes it: the star follows the symbol."""
    return f"{gene.gene}{'' if name.startswith('*') else ' '}{name}"


def _gene_components(gene: Pharmacogene) -> list[JsonObject]:
    return [component("48018-6", valueCodeableConcept=gene_concept(Gene(gene.gene, gene.hgnc_id)))]


def _add_haplotype(entries: Entries, sample: str, gene: Pharmacogene, name: str, common: JsonObject) -> JsonObject:
    content = common | {
        "code": named(HAPLOTYPE),
        "valueCodeableConcept": {"text": _named_allele(gene, name)},
        "component": _gene_components(gene),
    }
    if function := next((one.function for one in gene.alleles if one.name == name), None):
        content["note"] = [{"text": function}]
    return entries.add("Observation", f"haplotype|{sample}|{gene.gene}|{name}", content, profile="haplotype")


def _add_genotype(
    entries: Entries, statement: Statement, gene: Pharmacogene, haplotypes: list[JsonObject], common: JsonObject
) -> JsonObject:
    content = common | {
        "code": named(GENOTYPE),
        "valueCodeableConcept": genotype_concept(gene),
        "note": [{"text": text} for text in remarks(gene)],
        "component": [
            *_gene_components(gene),
            component("62374-4", valueCodeableConcept=BUILDS[statement.build]),
            component("conclusion-string", valueString=gene.headline),
        ],
    }
    content |= {"derivedFrom": haplotypes} if haplotypes else {}
    key = f"genotype|{statement.case.sample}|{gene.gene}"
    return entries.add("Observation", key, content, profile="genotype")


def _add_implication(
    entries: Entries, sample: str, advice: Advice, genotypes: Mapping[str, JsonObject], common: JsonObject
) -> JsonObject:
    """One drug, for the phenotypes that its guideline names."""
    components = [
        component("therapeutic-implication", valueCodeableConcept=phenotype_concept(gene, phenotype))
        for gene, phenotype in advice.phenotypes.items()
        if phenotype
    ]
    if advice.drug:
        components.append(component(MEDICATION, valueCodeableConcept=medication_concept(advice)))
    if advice.level:
        components.append(component("93044-6", valueCodeableConcept={"text": f"CPIC level {advice.level}"}))
    if advice.text:
        components.append(component("conclusion-string", valueString=advice.text))
    content = common | {
        "code": concept(TBD, "therapeutic-implication", "Therapeutic Implication"),
        "derivedFrom": [genotypes[gene] for gene in advice.phenotypes if gene in genotypes],
        "component": components,
    }
    if advice.guideline:
        guideline = {"type": "citation", "label": "CPIC", "display": f"Guideline for {advice.drug}"}
        cited = {"url": RELATED_ARTIFACT, "valueRelatedArtifact": guideline | {"url": advice.guideline}}
        content["extension"] = [cited]
    key = f"therapeutic|{sample}|{advice.drug}|{'|'.join(advice.phenotypes)}"
    return entries.add("Observation", key, content, profile="therapeutic-implication")


def _first(advice: Advice, genotypes: Mapping[str, JsonObject]) -> str:
    return next(gene for gene, phenotype in advice.phenotypes.items() if phenotype and gene in genotypes)
