"""Where everything came from: files with their digests, the tools as devices, and a Provenance for each step.

The chain starts at the FASTQ files: each Provenance names what was made, from what, by which versions of which tools
and with which knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.fhir.actors import Actors
from engine.fhir.codes import DATA_FORMAT, DATA_OPERATION, PROVENANCE_PARTICIPANT, JsonObject, concept
from engine.fhir.documents import content_type, data_format, documents
from engine.fhir.resources import Entries
from engine.receipt import Receipt
from engine.report.lineage import Lineage

_READS = "raw_reads"


@dataclass(frozen=True)
class Files:
    """References to the sample's files.

    Attributes:
        by_asset: DocumentReferences by asset, in the order of the lineage.
    """

    by_asset: dict[str, list[JsonObject]]


def add_files(entries: Entries, lineage: Lineage, actors: Actors, sample: str) -> Files:
    """Add a DocumentReference for each FASTQ, BAM and VCF file."""
    by_asset = {
        _READS: [
            _add_file(entries, actors, name, sha256, size=None, url=None, what=f"Reads of sample {sample}")
            for name, sha256 in sorted(lineage.reads.items())
        ]
    }
    for receipt in lineage.receipts:
        if receipt.asset == _READS:
            continue
        by_asset[receipt.asset] = [
            _add_file(
                entries,
                actors,
                file.name,
                file.sha256,
                size=file.bytes,
                url=_url(lineage, receipt, file.name),
                what=f"{receipt.asset.replace('_', ' ').capitalize()} of sample {sample}",
            )
            for file in documents(receipt)
        ]
    return Files(by_asset)


def _url(lineage: Lineage, receipt: Receipt, name: str) -> str | None:
    if lineage.location is None:
        return None
    return "/".join([lineage.location.rstrip("/"), receipt.asset, receipt.sample or "", receipt.data_version, name])


def _add_file(
    entries: Entries, actors: Actors, name: str, sha256: str, *, size: int | None, url: str | None, what: str
) -> JsonObject:
    attachment: JsonObject = {"contentType": content_type(name), "title": name}
    if url:
        attachment["url"] = url
    if size is not None and size < 2**31:
        attachment["size"] = size
    content: JsonObject = {"attachment": attachment}
    if code := data_format(name):
        content["format"] = {"system": DATA_FORMAT, "code": code}
    return entries.add(
        "DocumentReference",
        f"{name}|{sha256}",
        {
            "identifier": [entries.identifier("sha256", sha256)],
            "status": "current",
            "subject": actors.patient,
            "description": what,
            "content": [content],
        },
        profile="genomic-data-file",
    )


def add_devices(entries: Entries, tools: dict[str, str]) -> dict[str, JsonObject]:
    """Add a Device for each tool and version; references by tool."""
    return {
        name: entries.add(
            "Device",
            f"{name}|{version}",
            {
                "identifier": [entries.identifier("tool", f"{name} {version}")],
                "deviceName": [{"name": name, "type": "model-name"}],
                "version": [{"value": version}],
            },
        )
        for name, version in sorted(tools.items())
    }


def add_provenance(
    entries: Entries, lineage: Lineage, files: Files, actors: Actors, told: list[JsonObject], key: str, issued: str
) -> None:
    """Add one Provenance for each artifact with files, and one for what is told: the report first, then its results."""
    for receipt in lineage.receipts:
        targets = files.by_asset.get(receipt.asset, [])
        if receipt.asset != _READS and targets:
            sources = _sources(lineage, files, receipt.recipe.inputs)
            _add(entries, f"{receipt.asset}|{receipt.data_version}", targets, sources, actors, receipt, issued)
    made = lineage.receipts[-1] if lineage.receipts else None
    sources = _sources(lineage, files, [receipt.asset for receipt in lineage.receipts])
    _add(entries, key, told, [*files.by_asset[_READS], *sources], actors, made, issued, lineage)


def _sources(lineage: Lineage, files: Files, inputs: Iterable[str]) -> list[JsonObject]:
    """The files of the inputs; an input without files stands for those it was made from."""
    found: list[JsonObject] = []
    for name in inputs:
        receipt = lineage.receipt(name)
        here = files.by_asset.get(name, [])
        found += here or (_sources(lineage, files, receipt.recipe.inputs) if receipt else [])
    return _once(found)


def _add(
    entries: Entries,
    key: str,
    targets: list[JsonObject],
    sources: list[JsonObject],
    actors: Actors,
    receipt: Receipt | None,
    issued: str,
    lineage: Lineage | None = None,
) -> None:
    recipe = receipt.recipe if receipt else None
    tools = lineage.tools if lineage else dict(recipe.tools) if recipe else {}
    knowledge = lineage.knowledge if lineage else dict(recipe.knowledge) if recipe else {}
    devices = add_devices(entries, tools)
    made_by = [
        {"type": concept(PROVENANCE_PARTICIPANT, "assembler", "Assembler"), "who": device}
        for device in devices.values()
    ]
    answering = [{"type": concept(PROVENANCE_PARTICIPANT, "author", "Author"), "who": actors.laboratory}]
    if lineage and actors.interpreter:
        approver = {"type": concept(PROVENANCE_PARTICIPANT, "attester", "Attester"), "who": actors.interpreter}
        answering.append(approver | {"onBehalfOf": actors.laboratory})
    used = [{"role": "source", "what": reference} for reference in _once(sources)] + [
        {"role": "source", "what": {"identifier": entries.identifier(f"knowledge/{name}", version), "display": name}}
        for name, version in sorted(knowledge.items())
    ]
    used += [
        {"role": "source", "what": {"identifier": entries.identifier("artifact", version), "display": name}}
        for name, version in (lineage.kin.items() if lineage else ())
    ]
    content: JsonObject = {
        "target": targets,
        "recorded": issued,
        "activity": concept(DATA_OPERATION, "CREATE", "create"),
        "agent": [*answering, *made_by],
    }
    entries.add("Provenance", key, content | ({"entity": used} if used else {}))


def _once(references: list[JsonObject]) -> list[JsonObject]:
    """References without repetition, in order."""
    return list({reference["reference"]: reference for reference in references}.values())
