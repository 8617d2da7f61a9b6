"""A case as a GA4GH Phenopacket 2.0 (ISO 4454): https://phenopacket-schema.readthedocs.io.

What a program decided is not called causative: an interpretation is in progress until somebody has signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.classify.decision import CLASSES
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.report.issue import Issue
from engine.report.statement import StatedFinding, Statement
from engine.report.wording import told_class

VrsId = Callable[[str, int, str, str], str | None]
"""Gives the VRS id of contig, 1-based position, ref and alt; nothing where none can be told."""
_SEX: Final = {Sex.FEMALE: "FEMALE", Sex.MALE: "MALE", Sex.UNKNOWN: "UNKNOWN_SEX"}
_ZYGOSITY: Final[Mapping[str, tuple[str, str]]] = {
    "heterozygous": ("GENO:0000135", "heterozygous"),
    "homozygous": ("GENO:0000136", "homozygous"),
    "hemizygous": ("GENO:0000134", "hemizygous"),
    "heteroplasmic": ("GENO:0000603", "heteroplasmic"),
    "homoplasmic": ("GENO:0000602", "homoplasmic"),
}
"""Terms of the Genotype Ontology."""
_NO_CLASS: Final = "NOT_PROVIDED"
"""Of a variant whose class is none of the five, such as pathogenic of low penetrance; its label says it."""
_SUFFICES: Final = frozenset({"primary", "compound_heterozygote"})
"""Categories in which the genotype suffices for the condition."""


def phenopacket(said: Statement, issue: Issue, hpo_release: str, vrs_id: VrsId) -> dict[str, Any]:
    """The packet of what is said of a case, as JSON.

    Args:
        said: what is said.
        issue: how far it has come.
        hpo_release: release of HPO that names the signs; empty where there is none.
        vrs_id: of an allele.
    """
    person = said.case.person
    signs = [{"type": {"id": term, "label": said.signs.get(term, term)}} for term in person.phenotype]
    resource = {
        "id": "hp",
        "name": "Human Phenotype Ontology",
        "url": "http://purl.obolibrary.org/obo/hp.owl",
        "version": hpo_release or "not stated",
        "namespacePrefix": "HP",
        "iriPrefix": "http://purl.obolibrary.org/obo/HP_",
    }
    return {
        "id": f"{said.case.sample}.{said.digest[:12]}",
        "subject": {"id": person.subject_id, "sex": _SEX[person.sex]},
        "phenotypicFeatures": signs,
        "interpretations": [_interpretation(one, said, issue, vrs_id) for one in said.findings],
        "metaData": {
            "created": said.made,
            "createdBy": said.case.laboratory.name,
            "resources": [resource],
            "phenopacketSchemaVersion": "2.0",
        },
    }


def _interpretation(one: StatedFinding, said: Statement, issue: Issue, vrs_id: VrsId) -> dict[str, Any]:
    condition, classed = (one.row["conditions"] or [{}])[0], told_class(one.row)
    genomic = {
        "subjectOrBiosampleId": said.case.person.subject_id,
        "interpretationStatus": _status(one, issue),
        "variantInterpretation": {
            "acmgPathogenicityClassification": classed.upper() if classed in CLASSES else _NO_CLASS,
            "variationDescriptor": _descriptor(one, said.build, vrs_id),
        },
    }
    told: dict[str, Any] = {"genomicInterpretations": [genomic]}
    if number := condition.get("mondo") or condition.get("omim") or condition.get("orphanet"):
        told = {"disease": {"id": number, "label": condition.get("name") or number}} | told
    progress = "COMPLETED" if issue.is_signed else "IN_PROGRESS"
    return {"id": one.id, "progressStatus": progress, "diagnosis": told, "summary": one.sentence}


def _status(one: StatedFinding, issue: Issue) -> str:
    if one.category in ("candidate", "uncertain") or not issue.is_signed:
        return "CANDIDATE"
    return "CAUSATIVE" if one.category in _SUFFICES else "UNKNOWN_STATUS"


def _descriptor(one: StatedFinding, build: str, vrs_id: VrsId) -> dict[str, Any]:
    row = one.row
    names = {"hgvs.g": row["hgvs_g"], "hgvs.c": row["hgvs_c"], "hgvs.p": row["hgvs_p"]}
    told: dict[str, Any] = {
        "id": vrs_id(row["contig"], row["position"], row["ref"], row["alt"]) or row["allele"],
        "label": one.headline,
        "expressions": [{"syntax": syntax, "value": name} for syntax, name in names.items() if name],
        "vcfRecord": {
            "genomeAssembly": build,
            "chrom": bare_contig(row["contig"]),
            "pos": str(row["position"]),
            "ref": row["ref"],
            "alt": row["alt"],
        },
        "moleculeContext": "genomic",
    }
    if row["gene"]:
        told["geneContext"] = {"valueId": row["hgnc_id"] or row["gene_id"] or row["gene"], "symbol": row["gene"]}
    if state := _ZYGOSITY.get(row["zygosity"]):
        told["allelicState"] = {"id": state[0], "label": state[1]}
    return told
