"""The cohort by GA4GH's Beacon v2: whether, and how often, an allele is there among people; never in whom.

https://docs.genomebeacons.org. The same question, counts and entry of the audit log as ``genomics beacon``; how few
people are answered as none is decided in :mod:`engine.cohort.disclosure`.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from engine.cohort.beacon import API_VERSION
from engine.cohort.study import StudyError
from engine.consent import ConsentError
from portal.clinic.admission import ROOT, RefusalError
from portal.clinic.exchange import service_info
from portal.clinic.may import MayAskCohort, MayEnter
from resources.beacon import PURPOSE, BeaconRequest, ask

router = APIRouter(prefix=f"{ROOT}/api/ga4gh/beacon/v2")
_ASIDE = frozenset(
    {
        *("filters", "requestedGranularity", "purpose"),
        *("apiVersion", "requestedSchema", "includeResultsetResponses", "skip", "limit"),
    }
)
"""Parameters beside the allele's; the protocol's own change nothing of an answer without records."""


@router.get("/service-info")
def service(request: Request, admitted: MayEnter) -> dict[str, Any]:
    """What this service is."""
    return service_info(request, admitted, "beacon", API_VERSION.removeprefix("v"), "Beacon")


@router.get("/g_variants")
def variants(
    request: Request,
    admitted: MayAskCohort,
    assembly: Annotated[str, Query(alias="assemblyId")] = "",
    reference: Annotated[str, Query(alias="referenceName")] = "",
    start: str = "",
    ref: Annotated[str, Query(alias="referenceBases")] = "",
    alt: Annotated[str, Query(alias="alternateBases")] = "",
    filters: Annotated[str, Query(description="an HPO term that people have, or a kind of it")] = "",
    granularity: Annotated[str, Query(alias="requestedGranularity")] = "count",
    purpose: Annotated[str, Query(description="who agreed to it is counted")] = PURPOSE,
) -> dict[str, Any]:
    """Whether or how often people have an allele, of whom ``start`` is 0-based; the answer of a Beacon v2."""
    sent = _sent(request)
    terms = [one for one in sent.get("filters", "").split(",") if one.strip()]
    parameters = {name: value for name, value in sent.items() if name not in _ASIDE}
    asked = BeaconRequest(parameters, terms, granularity, purpose)
    try:
        return ask(admitted.house.platform, asked, person=admitted.name)
    except (StudyError, ConsentError) as error:
        raise RefusalError(400, f"{error.problem}; {error.remedy}", visit=admitted.visit) from error


def _sent(request: Request) -> dict[str, str]:
    """The parameters of the address, all values of one with commas between them."""
    return {name: ",".join(request.query_params.getlist(name)) for name in request.query_params}
