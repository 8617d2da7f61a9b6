"""References between resources: how they are written, where they lead, and what they may lead to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from engine.fhir.validation.definitions import Definitions
from engine.fhir.validation.element import ElementType
from engine.fhir.validation.matching import profiles_of, values_at

JsonObject = dict[str, Any]
Resolve = Callable[[str], JsonObject | None]

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?\S+")
_REST = re.compile(r"https?://\S+/([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_ABSOLUTE = re.compile(r"(https?://|urn:uuid:|urn:oid:)\S+")


class Resolver:
    """Finds the resources of a bundle by full URL, and by type and id."""

    def __init__(self, bundle: JsonObject | None = None) -> None:
        self._found: dict[str, JsonObject] = {}
        for entry in values_at(bundle, "entry"):
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict):
                self._found.setdefault(f"{resource.get('resourceType')}/{resource.get('id')}", resource)
                self._found |= {name: resource for name in values_at(entry, "fullUrl") if isinstance(name, str)}

    def __call__(self, reference: str) -> JsonObject | None:
        """The resource, absent where it is not in the bundle."""
        return self._found.get(reference)


def within(resource: JsonObject, resolve: Resolve) -> Resolve:
    """A resolver that knows a resource's contained ones as well."""
    inner = {f"#{one.get('id')}": one for one in values_at(resource, "contained") if isinstance(one, dict)}
    return (lambda reference: inner.get(reference) or resolve(reference)) if inner else resolve


def faults(
    known: Definitions, kind: ElementType | None, value: JsonObject, resolve: Resolve, *, is_whole: bool
) -> Iterator[str]:
    """What is wrong with a reference.

    Args:
        known: the definitions.
        kind: what the element allows.
        value: the Reference.
        resolve: finds resources.
        is_whole: whether everything that is referred to has to be found.
    """
    text = value.get("reference")
    if not isinstance(text, str):
        return
    target = resolve(text)
    if target is None:
        if not _is_written_well(text):
            yield f"is no reference: {text!r}"
            return
        if is_whole and not text.startswith("#"):
            yield f"leads nowhere: {text}"
    names = target.get("resourceType") if target else _type_told(text)
    if names and "type" in value and value["type"] != names:
        yield f"says that it leads to a {value['type']} and leads to a {names}"
    if names and kind and kind.targets:
        wrong = _wrong_target(known, kind, str(names), None if target is None else tuple(profiles_of(target)))
        if wrong:
            yield wrong


@lru_cache(maxsize=10_000)
def _wrong_target(known: Definitions, kind: ElementType, name: str, profiles: tuple[str, ...] | None) -> str | None:
    """What is wrong with leading to a resource of that type, which says that it follows these profiles."""
    fitting = [url for url in kind.targets if known.type_of(url) in (name, "Resource")]
    if not fitting:
        return f"leads to a {name}; it may lead to {_listed(known, kind)}"
    if profiles is None or not all(known.is_profile(url) for url in fitting):
        return None
    if any(one in fitting for profile in profiles for one in known.lineage(profile)):
        return None
    wanted = ", ".join(url.rpartition("/")[2] for url in fitting)
    return f"leads to a {name} that does not say that it follows {wanted}"


def _listed(known: Definitions, kind: ElementType) -> str:
    return ", ".join(sorted({known.type_of(url) for url in kind.targets}))


def _is_written_well(text: str) -> bool:
    return text.startswith("#") or any(one.fullmatch(text) for one in (_LOCAL, _CONDITIONAL, _ABSOLUTE))


def _type_told(text: str) -> str | None:
    found = _LOCAL.fullmatch(text) or _CONDITIONAL.fullmatch(text) or _REST.fullmatch(text)
    return found[1] if found else None
