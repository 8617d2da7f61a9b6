"""A case in the formats of GA4GH and HL7: Phenopacket, VA-Spec statements, alignments by DRS 1.4, cards of CDS Hooks.

DRS: https://ga4gh.github.io/data-repository-service-schemas. An object is a case's alignments, its id the case's; the
bytes are had at its address with the rights of whoever asks, a range at a time.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request

from engine.classify.ledger import statements
from engine.errors import ToolError
from engine.exchange.cds_hooks import SERVICE, cards
from engine.exchange.phenopacket import VrsId, phenopacket
from engine.exchange.vrs import vrs_id
from portal.clinic import cases
from portal.clinic.admission import ROOT, Admitted, RefusalError
from portal.clinic.may import MayEnter, MayExport, MayReadReport, MaySeeReads
from resources.environment import Resources

router = APIRouter(prefix=f"{ROOT}/api")
DRS = "/ga4gh/drs/v1"


@router.get("/cases/{case}/phenopacket")
def packet(admitted: MayExport, case: str) -> dict[str, Any]:
    """What is said of the case now, as a Phenopacket 2.0; interpretations are in progress until somebody has signed."""
    platform = admitted.house.platform
    draft = cases.draft_of(platform, case)
    names = platform.lake.receipt("phenotypes") if draft.statement.case.person.phenotype else None
    release = str(names.measures.get("release", "")) if names else ""
    return phenopacket(draft.statement, draft.issue, release, _ids(platform))


@router.get("/cases/{case}/statements")
def classifications(admitted: MayExport, case: str) -> dict[str, Any]:
    """Each classification of the case's findings as a VA-Spec 1.0 statement with its lines of evidence."""
    draft = cases.draft_of(admitted.house.platform, case)
    said = statements(one.row for one in draft.statement.findings)
    return {"sample": case, "stage": draft.issue.stage, "digest": draft.statement.digest, "statements": said}


@router.get("/cds-services")
def services(admitted: MayEnter) -> dict[str, Any]:
    """The service of decision support, after CDS Hooks 2.0."""
    return {"services": [SERVICE]}


@router.get("/cases/{case}/cds-services/drug-response")
def drug_response(admitted: MayReadReport, case: str, drug: str = "") -> dict[str, Any]:
    """The cards of CDS Hooks for a drug, by RxNorm's number or its name; of the signed report alone."""
    draft = cases.draft_of(admitted.house.platform, case)
    signature = draft.issue.signature
    if signature is None:
        raise RefusalError(409, "what is said now has not been signed", visit=admitted.visit)
    said = draft.statement.drug_response
    signed_by = f"{signature.person}, {signature.recorded[:10]}"
    return {"cards": cards(said, drug, signed_by=signed_by) if said else []}


@router.get(f"{DRS}/service-info")
def service(request: Request, admitted: MayEnter) -> dict[str, Any]:
    """What this service is."""
    return service_info(request, admitted, "drs", "1.4.0", "Alignments")


@router.get(f"{DRS}/objects/{{case}}")
def drs_object(request: Request, admitted: MaySeeReads, case: str) -> dict[str, Any]:
    """The case's alignments: size, digest, and where the bytes are."""
    platform = admitted.house.platform
    file, url = alignments(request, admitted)
    receipt = platform.lake.require("aligned_reads", case)
    (kept,) = [one for one in receipt.files if one.name == file]
    return {
        "id": case,
        "name": file,
        "self_uri": f"drs://{request.url.netloc}/{quote(case)}",
        "size": kept.bytes,
        "created_time": receipt.created,
        "version": receipt.data_version,
        "mime_type": "application/octet-stream",
        "checksums": [{"type": "sha-256", "checksum": kept.sha256}],
        "access_methods": [{"type": "https", "access_url": {"url": url}}],
    }


def service_info(request: Request, admitted: Admitted, artifact: str, version: str, what: str) -> dict[str, Any]:
    """What one of the services after GA4GH is, as GA4GH's service-info 1.0 tells it.

    Args:
        request: that asks.
        admitted: it.
        artifact: the specification's name.
        version: of the specification.
        what: is had there.
    """
    laboratory = admitted.house.platform.settings.laboratory
    return {
        "id": f"{laboratory.system}/{artifact}",
        "name": f"{what} of {laboratory.name}",
        "type": {"group": "org.ga4gh", "artifact": artifact, "version": version},
        "organization": {"name": laboratory.name, "url": laboratory.system},
        "version": request.app.version,
    }


def alignments(request: Request, admitted: Admitted) -> tuple[str, str]:
    """Name and address of the case's own alignments; RefusalError where there are none."""
    own = [one for one in cases.tracks_of(admitted.house.platform, admitted.case) if one.member == "own"]
    if not own:
        raise RefusalError(404, "there are no such reads", visit=admitted.visit)
    path = f"{ROOT}/cases/{quote(own[0].sample)}/reads/own/{quote(own[0].file)}"
    return own[0].file, f"{request.url.scheme}://{request.url.netloc}{path}"


def _ids(platform: Resources) -> VrsId:
    """VRS ids by the deployment's reference; of none where GA4GH's library is not installed."""
    receipt = platform.lake.require("reference_genome")
    fasta, *_ = [platform.lake.path(receipt, name) for name in cases.reference_files(platform)]

    def known(contig: str, position: int, ref: str, alt: str) -> str | None:
        try:
            return vrs_id(fasta, contig, position, ref, alt)
        except ToolError:
            return None

    return known
