"""A YAML file in which a laboratory says how a hospital's system is reached: known fields, and no others."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from engine.errors import DeliveryError

DELIVER = ("signed", "unsigned")
"""Which reports a laboratory delivers, to whatever system."""
Access = TypeVar("Access")


def read_access_file(path: Path | None, kind: type[Access], variable: str, guide: str) -> Access:
    """What the file says, as the dataclass ``kind``; its defaults where there is no file.

    A field whose name ends in ``_file`` names a file beside this one.

    Args:
        path: the file, absent where none is named.
        kind: a dataclass whose fields are what may be said.
        variable: the option that names the file, for messages.
        guide: the document that tells of it.

    Raises:
        DeliveryError: it is not readable, or says something that is none of the fields.
    """
    if path is None:
        return kind()
    try:
        told = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise unusable(path, f"cannot be read: {error}", variable, guide) from error
    known = sorted(one.name for one in fields(kind))  # type: ignore[arg-type]
    if not isinstance(told, dict) or set(told) - set(known):
        odd = ", ".join(sorted(map(str, set(told) - set(known)))) if isinstance(told, dict) else "no mapping"
        raise unusable(path, f"has what is not known: {odd}; known are {', '.join(known)}", variable, guide)
    beside: dict[str, Any] = {
        name: path.parent / str(value) for name, value in told.items() if name.endswith("_file") and value
    }
    return kind(**(told | beside))


def unusable(path: Path, problem: str, variable: str, guide: str) -> DeliveryError:
    """That the file cannot be used, and why."""
    return DeliveryError(f"{variable} {problem}", file=path, remedy=f"mend the file ({guide})")
