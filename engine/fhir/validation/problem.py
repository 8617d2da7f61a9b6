"""What a validator says: which resource, which element, what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Path = tuple[Any, str | int]
"""A place as it is walked: the place around it, absent at the root; and an element, ``:slice``, or number in a list."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        resource: type and id, ``Observation/o1``; the type alone where there is no id.
        element: from the resource down, ``Observation.component[2]:gene-studied.valueCodeableConcept``.
        message: what is wrong with it, in words.
        severity: ``error``, or ``warning`` where HL7 only advises against it.
        rule: HL7's name of the invariant, absent where it is none.
    """

    resource: str
    element: str
    message: str
    severity: str = "error"
    rule: str | None = None

    def __str__(self) -> str:
        said = f"{self.resource}: {self.element} {self.message}"
        return f"{said} ({self.rule})" if self.rule else said


def text_of(path: Path) -> str:
    """A place in words."""
    parts = []
    here: Path | None = path
    while here:
        parts.append(_part(here[1]))
        here = here[0]
    return "".join(reversed(parts)).removeprefix(".")


def _part(name: str | int) -> str:
    if isinstance(name, int):
        return f"[{name}]"
    return name if name.startswith(":") else f".{name}"


def name_of(resource: dict[str, Any]) -> str:
    """Type and id of a resource."""
    kind, name = resource.get("resourceType", "resource"), resource.get("id")
    return f"{kind}/{name}" if name else str(kind)
