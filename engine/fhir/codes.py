"""Codes and addresses of the HL7 Genomics Reporting guide 3.0.0 (FHIR R4), each once.

Source: package ``hl7.fhir.uv.genomics-reporting`` 3.0.0 (profiles, examples, its own code systems); LOINC answer lists
LL1971-2, LL2938-0, LL381-5, LL4034-6, LL5489-1, LL1040-6, LL541-4, LL1037-2; the Sequence Ontology. This material
contains content from LOINC (loinc.org), copyright Regenstrief Institute, Inc., available at no cost under its licence.
"""

from __future__ import annotations

import functools
from typing import Any

JsonObject = dict[str, Any]

GUIDE_VERSION = "3.0.0"
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting"
PROFILE = f"{GUIDE}/StructureDefinition/"

LOINC = "http://loinc.org"
TBD = f"{GUIDE}/CodeSystem/tbd-codes-cs"
SEQUENCE_ONTOLOGY = "http://www.sequenceontology.org"
HGNC = "http://www.genenames.org"
HGVS = "http://varnomen.hgvs.org"
REFSEQ = "http://www.ncbi.nlm.nih.gov/refseq"
ENSEMBL = "http://www.ensembl.org"
CLINVAR = "http://www.ncbi.nlm.nih.gov/clinvar"
DBSNP = "http://www.ncbi.nlm.nih.gov/projects/SNP"
MONDO = "http://purl.obolibrary.org/obo/mondo.owl"
OMIM = "http://www.omim.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
HPO = "http://human-phenotype-ontology.org"
UCUM = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
DIAGNOSTIC_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
PHASE_RELATIONSHIP = "http://terminology.hl7.org/CodeSystem/sequence-phase-relationship-cs"
CLINVAR_STARS = f"{GUIDE}/CodeSystem/clinvar-evidence-level-custom-cs"
METHOD_TYPE = f"{GUIDE}/CodeSystem/genomic-study-method-type-cs"
STUDY_TYPE = f"{GUIDE}/CodeSystem/genomic-study-type-cs"
DATA_FORMAT = f"{GUIDE}/CodeSystem/genomic-study-data-format-cs"
ANNOTATION_TYPE = f"{GUIDE}/CodeSystem/coded-annotation-types-cs"
PROVENANCE_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"

SECONDARY_FINDING = "http://hl7.org/fhir/StructureDefinition/observation-secondaryFinding"
RELATED_ARTIFACT = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"


def concept(system: str, code: str, display: str | None = None, *, text: str | None = None) -> JsonObject:
    """A CodeableConcept with one coding."""
    coding = {"system": system, "code": code, "display": display} if display else {"system": system, "code": code}
    return {"coding": [coding], "text": text} if text else {"coding": [coding]}


def extension(name: str, **value: Any) -> JsonObject:
    """An extension of the guide; several values make a complex one out of ``extension=[...]``."""
    return {"url": PROFILE + name, **value}


@functools.cache
def named(code: str) -> JsonObject:
    """What is observed: LOINC where the code begins with a digit, the guide's own system otherwise.

    The same for everybody who asks, as the constants below are: a bundle is written and never changed.
    """
    return concept(LOINC if code[0].isdigit() else TBD, code, DISPLAYS.get(code))


def component(code: str, **value: Any) -> JsonObject:
    """An Observation component; its code as of :func:`named`."""
    return {"code": named(code), **value}


def quantity(value: float, unit: str, code: str) -> JsonObject:
    """A Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


DISPLAYS = {
    "48000-4": "Chromosome [Identifier] in Blood or Tissue by Molecular genetics method",
    "48001-2": "Cytogenetic (chromosome) location",
    "48004-6": "DNA change (c.HGVS)",
    "48005-3": "Amino acid change (pHGVS)",
    "48018-6": "Gene studied [ID]",
    "48019-4": "DNA change type",
    "48002-0": "Genomic source class [Type]",
    "48013-7": "Genomic reference sequence [ID]",
    "51968-6": "Discrete variation analysis overall interpretation",
    "51969-4": "Genetic analysis report",
    "51958-7": "Transcript reference sequence [ID]",
    "51963-7": "Medication assessed",
    "53034-5": "Allelic state",
    "53040-2": "Genetic variation's effect on drug metabolism interpretation",
    "53037-8": "Genetic variation clinical significance [Imp]",
    "62374-4": "Human reference sequence assembly version",
    "69547-8": "Genomic ref allele [ID]",
    "69548-6": "Genetic variant assessment",
    "69551-0": "Genomic alt allele [ID]",
    "81247-9": "Master HL7 genetic variant reporting panel",
    "81250-3": "Discrete genetic variant panel",
    "81252-9": "Discrete genetic variant",
    "81254-5": "Genomic allele start-end",
    "81255-2": "dbSNP [ID]",
    "81258-6": "Sample variant allelic frequency [NFr]",
    "81259-4": "Associated phenotype",
    "81290-9": "Genomic DNA change (gHGVS)",
    "81293-3": "Description of ranges of DNA sequences examined",
    "81301-4": "DNA structural variant outer start and end [Range]",
    "81302-2": "DNA structural variant inner start and end [Range]",
    "81304-8": "Variant analysis method [Type]",
    "82118-1": "Pharmacogenomics results panel",
    "82120-7": "Allelic phase",
    "82121-5": "Allelic read depth",
    "82155-3": "Genomic structural variant copy number",
    "82309-6": "Basis for allelic phase [Type]",
    "84413-4": "Genotype display name",
    "84414-2": "Haplotype name",
    "92822-6": "Genomic coord system",
    "93044-6": "Level of evidence",
    "94186-4": "Origin of germline genetic variant [Type]",
    "condition-inheritance": "Condition Inheritance",
    "feature-consequence": "Feature Consequence",
    "repeat-motif": "Repeat Motif",
    "repeat-number": "Repeat Number",
    "therapeutic-implication": "Therapeutic Implication",
}
"""Displays of what is observed, as the guide's own examples or LOINC's long names have them."""

REPORT, VARIANT_ASSESSMENT, ALLELIC_PHASE = "51969-4", "69548-6", "82120-7"
GENOTYPE, HAPLOTYPE, MEDICATION, METABOLISM = "84413-4", "84414-2", "51963-7", "53040-2"

BUILDS = {"GRCh37": concept(LOINC, "LA14029-5", "GRCh37"), "GRCh38": concept(LOINC, "LA26806-2", "GRCh38")}
_CHROMOSOME_CODES = (
    "LA21254-0", "LA21255-7", "LA21256-5", "LA21257-3", "LA21258-1", "LA21259-9",
    "LA21260-7", "LA21261-5", "LA21262-3", "LA21263-1", "LA21264-9", "LA21265-6",
    "LA21266-4", "LA21267-2", "LA21268-0", "LA21269-8", "LA21270-6", "LA21271-4",
    "LA21272-2", "LA21273-0", "LA21274-8", "LA21275-5", "LA21276-3", "LA21277-1",
)  # fmt: skip
CHROMOSOMES = {
    name: concept(LOINC, code, f"Chromosome {name}")
    for name, code in zip([*map(str, range(1, 23)), "X", "Y"], _CHROMOSOME_CODES, strict=True)
}
"""By contig without ``chr``; the mitochondrion has no code."""
ZYGOSITY = {
    "heteroplasmic": concept(LOINC, "LA6703-8", "Heteroplasmic"),
    "homoplasmic": concept(LOINC, "LA6704-6", "Homoplasmic"),
    "homozygous": concept(LOINC, "LA6705-3", "Homozygous"),
    "heterozygous": concept(LOINC, "LA6706-1", "Heterozygous"),
    "hemizygous": concept(LOINC, "LA6707-9", "Hemizygous"),
}
ORIGIN = {
    "maternal": concept(LOINC, "LA26320-4", "Maternal"),
    "paternal": concept(LOINC, "LA26321-2", "Paternal"),
    "both parents": {"text": "Maternal and paternal"},
    "de novo": concept(LOINC, "LA26807-0", "De novo"),
}
SIGNIFICANCE = {
    "pathogenic": concept(LOINC, "LA6668-3", "Pathogenic"),
    "likely_pathogenic": concept(LOINC, "LA26332-9", "Likely pathogenic"),
    "uncertain_significance": concept(LOINC, "LA26333-7", "Uncertain significance"),
    "likely_benign": concept(LOINC, "LA26334-5", "Likely benign"),
    "benign": concept(LOINC, "LA6675-8", "Benign"),
}
STARS = ("no-star", "1-star", "2-star", "3-star", "4-star")
INHERITANCE = {
    "AD": concept(HPO, "HP:0000006", "Autosomal dominant inheritance"),
    "AR": concept(HPO, "HP:0000007", "Autosomal recessive inheritance"),
    "XL": concept(HPO, "HP:0001417", "X-linked inheritance"),
    "MT": concept(HPO, "HP:0001427", "Mitochondrial inheritance"),
}
CHANGE_TYPE = {
    "SNV": concept(SEQUENCE_ONTOLOGY, "SO:0001483", "SNV"),
    "deletion": concept(SEQUENCE_ONTOLOGY, "SO:0000159", "deletion"),
    "insertion": concept(SEQUENCE_ONTOLOGY, "SO:0000667", "insertion"),
    "duplication": concept(SEQUENCE_ONTOLOGY, "SO:1000035", "duplication"),
    "inversion": concept(SEQUENCE_ONTOLOGY, "SO:1000036", "inversion"),
    "delins": concept(SEQUENCE_ONTOLOGY, "SO:1000032", "delins"),
}
PHASE = {name.lower(): concept(PHASE_RELATIONSHIP, name, name) for name in ("Cis", "Trans", "Indeterminate", "Unknown")}
PHARMACOGENE_PHENOTYPE = {
    "Ultrarapid Metabolizer": concept(LOINC, "LA10315-2", "Ultrarapid metabolizer"),
    "Rapid Metabolizer": concept(LOINC, "LA25390-8", "Rapid metabolizer"),
    "Normal Metabolizer": concept(LOINC, "LA25391-6", "Normal metabolizer"),
    "Intermediate Metabolizer": concept(LOINC, "LA10317-8", "Intermediate metabolizer"),
    "Poor Metabolizer": concept(LOINC, "LA9657-3", "Poor metabolizer"),
    "Increased Function": concept(LOINC, "LA25392-4", "Increased function"),
    "Normal Function": concept(LOINC, "LA25393-2", "Normal function"),
    "Decreased Function": concept(LOINC, "LA25395-7", "Decreased function"),
    "Poor Function": concept(LOINC, "LA25394-0", "Poor function"),
}
"""By CPIC's term; its other terms have no code there."""
PRESENT = concept(LOINC, "LA9633-4", "Present")
NO_CALL = concept(LOINC, "LA18198-4", "No call")
SEQUENCING = concept(LOINC, "LA26398-0", "Sequencing")
GERMLINE = concept(LOINC, "LA6683-2", "Germline")
ONE_BASED = concept(LOINC, "LA30102-0", "1-based character counting")
POSITIVE = concept(LOINC, "LA6576-8", "Positive")
NEGATIVE = concept(LOINC, "LA6577-6", "Negative")
INCONCLUSIVE = concept(LOINC, "LA9663-1", "Inconclusive")
NEXT_STEP = {
    "genetic_counselling": concept(LOINC, "LA14020-4", "Genetic counseling recommended"),
    "confirmatory_testing": concept(LOINC, "LA14021-2", "Confirmatory testing recommended"),
    "additional_testing": concept(LOINC, "LA14022-0", "Additional testing recommended"),
}
"""Of LOINC's list LL1037-2."""
LABORATORY = concept(OBSERVATION_CATEGORY, "laboratory", "Laboratory")
GENETICS = concept(DIAGNOSTIC_SERVICE, "GE", "Genetics")
