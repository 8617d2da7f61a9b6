"""A case's alignments by GA4GH's htsget 1.3: tickets for the whole file, its header, or what lies in a region.

https://samtools.github.io/hts-specs/htsget.html. A ticket's addresses are those of the portal's reads, to be asked for
with the same visit, each range an entry of the audit log; which bytes they are, :mod:`engine.exchange.htsget` says.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from engine.exchange.htsget import VERSION, Asked, HtsgetError, Part, bam_slice, cram_contigs, cram_slice
from portal.clinic.admission import ROOT, Admitted
from portal.clinic.exchange import alignments
from portal.clinic.may import MayEnter, MaySeeReads
from resources.environment import Resources

router = APIRouter(prefix=f"{ROOT}/api/htsget/reads")
_STATUS = {"NotFound": 404}
"""Of what the specification answers otherwise than by 400."""
_KIND = f"application/vnd.ga4gh.htsget.v{VERSION}+json"
Place = Annotated[int | None, Query(ge=0, lt=1 << 32)]


@router.get("/service-info")
def service(request: Request, admitted: MayEnter) -> dict[str, Any]:
    """What this service is, after GA4GH's service-info."""
    laboratory = admitted.house.platform.settings.laboratory
    kept = admitted.house.platform.settings.alignment_format.upper()
    return {
        "id": f"{laboratory.system}/htsget",
        "name": f"Alignments of {laboratory.name}",
        "type": {"group": "org.ga4gh", "artifact": "htsget", "version": VERSION},
        "organization": {"name": laboratory.name, "url": laboratory.system},
        "version": request.app.version,
        "htsget": {
            "datatype": "reads",
            "formats": [kept],
            "fieldsParametersEffective": False,
            "tagsParametersEffective": False,
        },
    }


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
    kept = admitted.house.platform.settings.alignment_format.upper()
    try:
        if format.upper() not in ("", kept):
            raise HtsgetError("UnsupportedFormat", f"no {format[:20]} is kept here", remedy=f"ask for {kept}")
        asked = Asked.of(reference, start, end, wanted)
        name, url = alignments(request, admitted)
        parts = [] if asked.is_all else _parts(admitted, name, asked)
    except HtsgetError as error:
        told = {"error": error.kind, "message": f"{error.problem}; {error.remedy}"}
        return _answer({"htsget": told}, _STATUS.get(error.kind, 400))
    urls = [_told(one, url) for one in parts] or [{"url": url}]
    return _answer({"htsget": {"format": kept, "urls": urls}})


def _parts(admitted: Admitted, name: str, asked: Asked) -> list[Part]:
    """The parts of the case's own alignments; none, for the whole file, where its index is of another kind than BAI."""
    platform: Resources = admitted.house.platform
    receipt = platform.lake.require("aligned_reads", admitted.case.sample_id)
    index = next(file.name for file in receipt.files if file.name.startswith(name) and file.name != name)
    size = receipt.file(name).bytes

    def read(position: int, length: int) -> bytes:
        return platform.lake.read_range(receipt, name, position, length)

    path = platform.lake.path(receipt, index)
    if index.endswith(".crai"):
        return cram_slice(read, size, path.read_bytes(), cram_contigs(read, size, path.read_bytes()), asked)
    return bam_slice(read, size, path, asked) if index.endswith(".bai") else []


def _told(part: Part, url: str) -> dict[str, Any]:
    if part.content:
        return {
            "url": f"data:application/octet-stream;base64,{b64encode(part.content).decode()}",
            "class": part.part,
        }
    return {"url": url, "headers": {"Range": f"bytes={part.start}-{part.end - 1}"}, "class": part.part}


def _answer(told: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(told, status, {"Cache-Control": "no-store"}, _KIND)
