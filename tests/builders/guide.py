"""The examples of HL7's Genomics Reporting guide, as its package has them (see the LICENSE beside the file)."""

from __future__ import annotations

import copy
import json
import lzma
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]
EXAMPLES = Path(__file__).parent.parent / "engine" / "fhir" / "validation" / "data" / "guide_examples.json.xz"


def guide_examples() -> dict[str, JsonObject]:
    """Every example by name: 139 that follow a profile of the guide, and what they refer to."""
    return copy.deepcopy(_read())


def follow_the_guide(examples: dict[str, JsonObject]) -> dict[str, JsonObject]:
    """Of the examples those that say that they follow a profile of the guide."""
    return {
        name: example
        for name, example in examples.items()
        if any("/uv/genomics-reporting/" in url for url in example.get("meta", {}).get("profile", []))
    }


@cache
def _read() -> dict[str, JsonObject]:
    examples: dict[str, JsonObject] = json.loads(lzma.decompress(EXAMPLES.read_bytes()))
    return examples


def keep(package: Path) -> None:
    """Write the file from HL7's package: ``hl7.fhir.uv.genomics-reporting-3.0.0.tgz``."""
    with tarfile.open(package) as opened:
        files = [member for member in opened if member.name.startswith("package/example/")]
        read = {member.name: json.load(opened.extractfile(member)) for member in files if member.isfile()}  # type: ignore[arg-type]
    named = {name.rpartition("/")[2].removesuffix(".json"): one for name, one in read.items() if "resourceType" in one}
    text = json.dumps(named, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    EXAMPLES.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
