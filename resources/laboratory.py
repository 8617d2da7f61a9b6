"""The laboratory that answers for reports: its name, identifiers and address, as its own YAML says.

The file is ``laboratory.yaml`` in the data folder, or the one that ``GENOMICS_LABORATORY`` names::

    name: Example Genomics Laboratory
    system: https://genomics.example.org        # ids of its samples and reports are unique below it; it never changes
    identifier: 05D1234567                      # its CLIA number, say
    identifier_system: urn:oid:2.16.840.1.113883.4.7
    address: 1 Example Road, 12345 Exampletown
    phone: "+49 30 1234567"
    email: genomics@example.org
"""

from __future__ import annotations

import difflib
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from engine.errors import GenomicsError
from engine.fhir.validation.primitives import fault
from engine.files.strict_yaml import load_yaml
from engine.report.case import Laboratory

FILE = "laboratory.yaml"
_KNOWN = tuple(field.name for field in fields(Laboratory))
_IS_URI = re.compile(r"(https?://[^\s/]+|urn:(oid:[0-9]+(\.[0-9]+)*|[a-z0-9-]+:))\S*").fullmatch


class LaboratoryError(GenomicsError):
    """The laboratory's YAML cannot be used."""


def read_laboratory(path: Path | None, data: Path) -> Laboratory:
    """The laboratory; one without a name of its own where no file says it.

    Args:
        path: the file that an option names, absent where it names none: then the one in the data folder, if it exists.
        data: the data folder.

    Raises:
        LaboratoryError: the named file is missing, or a file is not of that form.
    """
    file = path or data / FILE
    if path is None and not file.is_file():
        return Laboratory()
    try:
        told = load_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise _refused(file, f"it cannot be read: {problem}", "write it as docs/operators-guide.md says") from error
    return _checked(file, told)


def as_uri(system: str) -> str | None:
    """A URI for a system of identifiers as people write it, ``None`` where it is none.

    >>> as_uri("2.16.840.1.113883.4.7"), as_uri("https://mrn.example.org"), as_uri("our own"), as_uri("1.2.3")
    ('urn:oid:2.16.840.1.113883.4.7', 'https://mrn.example.org', None, None)
    """
    text = system.strip()
    text = f"urn:oid:{text}" if re.fullmatch(r"[0-9]+(\.[0-9]+)+", text) else text
    return text if _IS_URI(text) and fault("uri", text) is None else None


def _checked(file: Path, told: Any) -> Laboratory:
    if not isinstance(told, dict) or "name" not in told or "system" not in told:
        raise _refused(file, "it does not say name and system", "give both, each as text")
    for key, value in told.items():
        if key not in _KNOWN:
            near = difflib.get_close_matches(str(key), _KNOWN, n=1)
            meant = f"did you mean {near[0]}? There are" if near else "there are"
            raise _refused(file, f"it has no place for {key!r}", f"{meant} {', '.join(_KNOWN)}")
        if not isinstance(value, str) or not value.strip():
            raise _refused(file, f"{key} is no text", "write it in quotes")
    systems = {name: as_uri(told[name]) for name in ("system", "identifier_system") if name in told}
    for name, uri in systems.items():
        if uri is None:
            raise _refused(file, f"{name} is no URI", "write it as https://..., urn:oid:... or an OID")
    if ("identifier" in told) != ("identifier_system" in told):
        raise _refused(file, "it says one of identifier and identifier_system", "give both or none")
    return Laboratory(**{key: value.strip() for key, value in told.items()} | systems)


def _refused(file: Path, problem: str, remedy: str) -> LaboratoryError:
    return LaboratoryError(problem, file=file, remedy=remedy)
