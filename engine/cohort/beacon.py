"""Answers after GA4GH's Beacon v2: whether, and how often, an allele is there among people; never in whom.

Written after the specification (https://docs.genomebeacons.org, Apache 2.0): the response of granularity ``boolean`` or
``count`` for the entry type ``genomicVariant``. Its shape is stated as JSON Schema in :data:`SCHEMA`. What may leave is
decided in :mod:`engine.cohort.disclosure`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.cohort.disclosure import TOLD, disclosed
from engine.cohort.study import StudyError, allele_of

API_VERSION = "v2.0.0"
ENTITY = {"entityType": "genomicVariant", "schema": "ga4gh-beacon-variant-v2.0.0"}
GRANULARITIES = ("boolean", "count")


@dataclass(frozen=True)
class BeaconQuestion:
    """What a Beacon is asked.

    Attributes:
        assembly: ``GRCh37`` or ``GRCh38``.
        allele: ``contig-position-ref-alt``, position 1-based, contig without ``chr``.
        filters: the HPO term that people must have, with its kinds; empty for all people.
        granularity: one of :data:`GRANULARITIES`.
    """

    assembly: str
    allele: str
    filters: tuple[str, ...] = ()
    granularity: str = "count"

    @classmethod
    def of(cls, parameters: Mapping[str, str], filters: Sequence[str], granularity: str, build: str) -> BeaconQuestion:
        """The question that request parameters ask, whose ``start`` is 0-based.

        Raises:
            StudyError: a parameter is missing, has no meaning or is none of these, which would make it another
                question; there are several filters, all of which a Beacon's people must have; or the build is
                another one than is held.
        """
        if len(filters) > 1:
            raise StudyError(f"{len(filters)} filters are given", remedy="ask with one HPO term")
        others = sorted(set(parameters) - set(_PARAMETERS))
        if others:
            raise StudyError(
                f"nothing is answered by {', '.join(others)[:100]}", remedy=f"give {', '.join(_PARAMETERS)} alone"
            )
        missing = [name for name in _PARAMETERS if not parameters.get(name)]
        if missing:
            raise StudyError(f"the request lacks {', '.join(missing)}", remedy=f"give {', '.join(_PARAMETERS)}")
        if parameters["assemblyId"] != build:
            raise StudyError(f"there is nothing of {parameters['assemblyId']!r} here", remedy=f"ask of {build}")
        if granularity not in GRANULARITIES:
            raise StudyError(f"nothing is answered as {granularity!r}", remedy="ask for boolean or count")
        if not re.fullmatch("[0-9]{1,9}", parameters["start"]):
            raise StudyError(f"start is {parameters['start'][:20]!r}", remedy="give a 0-based position")
        place = (parameters["referenceName"], str(int(parameters["start"]) + 1))
        allele = allele_of("-".join((*place, parameters["referenceBases"], parameters["alternateBases"])))
        return cls(build, allele, tuple(filters), granularity)

    @property
    def parameters(self) -> dict[str, Any]:
        """As a request has them."""
        contig, position, ref, alt = self.allele.rsplit("-", 3)
        values = (self.assembly, contig, int(position) - 1, ref, alt)
        return dict(zip(_PARAMETERS, values, strict=True))


_PARAMETERS = ("assemblyId", "referenceName", "start", "referenceBases", "alternateBases")


def id_below(system: str) -> str:
    """The Beacon's id of a laboratory, out of the URI below which its identifiers are unique.

    >>> id_below("https://genomics.example.org/lab"), id_below("urn:oid:1.2.3")
    ('org.example.genomics.beacon', 'urn.oid.1.2.3.beacon')
    """
    host = urlsplit(system).hostname
    parts = reversed(host.split(".")) if host else re.split("[:./]", system)
    return ".".join([*(re.sub("[^a-z0-9-]", "-", one.lower()) for one in parts if one), "beacon"])


def answer(question: BeaconQuestion, count: int, of: int, beacon: str) -> dict[str, Any]:
    """The response to a question.

    Args:
        question: that was asked.
        count: how many people carry the allele.
        of: of how many, which a question about a common allele tells outside.
        beacon: id of the Beacon, a reversed domain name.
    """
    told = disclosed(count, of)
    summary: dict[str, Any] = {"exists": told is not None}
    if question.granularity == "count":
        summary["numTotalResults"] = told or 0
    return {
        "meta": {
            "beaconId": beacon,
            "apiVersion": API_VERSION,
            "returnedSchemas": [ENTITY],
            "returnedGranularity": question.granularity,
            "receivedRequestSummary": {
                "apiVersion": API_VERSION,
                "requestedSchemas": [ENTITY],
                "requestedGranularity": question.granularity,
                "pagination": {"skip": 0, "limit": 0},
                "requestParameters": {"g_variant": question.parameters},
                "filters": list(question.filters),
            },
        },
        "responseSummary": summary,
        "info": {"disclosure": TOLD},
    }


_TEXT = {"type": "string", "minLength": 1}
_SCHEMAS = {
    "type": "array",
    "items": {"type": "object", "required": ["entityType", "schema"], "additionalProperties": _TEXT},
}
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["meta", "responseSummary"],
    "additionalProperties": False,
    "properties": {
        "meta": {
            "type": "object",
            "required": [
                *("beaconId", "apiVersion", "returnedSchemas", "returnedGranularity", "receivedRequestSummary"),
            ],
            "properties": {
                "beaconId": {"type": "string", "pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"},
                "apiVersion": {"type": "string", "pattern": r"^v[0-9]+\.[0-9]+(\.[0-9]+)?$"},
                "returnedSchemas": _SCHEMAS,
                "returnedGranularity": {"enum": list(GRANULARITIES)},
                "receivedRequestSummary": {
                    "type": "object",
                    "required": ["apiVersion", "requestedSchemas", "pagination", "requestedGranularity"],
                    "properties": {
                        "requestedSchemas": _SCHEMAS,
                        "requestedGranularity": {"enum": ["boolean", "count", "record"]},
                        "pagination": {"type": "object"},
                        "requestParameters": {"type": "object", "additionalProperties": {"type": "object"}},
                        "filters": {"type": "array", "items": _TEXT},
                    },
                },
            },
        },
        "responseSummary": {
            "type": "object",
            "required": ["exists"],
            "additionalProperties": False,
            "properties": {"exists": {"type": "boolean"}, "numTotalResults": {"type": "integer", "minimum": 0}},
        },
        "info": {"type": "object"},
    },
}
"""The shape of an answer, for whoever checks one: ``jsonschema.validate(answer, SCHEMA)``."""
