"""What is told beside small variants as Variant Observations: structural variants, repeats, mitochondrial alleles.

A structural variant has its copy number and, where its ends are not known to the base, the range that is surely in it
and the one that may be; a repeat its motif and number; a mitochondrial allele its share of the molecules. Runs of
homozygosity are no variant: the report's conclusion has them in words.
"""

from __future__ import annotations

from engine.classify.further import FurtherFinding
from engine.classify.inheritance import hgnc_id
from engine.fhir.codes import (
    BUILDS,
    CHANGE_TYPE,
    CHROMOSOMES,
    GERMLINE,
    HGVS,
    ONE_BASED,
    PRESENT,
    REFSEQ,
    SEQUENCING,
    VARIANT_ASSESSMENT,
    ZYGOSITY,
    JsonObject,
    component,
    concept,
    named,
    quantity,
)
from engine.fhir.resources import Entries
from engine.fhir.study import gene_concept
from engine.mitochondria.calls import HOMOPLASMIC
from engine.reference.accessions import bare_contig
from engine.report.case import Gene
from engine.report.statement import Statement

_TYPES = {"DEL": "deletion", "DUP": "duplication", "INV": "inversion", "INS": "insertion"}


def add_further(entries: Entries, statement: Statement, common: JsonObject, study: JsonObject) -> list[JsonObject]:
    """Add what is told; gives the references.

    Args:
        entries: of the bundle.
        statement: what is said.
        common: what all Observations of the report say.
        study: that they are part of.
    """
    told = []
    for finding in statement.further.findings:
        if finding.contig:
            content = common | {
                "partOf": [study],
                "code": named(VARIANT_ASSESSMENT),
                "valueCodeableConcept": PRESENT,
                "method": SEQUENCING,
                "note": [{"text": text} for text in (finding.headline, finding.sentence, *finding.notes)],
                "component": further_components(finding, statement.build),
            }
            key = f"further|{statement.case.sample}|{finding.key}"
            told.append(entries.add("Observation", key, content, profile="variant"))
    return told


def further_components(finding: FurtherFinding, build: str) -> list[JsonObject]:
    """The components of one finding."""
    chromosome = CHROMOSOMES.get(bare_contig(finding.contig))
    coded = [
        *(("48018-6", gene_concept(Gene(gene, hgnc_id(gene)))) for gene in finding.genes),
        ("62374-4", BUILDS[build]),
        ("48000-4", chromosome),
        ("48013-7", concept(REFSEQ, finding.accession) if finding.accession else None),
        ("81290-9", concept(HGVS, name) if (name := _mitochondrial_name(finding)) else None),
        ("92822-6", ONE_BASED),
        ("48019-4", CHANGE_TYPE.get(_TYPES.get(finding.type, ""))),
        ("48002-0", GERMLINE),
        ("53034-5", ZYGOSITY.get(_state(finding))),
    ]
    components = [component(code, valueCodeableConcept=value) for code, value in coded if value]
    if finding.inner and finding.outer:
        components.append(component("81302-2", valueRange=_range(finding.inner)))
        components.append(component("81301-4", valueRange=_range(finding.outer)))
    else:
        components.append(component("81254-5", valueRange=_range((finding.position, finding.end))))
    if finding.ref and finding.alt:
        components.append(component("69547-8", valueString=finding.ref))
        components.append(component("69551-0", valueString=finding.alt))
    if finding.copies is not None:
        components.append(component("82155-3", valueQuantity=quantity(finding.copies, "1", "1")))
    if finding.fraction is not None:
        components.append(component("81258-6", valueQuantity=quantity(finding.fraction, "1", "1")))
    if finding.motif and finding.units is not None:
        components.append(component("repeat-motif", valueString=finding.motif))
        components.append(component("repeat-number", valueQuantity=quantity(finding.units, "1", "1")))
    return components


def _mitochondrial_name(finding: FurtherFinding) -> str | None:
    """The m. name of an exchanged base: LOINC has no code for that chromosome, so its own sequence names it."""
    ref, alt = finding.ref or "", finding.alt or ""
    is_exchange = len(ref) == len(alt) == 1 and bare_contig(finding.contig) == "MT"
    return f"{finding.accession}:m.{finding.position}{ref}>{alt}" if finding.accession and is_exchange else None


def _state(finding: FurtherFinding) -> str:
    if finding.fraction is not None:
        return "homoplasmic" if finding.fraction >= HOMOPLASMIC else "heteroplasmic"
    return finding.zygosity


def _range(span: tuple[int, int]) -> JsonObject:
    return {"low": {"value": span[0]}, "high": {"value": span[1]}}
