"""What is taken from the portal as files: reads and reference by byte ranges, reports, bundles, tables.

Bytes go by :meth:`resources.lake.Lake.read_range`, a part at a time; every request for a part is admitted and written
down like a page.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from engine.receipt import ArtifactFile, Receipt
from engine.report.case import UNCALLED_SUFFIX
from portal.clinic import cases
from portal.clinic.admission import ROOT, RefusalError
from portal.clinic.filters import Filters, chosen_filters
from portal.clinic.may import MayExport, MayList, MayReadDraft, MayReadReport, MaySeeReads
from portal.clinic.rendering import document_policy
from resources.environment import Resources
from resources.signing import Reports

router = APIRouter(prefix=ROOT, include_in_schema=False)
_PART = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_NOT_KEPT = {"Cache-Control": "private, no-store"}


@router.get("/cases/{case}/reads/{member}/{name}")
def reads(request: Request, admitted: MaySeeReads, case: str, member: str, name: str) -> Response:
    """Alignments or their index of the sample, its father or its mother, whole or by a range of bytes."""
    platform = admitted.house.platform
    one = cases.members_of(platform, admitted.case).get(member)
    receipt = platform.lake.receipt("aligned_reads", one.sample_id) if one else None
    tracks = [track for track in cases.tracks_of(platform, admitted.case) if track.member == member]
    if receipt is None or not tracks or name not in (tracks[0].file, tracks[0].index):
        raise RefusalError(404, "there are no such reads", visit=admitted.visit)
    return ranged(request, platform, receipt, name)


@router.get("/reference/{name}")
def reference(request: Request, admitted: MayList, name: str) -> Response:
    """The reference's FASTA or its indexes, which are nobody's."""
    platform = admitted.house.platform
    receipt = platform.lake.receipt("reference_genome")
    if receipt is None or name not in cases.reference_files(platform):
        raise RefusalError(404, "there is no such reference", visit=admitted.visit)
    return ranged(request, platform, receipt, name)


@router.get("/cases/{case}/report/page")
def draft_page(admitted: MayReadDraft, case: str) -> Response:
    """The report's page as it stands."""
    return _document(cases.page_file(admitted.house.platform, case, ".html").read_text())


@router.get("/cases/{case}/report/pdf")
def pdf(admitted: MayExport, case: str) -> Response:
    """The same as PDF, where this deployment makes one."""
    receipt = admitted.house.platform.gate.require("clinical_report", case)
    if not any(file.name.endswith(".pdf") for file in receipt.files):
        raise RefusalError(404, "no PDF is made here: print the page", visit=admitted.visit)
    content = cases.page_file(admitted.house.platform, case, ".pdf").read_bytes()
    return _download(content, "application/pdf", f"{case}.report.pdf")


@router.get("/cases/{case}/uncalled_genes.tsv")
def uncalled_genes(admitted: MayExport, case: str) -> Response:
    """All genes that could not be called throughout, where the page counts some of them."""
    receipt = admitted.house.platform.gate.require("clinical_report", case)
    if not any(file.name.endswith(UNCALLED_SUFFIX) for file in receipt.files):
        raise RefusalError(404, "the report's page names each gene that was not fully called", visit=admitted.visit)
    content = cases.page_file(admitted.house.platform, case, UNCALLED_SUFFIX).read_bytes()
    return _download(content, "text/tab-separated-values", f"{case}{UNCALLED_SUFFIX}")


@router.get("/cases/{case}/signed/{number}")
def signed_page(admitted: MayReadReport, case: str, number: int) -> Response:
    """A version as it was signed."""
    platform = admitted.house.platform
    _, receipt = Reports(platform).version(case, number)
    name = next(file.name for file in receipt.files if file.name.endswith(".html"))
    return _document(platform.lake.path(receipt, name).read_text())


@router.get("/cases/{case}/bundle")
def bundle(admitted: MayExport, case: str) -> Response:
    """The FHIR bundle as it stands."""
    platform = admitted.house.platform
    receipt = platform.gate.require("fhir_bundle", case)
    content = platform.lake.path(receipt, f"{case}.fhir.json").read_bytes()
    return _download(content, "application/fhir+json", f"{case}.fhir.json")


@router.get("/cases/{case}/findings.csv")
def table(admitted: MayExport, case: str) -> Response:
    """The findings' plain columns, for a spreadsheet; a text that a spreadsheet would run as a formula is quoted."""
    findings = cases.draft_of(admitted.house.platform, case).statement.findings
    columns = (
        [name for name, value in findings[0].row.items() if not isinstance(value, list | dict)] if findings else []
    )
    rows = [tuple(finding.row[name] for name in columns) for finding in findings]
    return _download(_csv(columns, rows), "text/csv", f"{case}.findings.csv")


@router.get("/cases.csv")
def list_table(
    admitted: MayList, state: str = "", report: str = "", stage: str = "", q: str = "", locked: str = ""
) -> Response:
    """The person's cases for a spreadsheet, by the same filters as the work list."""
    chosen = chosen_filters(admitted, Filters(state, report, stage, q.strip()), locked)
    rows = [row for row in admitted.house.rows(admitted.visit.person) if chosen.leave(row)]
    columns = ("sample", "order", "state", "stage", "since", "report", "version", "why", "to do")
    told = [
        (
            *(one.item.sample, one.order, one.item.state, one.item.stage, one.item.since),
            *(one.stage, one.version or None, one.item.why, one.item.todo),
        )
        for one in rows
    ]
    return _download(_csv(columns, told), "text/csv", "cases.csv")


def ranged(request: Request, platform: Resources, receipt: Receipt, name: str) -> Response:
    """A file of the lake, whole or the one range of bytes that is asked for (RFC 9110, section 14)."""
    (file,) = [one for one in receipt.files if one.name == name]
    asked = request.headers.get("range")
    span = _span(asked, file.bytes) if asked else (0, file.bytes)
    if span is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.bytes}"} | _NOT_KEPT)
    start, end = span
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start)} | _NOT_KEPT
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.bytes}"
    parts = _parts(platform, receipt, file, start, end)
    return StreamingResponse(parts, 206 if asked else 200, headers, "application/octet-stream")


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """The range, half-open; absent where it cannot be satisfied. Of several ranges none is."""
    found = _RANGE.fullmatch(asked.strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    return (start, end) if start < end else None


def _parts(platform: Resources, receipt: Receipt, file: ArtifactFile, start: int, end: int) -> Iterator[bytes]:
    for position in range(start, end, _PART):
        yield platform.lake.read_range(receipt, file.name, position, min(_PART, end - position))


def _document(html: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": document_policy(html)} | _NOT_KEPT)


def _download(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} | _NOT_KEPT
    return Response(content, media_type=kind, headers=headers)


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r") else value
