"""``make fhir-definitions``: HL7's definitions, from its npm packages to the file that the validator reads.

Only what a validator needs is kept of the structures that the guide and our bundles use: no texts, no mappings. Run
again it writes the same bytes; a newer guide is a change of :data:`PACKAGES`.
"""

from __future__ import annotations

import argparse
import json
import lzma
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.fhir.codes import CHROMOSOMES, LOINC
from engine.fhir.validation.definitions import DEFINITIONS

JsonObject = dict[str, Any]

PACKAGES = {
    "hl7.fhir.uv.genomics-reporting": "3.0.0",
    "hl7.fhir.r4.examples": "4.0.1",
    "hl7.fhir.uv.extensions.r4": "5.3.0-ballot-tc1",
    "hl7.terminology.r4": "7.0.1",
}
"""Version by name; where two define the same, the earlier one is taken. All are CC0."""

RESOURCES = (
    *("Basic", "Bundle", "Device", "DiagnosticReport", "DocumentReference"),
    *("MedicationKnowledge", "MedicationStatement"),
    *(
        "MolecularSequence",
        "Observation",
        "OperationOutcome",
        "Organization",
        "Parameters",
        "Patient",
        "PlanDefinition",
    ),
    *("Practitioner", "PractitionerRole", "Procedure", "Provenance", "RiskAssessment", "ServiceRequest", "Specimen"),
    *("Task",),
)
"""The resource types of the guide's examples, of our bundles and of what goes beside them."""

_CORE = "http://hl7.org/fhir/StructureDefinition/"
EXTENSIONS = tuple(
    _CORE + name
    for name in (
        *("bodySite", "observation-secondaryFinding", "workflow-relatedArtifact", "workflow-supportingInfo"),
        *("hla-genotyping-results-allele-database", "hla-genotyping-results-glstring", "data-absent-reason"),
        *("workflow-researchStudy", "observation-bodyPosition", "patient-genderIdentity"),
    )
)
"""Extensions of FHIR itself that the guide's profiles or examples use."""

ANSWER_LISTS = {
    "http://loinc.org/vs/LL2938-0": [str(code["coding"][0]["code"]) for code in CHROMOSOMES.values()],
    "http://loinc.org/vs/LL1971-2": ["LA9633-4", "LA9634-2", "LA18198-4", "LA11884-6"],
}
"""LOINC's answers, which no package has."""


def main() -> None:
    """Fetch the packages and write the file."""
    parser = argparse.ArgumentParser(prog="make fhir-definitions", description=__doc__)
    parser.add_argument("--packages", type=Path, help="a folder with the packages, if they are at hand")
    parser.add_argument("--output", type=Path, default=DEFINITIONS)
    parser.add_argument("--fetch", type=Path, metavar="FOLDER", help="only fetch the packages, where they are not yet")
    arguments = parser.parse_args()
    if arguments.fetch:
        fetch(arguments.fetch)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.packages or fetch(Path(scratch))
        arguments.output.write_bytes(packed(folder))


def fetch(folder: Path) -> Path:
    """Have npm put the packages into ``folder``, those that are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    lacking = {name: version for name, version in PACKAGES.items() if not (folder / f"{name}-{version}.tgz").exists()}
    names = [f"{name}@{version}" for name, version in lacking.items()]
    if names:
        subprocess.run(["npm", "pack", "--silent", *names], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def packed(folder: Path) -> bytes:
    """The file's bytes, from the packages in ``folder``."""
    text = json.dumps(definitions(folder), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return lzma.compress(text.encode(), format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)


def definitions(folder: Path) -> JsonObject:
    """Structures, value sets and invariants as :class:`engine.fhir.validation.definitions.Definitions` reads them."""
    known = _read(folder)
    rules: dict[tuple[str, str, str, str], int] = {}
    chosen = _reachable(known["StructureDefinition"])
    structures = {url: _structure(known["StructureDefinition"][url], rules) for url in chosen}
    bound = {e["codes"] for structure in structures.values() for e in structure["elements"] if "codes" in e}
    return {
        "packages": PACKAGES,
        "structures": structures,
        "codes": {url: ANSWER_LISTS_AS_CODES.get(url) or _codes(known, url) for url in sorted(bound)},
        "rules": [list(rule) for rule in rules],
    }


ANSWER_LISTS_AS_CODES = {url: {LOINC: sorted(codes)} for url, codes in ANSWER_LISTS.items()}


def _read(folder: Path) -> dict[str, dict[str, JsonObject]]:
    """Definitions by kind and URL."""
    known: dict[str, dict[str, JsonObject]] = {"StructureDefinition": {}, "ValueSet": {}, "CodeSystem": {}}
    for name, version in PACKAGES.items():
        with tarfile.open(folder / f"{name}-{version}.tgz") as package:
            for kind, definition in _members(package, tuple(known)):
                known[kind].setdefault(definition["url"], definition)
    return known


def _members(package: tarfile.TarFile, kinds: tuple[str, ...]) -> Iterator[tuple[str, JsonObject]]:
    for member in package:
        folder, _, name = member.name.rpartition("/")
        kind = name.partition("-")[0]
        content = package.extractfile(member) if folder == "package" and kind in kinds else None
        if content is not None:
            definition = json.load(content)
            if definition.get("resourceType") == kind and "url" in definition:
                yield kind, definition


def _reachable(structures: dict[str, JsonObject]) -> list[str]:
    """URLs of the guide's structures, the resources, and of every type they are made of."""
    guide = [url for url in structures if "/uv/genomics-reporting/" in url]
    waiting = [*guide, *(_CORE + name for name in RESOURCES), *EXTENSIONS]
    found: set[str] = set()
    while waiting:
        url = waiting.pop()
        if url not in found:
            found.add(url)
            waiting += [name for name in _parts(structures[url]) if name in structures]
    return sorted(found)


def _parts(structure: JsonObject) -> Iterator[str]:
    for element in structure["snapshot"]["element"]:
        for kind in element.get("type", []):
            yield from (profile.partition("|")[0] for profile in kind.get("profile", []))
            if "/" not in kind["code"]:
                yield _CORE + kind["code"]


def _structure(structure: JsonObject, rules: dict[tuple[str, str, str, str], int]) -> JsonObject:
    name = f"{structure['type']}.id" if structure["kind"] == "resource" else ""
    context = [[one["type"], one["expression"]] for one in structure.get("context", [])]
    return {
        "type": structure["type"],
        "profile": structure.get("derivation") == "constraint",
        "elements": [_element(element, rules, name) for element in structure["snapshot"]["element"]],
        **({"context": context} if context and structure["type"] == "Extension" else {}),
        **({"base": structure["baseDefinition"]} if "baseDefinition" in structure else {}),
        **({"abstract": True} if structure.get("abstract") else {}),
    }


def _element(element: JsonObject, rules: dict[tuple[str, str, str, str], int], name: str) -> JsonObject:
    """One element; ``name`` is the resource's own id, whose type a snapshot of R4 does not say."""
    small: JsonObject = {"id": element["id"]}
    small |= {"min": element["min"]} if element["min"] else {}
    small |= {"max": int(element["max"])} if element["max"] != "*" else {}
    small |= {"list": True} if element.get("base", {}).get("max", element["max"]) != "1" else {}
    small |= {"types": [_type(kind) for kind in element["type"]]} if "type" in element else {}
    small |= {"types": [["id", [], []]]} if element["id"] == name else {}
    small |= {one: value for key, value in element.items() for one in ("fixed", "pattern") if key.startswith(one)}
    if element.get("binding", {}).get("strength") == "required" and "valueSet" in element["binding"]:
        small["codes"] = element["binding"]["valueSet"].partition("|")[0]
    if "slicing" in element:
        by = [[one["type"], one["path"]] for one in element["slicing"].get("discriminator", [])]
        small["slicing"] = {"by": by, "closed": element["slicing"]["rules"] == "closed"}
    if "contentReference" in element:
        small["same"] = element["contentReference"].partition("#")[2]
    numbers = [_rule(constraint, rules) for constraint in element.get("constraint", []) if "expression" in constraint]
    return small | ({"rules": numbers} if numbers else {}) | ({"modifier": True} if _modifies(element) else {})


def _modifies(element: JsonObject) -> bool:
    return str(element["id"]).rpartition(".")[2].startswith("modifierExtension")


def _rule(constraint: JsonObject, rules: dict[tuple[str, str, str, str], int]) -> int:
    rule = (constraint["key"], constraint["severity"], constraint["expression"], constraint["human"])
    return rules.setdefault(rule, len(rules))


def _type(kind: JsonObject) -> list[Any]:
    """Code, profiles that values have to follow, and what references may lead to."""
    code = kind["code"]
    if code.startswith("http://hl7.org/fhirpath/"):
        told = [one.get("valueUrl") or one.get("valueUri") for one in kind.get("extension", [])]
        code = next(iter(told), "string")
    lists = [[url.partition("|")[0] for url in kind.get(name, [])] for name in ("profile", "targetProfile")]
    return [code, *lists]


def _codes(known: dict[str, dict[str, JsonObject]], url: str) -> dict[str, list[str] | None] | None:
    """Codes by system; a system without a list of its codes has any; no systems where nothing can be said."""
    value_set = known["ValueSet"].get(url)
    if value_set is None:
        return {LOINC: None} if url.startswith("http://loinc.org/") else None
    found: dict[str, list[str] | None] = {}
    for include in value_set["compose"]["include"]:
        parts: list[dict[str, list[str] | None] | None] = [
            _codes(known, part.partition("|")[0]) for part in include.get("valueSet", [])
        ]
        if "system" in include:
            parts.append({include["system"]: _of_system(known["CodeSystem"], include)})
        for part in parts:
            if part is None:
                return None
            found |= part
    return found


def _of_system(systems: dict[str, JsonObject], include: JsonObject) -> list[str] | None:
    if "concept" in include:
        return sorted(one["code"] for one in include["concept"])
    system = systems.get(include["system"], {})
    if "filter" in include or system.get("content") != "complete" or "concept" not in system:
        return None
    return sorted(_concepts(system["concept"]))


def _concepts(concepts: Iterable[JsonObject]) -> Iterator[str]:
    for one in concepts:
        yield one["code"]
        yield from _concepts(one.get("concept", []))


if __name__ == "__main__":
    main()
