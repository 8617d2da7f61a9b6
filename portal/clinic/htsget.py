"""A case's alignments by GA4GH's htsget 1.3: tickets for the whole file, its header, or what lies in a region.

https://samtools.github.io/hts-specs/htsget.html. A ticket's addresses are those of the portal's reads, to be asked for
with the same visit, each range an entry of the audit log; which bytes they are, :mod:`engine.exchange.htsget` says.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from engine.exchange.htsget import VERSION, Asked, HtsgetError, Part, bam_slice, cram_contigs, cram_slice
from portal.clinic.admission import ROOT, Admitted, needs
from portal.clinic.exchange import alignments, service_info
from portal.clinic.may import MayEnter, MaySeeReads
from portal.clinic.rights import Action
from resources.environment import Resources

router = APIRouter(prefix=f"{ROOT}/api/htsget/reads")
_STATUS = {"NotFound": 404, "PayloadTooLarge": 413}
"""Of what the specification answers otherwise than by 400."""
_KIND = f"application/vnd.ga4gh.htsget.v{VERSION}+json"
_MOST_REGIONS = 200
"""Of one question: each stands in the audit log."""
Place = Annotated[int | None, Query(ge=0, lt=1 << 32)]
Base = Annotated[int | None, Field(ge=0, lt=1 << 32)]


class Region(BaseModel):
    """A region that is asked for, 0-based half-open."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reference: Annotated[str, Field(alias="referenceName", min_length=1, max_length=100)]
    start: Base = None
    end: Base = None

    def __str__(self) -> str:
        told = {"referenceName": self.reference, "start": self.start, "end": self.end}
        return " ".join(f"{name}={value}" for name, value in told.items() if value is not None)


class Question(BaseModel):
    """What htsget's POST is asked for: of all, of the header (``class``), or of regions."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: str = ""
    wanted: Annotated[str, Field(alias="class")] = ""
    fields: list[str] | None = None
    tags: list[str] | None = None
    notags: list[str] | None = None
    regions: Annotated[list[Region] | None, Field(min_length=1)] = None

    @property
    def asked(self) -> list[Asked]:
        """What is asked for; HtsgetError where that is not as the specification has it."""
        regions, listed = self.regions or [], (self.fields, self.tags, self.notags, self.regions)
        if self.wanted and any(one is not None for one in listed):
            raise HtsgetError("InvalidInput", "beside class stands more than format", remedy="ask for one of them")
        if {*(self.tags or ())} & {*(self.notags or ())}:
            raise HtsgetError("InvalidInput", "a tag is in tags and in notags", remedy="name it in one of them")
        if len(regions) > _MOST_REGIONS:
            remedy = f"ask for {_MOST_REGIONS} at once"
            raise HtsgetError("PayloadTooLarge", f"{len(regions):,} regions are asked for", remedy=remedy)
        if any(one.end is not None and one.start == one.end for one in regions):
            raise HtsgetError("InvalidRange", "a region has no bases", remedy="let end be greater than start")
        return [Asked.of(one.reference, one.start, one.end, "") for one in regions] or [
            Asked.of("", None, None, self.wanted)
        ]


def _told_of(question: Mapping[str, Any]) -> str:
    """The regions, for the audit log; of a question that is not understood nothing is given either."""
    try:
        regions = Question.model_validate(question).regions or []
    except ValidationError:
        return ""
    return ", ".join(str(one) for one in regions[:_MOST_REGIONS]).encode("utf-8", "replace").decode()


def _described() -> dict[str, Any]:
    """The body in the API's description; a region stands in it, for references would lead elsewhere there."""
    schema = Question.model_json_schema()
    region = schema.pop("$defs")["Region"]
    schema["properties"]["regions"]["anyOf"][0]["items"] = region
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


MayAskForReads = Annotated[Admitted, Depends(needs(Action.READS, told=_told_of))]


@router.get("/service-info")
def service(request: Request, admitted: MayEnter) -> dict[str, Any]:
    """What this service is, after GA4GH's service-info."""
    kept = admitted.house.platform.settings.alignment_format.upper()
    told = {
        "datatype": "reads",
        "formats": [kept],
        "fieldsParametersEffective": False,
        "tagsParametersEffective": False,
    }
    return service_info(request, admitted, "htsget", VERSION, "Alignments") | {"htsget": told}


@router.get("/{case}")
def ticket(
    request: Request,
    admitted: MaySeeReads,
    case: str,
    format: str = "",
    reference: Annotated[str, Query(alias="referenceName")] = "",
    start: Place = None,
    end: Place = None,
    wanted: Annotated[str, Query(alias="class")] = "",
) -> JSONResponse:
    """Where the sample's alignments are: all, the header (``class=header``), or a region's, 0-based half-open."""
    return _ticket(request, admitted, format, lambda: [Asked.of(reference, start, end, wanted)])


@router.post("/{case}", openapi_extra=_described())
def ticket_of_regions(request: Request, admitted: MayAskForReads, case: str) -> JSONResponse:
    """The same of a JSON body, of several regions at once; the header ``X-CSRF-Token`` is the visit's secret."""
    try:
        question = _question(request, admitted)
    except HtsgetError as error:
        return _refused(error)
    return _ticket(request, admitted, question.format, lambda: question.asked)


def _question(request: Request, admitted: Admitted) -> Question:
    if request.query_params:
        raise HtsgetError("InvalidInput", "the address has parameters", remedy="write them into the body")
    try:
        return Question.model_validate(admitted.question)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:100]
        remedy = "write format, class, or regions with referenceName, start and end, as htsget 1.3 has them"
        raise HtsgetError("InvalidInput", f"{place}: {first['msg']}", remedy=remedy) from error


def _ticket(request: Request, admitted: Admitted, format: str, read: Callable[[], Sequence[Asked]]) -> JSONResponse:
    """Where that is which is asked for; what cannot be had, in the specification's words."""
    kept = admitted.house.platform.settings.alignment_format.upper()
    try:
        if format.upper() not in ("", kept):
            raise HtsgetError("UnsupportedFormat", f"no {format[:20]} is kept here", remedy=f"ask for {kept}")
        asked = read()
        name, url = alignments(request, admitted)
        parts = [] if any(one.is_all for one in asked) else _parts(admitted, name, asked)
    except HtsgetError as error:
        return _refused(error)
    urls = [_told(one, url) for one in parts] or [{"url": url}]
    return _answer({"htsget": {"format": kept, "urls": urls}})


def _refused(error: HtsgetError) -> JSONResponse:
    told = {"error": error.kind, "message": f"{error.problem}; {error.remedy}"}
    return _answer({"htsget": told}, _STATUS.get(error.kind, 400))


def _parts(admitted: Admitted, name: str, asked: Sequence[Asked]) -> list[Part]:
    """The parts of the case's own alignments."""
    platform: Resources = admitted.house.platform
    receipt = platform.lake.require("aligned_reads", admitted.case.sample_id)
    index = next(file.name for file in receipt.files if file.name.startswith(name) and file.name != name)
    size = receipt.file(name).bytes

    def read(position: int, length: int) -> bytes:
        return platform.lake.read_range(receipt, name, position, length)

    path = platform.lake.path(receipt, index)
    if index.endswith(".crai"):
        return cram_slice(read, size, path.read_bytes(), cram_contigs(read, size, path.read_bytes()), *asked)
    return bam_slice(read, size, path, *asked)


def _told(part: Part, url: str) -> dict[str, Any]:
    if part.content:
        return {
            "url": f"data:application/octet-stream;base64,{b64encode(part.content).decode()}",
            "class": part.part,
        }
    return {"url": url, "headers": {"Range": f"bytes={part.start}-{part.end - 1}"}, "class": part.part}


def _answer(told: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(told, status, {"Cache-Control": "no-store"}, _KIND)
