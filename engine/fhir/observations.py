"""A finding as Observations: the variant, its molecular consequence, what it implies, and its phase to another."""

from __future__ import annotations

from engine.annotate.terms import term
from engine.classify.acmg_secondary_findings import PMID
from engine.fhir.actors import Actors
from engine.fhir.codes import (
    ALLELIC_PHASE,
    BUILDS,
    CHANGE_TYPE,
    CHROMOSOMES,
    CLINVAR,
    CLINVAR_STARS,
    DBSNP,
    ENSEMBL,
    GENETICS,
    GERMLINE,
    HGVS,
    INHERITANCE,
    LABORATORY,
    MONDO,
    OMIM,
    ONE_BASED,
    ORIGIN,
    PHASE,
    PRESENT,
    REFSEQ,
    RELATED_ARTIFACT,
    SECONDARY_FINDING,
    SEQUENCE_ONTOLOGY,
    SEQUENCING,
    SIGNIFICANCE,
    STARS,
    TBD,
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
from engine.reference.accessions import bare_contig
from engine.report.case import CaseFacts, Gene
from engine.report.issue import Status
from engine.report.statement import StatedFinding, StatedPhase
from engine.report.wording import Finding, told_class


class Observations:
    """Adds the Observations of one case.

    Attributes:
        common: what all of them say.
    """

    def __init__(
        self, entries: Entries, case: CaseFacts, status: Status, actors: Actors, study: JsonObject, issued: str
    ) -> None:
        self._entries, self._study = entries, study
        self.common: JsonObject = {
            "status": status,
            "category": [LABORATORY, GENETICS],
            "subject": actors.patient,
            "effectiveDateTime": case.collected or issued,
            "issued": issued,
            "performer": [actors.laboratory],
            "specimen": actors.specimen,
        }

    def add(self, stated: StatedFinding) -> list[JsonObject]:
        """Add a finding; the reference to its variant comes first."""
        finding = stated.row
        variant = self._entries.add(
            "Observation",
            finding["finding_id"],
            self._with_secondary(finding)
            | ({"note": [{"text": note} for note in stated.notes]} if stated.notes else {})
            | {
                "partOf": [self._study],
                "code": named(VARIANT_ASSESSMENT),
                "valueCodeableConcept": PRESENT,
                "method": SEQUENCING,
                "component": variant_components(finding),
            },
            profile="variant",
            id=finding["finding_id"],
        )
        references = [variant]
        if finding["transcript"]:
            references.append(self._add_consequence(finding, variant))
        for condition in finding["conditions"] or [None]:
            references.append(self._add_implication(stated, variant, condition))
        return references

    def add_phase(self, stated: StatedPhase) -> JsonObject:
        """Add how a variant lies to another of its gene."""
        ids = (stated.one, stated.other)
        content = self.common | {
            "code": named(ALLELIC_PHASE),
            "valueCodeableConcept": PHASE[stated.phase],
            "derivedFrom": [{"reference": f"urn:uuid:{name}"} for name in ids],
        }
        if stated.basis:
            content["method"] = {"text": f"by {stated.basis}"}
        key = "phase|" + "|".join(sorted(ids))
        return self._entries.add("Observation", key, content, profile="sequence-phase-relationship")

    def _with_secondary(self, finding: Finding) -> JsonObject:
        if not finding["secondary_list"]:
            return dict(self.common)
        listed = {"url": SECONDARY_FINDING, "valueCodeableConcept": {"text": finding["secondary_list"]}}
        return self.common | {"extension": [listed]}

    def _add_consequence(self, finding: Finding, variant: JsonObject) -> JsonObject:
        components = [
            component("51958-7", valueCodeableConcept=_transcript(finding)),
            *(
                component("feature-consequence", valueCodeableConcept=_term(name))
                for name in finding["consequence"].split("&")
            ),
        ]
        components += _hgvs_components(finding)
        return self._entries.add(
            "Observation",
            f"consequence|{finding['finding_id']}",
            self.common
            | {
                "code": concept(TBD, "molecular-consequence", "Molecular Consequence"),
                "derivedFrom": [variant],
                "component": components,
            },
            profile="molecular-consequence",
        )

    def _add_implication(self, stated: StatedFinding, variant: JsonObject, condition: Finding | None) -> JsonObject:
        finding = stated.row
        content = self._with_secondary(finding) | {
            "code": concept(TBD, "diagnostic-implication", "Diagnostic Implication"),
            "derivedFrom": [variant],
            "component": implication_components(stated, condition),
        }
        if extensions := [*content.get("extension", []), *_evidence(finding)]:
            content["extension"] = extensions
        if stated.evidence:
            content["note"] = [{"text": text} for text in stated.evidence]
        name = condition["name"] if condition else ""
        key = f"implication|{finding['finding_id']}|{name}"
        return self._entries.add("Observation", key, content, profile="diagnostic-implication")


def variant_components(finding: Finding) -> list[JsonObject]:
    """The components of a Variant: both HGVS names and VCF alleles, and what the reads say."""
    gene = Gene(finding["gene"], finding["hgnc_id"]) if finding["gene"] else None
    chromosome = CHROMOSOMES.get(bare_contig(finding["contig"]))
    last = finding["position"] + len(finding["ref"]) - 1
    accession = (finding["hgvs_g"] or "").partition(":")[0]
    coded = [
        ("48018-6", gene_concept(gene) if gene else None),
        ("62374-4", BUILDS[finding["build"]]),
        ("48000-4", chromosome),
        ("48013-7", concept(REFSEQ, accession) if accession else None),
        ("92822-6", ONE_BASED),
        ("81290-9", concept(HGVS, finding["hgvs_g"]) if finding["hgvs_g"] else None),
        ("51958-7", _transcript(finding) if finding["transcript"] else None),
        ("48019-4", CHANGE_TYPE.get(finding["variant_type"])),
        ("48002-0", GERMLINE),
        ("53034-5", ZYGOSITY[finding["zygosity"]]),
        ("94186-4", ORIGIN.get(finding["origin"])),
        ("81252-9", concept(CLINVAR, finding["clinvar_variation_id"]) if finding["clinvar_variation_id"] else None),
        ("81252-9", concept(DBSNP, finding["rs"]) if finding["rs"] else None),
    ]
    span = {"low": {"value": finding["position"]}, "high": {"value": last}}
    components = [component(code, valueCodeableConcept=value) for code, value in coded if value]
    components += [
        component("81254-5", valueRange=span),
        component("69547-8", valueString=finding["ref"]),
        component("69551-0", valueString=finding["alt"]),
        *_hgvs_components(finding),
    ]
    if finding["alt_fraction"] is not None:
        components.append(component("81258-6", valueQuantity=quantity(finding["alt_fraction"], "1", "1")))
    if finding["alt_depth"] is not None:
        components.append(component("82121-5", valueQuantity=quantity(finding["alt_depth"], "reads", "1")))
    return components


def _hgvs_components(finding: Finding) -> list[JsonObject]:
    """c. and p. name; an n. name has no place among the guide's components."""
    coding, protein = finding["hgvs_c"], finding["hgvs_p"]
    names = [("48004-6", coding if coding and ":c." in coding else None), ("48005-3", protein)]
    return [component(code, valueCodeableConcept=concept(HGVS, name)) for code, name in names if name]


def implication_components(stated: StatedFinding, condition: Finding | None) -> list[JsonObject]:
    """The components of a Diagnostic Implication: significance, evidence, and the condition where there is one."""
    finding = stated.row
    components = [component("53037-8", valueCodeableConcept=_significance(stated))]
    if finding["clinvar_stars"] is not None:
        components.append(component("93044-6", valueCodeableConcept=_stars(finding)))
    if condition:
        components.append(component("81259-4", valueCodeableConcept=_phenotype(condition)))
        if mode := _inheritance(condition["inheritance"]):
            components.append(component("condition-inheritance", valueCodeableConcept=mode))
    components.append(component("conclusion-string", valueString=stated.sentence))
    return components


def _significance(stated: StatedFinding) -> JsonObject:
    """The tier's code, unless ClinVar says something that no tier says."""
    finding = stated.row
    told = told_class(finding)
    is_clinvars_alone = told == finding["clinvar_classification"] and not (
        finding.get("decided_class") or finding["clinvar_other_terms"]
    )
    coded = SIGNIFICANCE.get(told, {})
    return coded if coded and is_clinvars_alone else coded | {"text": stated.classification}


def _stars(finding: Finding) -> JsonObject:
    code = STARS[finding["clinvar_stars"]]
    return concept(CLINVAR_STARS, code, code.replace("-", " "), text=finding["clinvar_review_status"].replace("_", " "))


def _phenotype(condition: Finding) -> JsonObject:
    codes = []
    if condition["mondo"]:
        codes.append({"system": MONDO, "code": condition["mondo"], "display": condition["name"]})
    if condition["omim"]:
        codes.append({"system": OMIM, "code": condition["omim"].removeprefix("OMIM:")})
    return {"text": condition["name"]} | ({"coding": codes} if codes else {})


def _inheritance(code: str) -> JsonObject | None:
    """The mode of inheritance by its code; several that are known in words, absent where none is."""
    known = [INHERITANCE[one] for one in code.split("/") if one in INHERITANCE]
    if len(known) < 2:
        return known[0] if known else None
    return {"text": " or ".join(one["coding"][0]["display"] for one in known)}


def _evidence(finding: Finding) -> list[JsonObject]:
    """ClinVar's record, its submissions, and the list under which a secondary finding is reported."""
    if not finding["clinvar_variation_id"]:
        return []
    place = f"https://www.ncbi.nlm.nih.gov/clinvar/variation/{finding['clinvar_variation_id']}/"
    label = f"ClinVar variation {finding['clinvar_variation_id']}: {finding['clinvar_significance'].replace('_', ' ')}"
    artifacts: list[JsonObject] = [{"type": "documentation", "label": "ClinVar", "display": label, "url": place}]
    submissions = finding["clinvar_scv"] or []
    artifacts += [{"type": "documentation", "label": "ClinVar submission", "display": scv} for scv in submissions]
    if finding["secondary_list"]:
        url = f"https://pubmed.ncbi.nlm.nih.gov/{PMID}/"
        artifacts.append({"type": "citation", "label": "ACMG SF", "display": finding["secondary_list"], "url": url})
    return [{"url": RELATED_ARTIFACT, "valueRelatedArtifact": artifact} for artifact in artifacts]


def _transcript(finding: Finding) -> JsonObject:
    """The transcript in the system it is named in, and why it is that one; a gene's alias is in no system."""
    name, why = str(finding["transcript"]), str(finding["representative_by"]).replace("_", " ")
    text = f"{name} ({why})"
    if name.startswith(("NM_", "NR_", "XM_", "XR_")):
        return concept(REFSEQ, name, text=text)
    return concept(ENSEMBL, name, text=text) if name.startswith("ENS") else {"text": text}


def _term(name: str) -> JsonObject:
    """A consequence by its accession; by name alone where the ontology's list does not have it."""
    so = term(name).so
    return concept(SEQUENCE_ONTOLOGY, so, name) if so else {"text": name}
