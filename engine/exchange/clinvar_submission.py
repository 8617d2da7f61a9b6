"""A submission to ClinVar: what people of the laboratory classified and signed, as its submission API takes it.

Source: https://www.ncbi.nlm.nih.gov/clinvar/docs/api_http, ``germlineSubmission``. Comments of people stay here: they
are written freely and could name a patient. Nobody is named, and no sample: how many persons carry an allele is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from engine.reference.accessions import bare_contig

_ACMG: Final = {"db": "PubMed", "id": "25741868"}
"""Criteria: Richards 2015."""
_WORDS: Final[Mapping[str, str]] = {
    "pathogenic": "Pathogenic",
    "likely_pathogenic": "Likely pathogenic",
    "uncertain_significance": "Uncertain significance",
    "likely_benign": "Likely benign",
    "benign": "Benign",
}
_DATABASES: Final = (("mondo", "MONDO"), ("omim", "OMIM"), ("orphanet", "Orphanet"))


@dataclass(frozen=True)
class Signed:
    """A finding of a signed report whose class a person decided.

    Attributes:
        row: of the findings table.
        build: ``GRCh37`` or ``GRCh38``.
        subject: pseudonym of the person, who may have several samples; it is not told.
    """

    row: Mapping[str, Any]
    build: str
    subject: str


def submission(signed: Iterable[Signed]) -> dict[str, Any]:
    """The submission of these, one record for an allele; of several persons' findings the last decision counts.

    Args:
        signed: findings of signed reports; those that nobody decided on are left out.
    """
    by_allele: dict[str, list[Signed]] = {}
    for one in signed:
        if one.row["decided_class"]:
            by_allele.setdefault(f"{one.build}-{one.row['allele']}", []).append(one)
    records = [_record(key, carried) for key, carried in sorted(by_allele.items())]
    return {
        "assertionCriteria": _ACMG,
        "clinvarSubmissionReleaseStatus": "public",
        "germlineSubmission": records,
    }


def _record(key: str, carried: list[Signed]) -> dict[str, Any]:
    last = max(carried, key=lambda one: str(one.row["decided_at"]))
    return {
        "localID": sha256(key.encode()).hexdigest()[:16],
        "recordStatus": "novel",
        "variantSet": {"variant": [_variant(last)]},
        "conditionSet": {"condition": [_condition(last.row)]},
        "germlineClassification": {
            "germlineClassificationDescription": _WORDS[last.row["decided_class"]],
            "dateLastEvaluated": str(last.row["decided_at"])[:10],
        },
        "observedIn": [
            {
                "alleleOrigin": "germline",
                "affectedStatus": "unknown",
                "collectionMethod": "clinical testing",
                "numberOfIndividuals": len({one.subject for one in carried}),
            }
        ],
    }


def _variant(one: Signed) -> dict[str, Any]:
    """By its place on the chromosome, which every allele has; in VCF's words, 1-based."""
    row = one.row
    place = {
        "assembly": one.build,
        "chromosome": bare_contig(row["contig"]),
        "start": row["position"],
        "stop": row["position"] + len(row["ref"]) - 1,
        "referenceAllele": row["ref"],
        "alternateAllele": row["alt"],
    }
    return {"chromosomeCoordinates": place} | ({"gene": [{"symbol": row["gene"]}]} if row["gene"] else {})


def _condition(row: Mapping[str, Any]) -> dict[str, str]:
    """The first condition that is meant, by the first database that has it."""
    told = (row["conditions"] or [{}])[0]
    for name, database in _DATABASES:
        if number := told.get(name):
            return {"db": database, "id": str(number) if database == "MONDO" else str(number).partition(":")[2]}
    return {"name": told["name"]} if told.get("name") else {"name": "not provided"}
