"""The report as people read it, within the bundle: the page that was signed, as a document of the hospital's record."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha1

from engine.fhir.actors import Actors
from engine.fhir.codes import REPORT, JsonObject, named
from engine.fhir.resources import Entries
from engine.report.issue import Status

_TYPES = {".pdf": "application/pdf", ".html": "text/html"}


@dataclass(frozen=True)
class Document:
    """A report as a file.

    Attributes:
        name: of the file.
        content: its bytes.
    """

    name: str
    content: bytes

    @property
    def is_pdf(self) -> bool:
        """Whether it is a PDF; otherwise it is a page of HTML."""
        return self.name.endswith(".pdf")


def attachment(document: Document, issued: str) -> JsonObject:
    """A document with its content, size and SHA-1 (which FHIR asks for, of integrity and not of security)."""
    kind = next(kind for suffix, kind in _TYPES.items() if document.name.endswith(suffix))
    digest = sha1(document.content, usedforsecurity=False).digest()
    return {
        "contentType": kind,
        "language": "en",
        "data": base64.b64encode(document.content).decode(),
        "size": len(document.content),
        "hash": base64.b64encode(digest).decode(),
        "title": document.name,
        "creation": issued,
    }


def add_document(
    entries: Entries, sample: str, document: Document, status: Status, actors: Actors, report: JsonObject, issued: str
) -> JsonObject:
    """Add a DocumentReference to the page; of another version it is the same one, amended."""
    told: JsonObject = {
        "identifier": [entries.identifier("document", sample)],
        "status": "current",
        "docStatus": "amended" if status == "corrected" else status,
        "type": named(REPORT),
        "subject": actors.patient,
        "date": issued,
        "author": [actors.laboratory],
        "description": f"Report of sample {sample}",
        "content": [{"attachment": attachment(document, issued)}],
        "context": {"related": [report]},
    }
    told |= {"authenticator": actors.interpreter} if actors.interpreter else {}
    return entries.add("DocumentReference", f"report|{sample}", told)
