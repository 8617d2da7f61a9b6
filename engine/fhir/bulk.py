"""Many reports at once: NDJSON files, one for each resource type, for a server's ``$import`` (Azure's FHIR service).

For the first filling of a server; what comes later is delivered report by report.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.fhir.codes import JsonObject
from engine.fhir.transactions import Resources
from engine.receipt import canonical_json

REQUEST = "import.json"


def write_bulk(folder: Path, reports: Iterable[Resources], base: str) -> dict[str, int]:
    """Write the resources of reports below ``folder``, each once, and the request that imports them.

    Args:
        folder: takes ``Patient.ndjson`` and so on, and :data:`REQUEST`.
        reports: as :func:`engine.fhir.transactions.addressed` gives them.
        base: URL below which the server will read the files.

    Returns:
        resources by type, in the order of the types' names.
    """
    whole: Resources = {}
    for report in reports:
        whole |= report
    kinds = sorted({resource["resourceType"] for resource in whole.values()})
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for kind in kinds:
        lines = [canonical_json(whole[place]) for place in sorted(whole) if whole[place]["resourceType"] == kind]
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n")
        counts[kind] = len(lines)
    (folder / REQUEST).write_text(canonical_json(_request(kinds, base.rstrip("/")), indent=2) + "\n")
    return counts


def _request(kinds: list[str], base: str) -> JsonObject:
    """The body of ``POST [server]/$import``."""
    inputs = [
        {
            "name": "input",
            "part": [
                {"name": "type", "valueString": kind},
                {"name": "url", "valueUri": f"{base}/{kind}.ndjson"},
            ],
        }
        for kind in kinds
    ]
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "inputFormat", "valueString": "application/fhir+ndjson"},
            {"name": "mode", "valueString": "IncrementalLoad"},
            *inputs,
        ],
    }
