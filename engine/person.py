"""What is known of the person a sample was taken from, beside the reads: one value, from the sheet to the report.

The sheet states it, the registry keeps it, and interpretation, cohort and report are handed the same value; so a new
fact is one more field of :class:`Person` and a column in :mod:`engine.reads.sample_sheet_columns`. Who the person is
(:class:`Identity`) is kept by the registry alone, and told only in a report that goes to a clinician.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sex(StrEnum):
    """Sex as the laboratory states it, in FHIR's administrative terms."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Person:
    """A person as the laboratory and the order describe them, by pseudonyms.

    Attributes:
        subject_id: pseudonym of the person; several samples may share it.
        sex: as the laboratory states it.
        family_id: pseudonym of the family, absent where none was stated.
        father_id: sample id of the father, absent where he is not sequenced.
        mother_id: sample id of the mother, absent where she is not sequenced.
        phenotype: HPO terms in the order stated, each once.
        order_id: the order that the report answers, absent where there is none.
        ordered_genes: symbols of the genes that the order asks about, in the order stated.
        panel: name of the gene panel that the order asks about, absent where it names none.
        secondary_findings_consent: whether the person agreed to hear of findings that nobody asked about.
        drug_response: whether the response to drugs was ordered, or the person agreed to hear of it.
        research_consent: what the data may be used for in research, each as :data:`engine.consent.CONSENT`.
        ancestry: population that the person belongs to, as stated; absent where nobody stated it.
        polygenic_scores: whether polygenic scores were ordered, or the person agreed to hear of them.
    """

    subject_id: str
    sex: Sex = Sex.UNKNOWN
    family_id: str | None = None
    father_id: str | None = None
    mother_id: str | None = None
    phenotype: tuple[str, ...] = ()
    order_id: str | None = None
    ordered_genes: tuple[str, ...] = ()
    panel: str | None = None
    secondary_findings_consent: bool = False
    drug_response: bool = False
    research_consent: tuple[str, ...] = ()
    ancestry: str | None = None
    polygenic_scores: bool = False


@dataclass(frozen=True)
class Identity:
    """Who a person is.

    Attributes:
        subject_id: pseudonym of the person.
        sex: as all sheets state it together, or the hospital.
        mrn: medical record number, absent until identified.
        mrn_system: URI of who assigned it, below which it is unique; there where the number is.
        name: the whole name as it is to be shown, absent where only its parts are known.
        family: family name, absent where only the whole name is known.
        given: given names in order, empty where only the whole name is known.
        birth_date: ISO 8601 date, absent until identified.
        identified: UTC time, ISO 8601, when this was said, absent until identified.
    """

    subject_id: str
    sex: Sex = Sex.UNKNOWN
    mrn: str | None = None
    name: str | None = None
    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: str | None = None
    mrn_system: str | None = None
    identified: str | None = None
