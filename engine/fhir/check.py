"""Judging a bundle before it leaves: every resource follows its profile, parses as R4, and leads somewhere.

Two judges that know nothing of each other: HL7's own definitions (:mod:`engine.fhir.validation`) and the models of
``fhir.resources``. What the first refuses is never written; what the second says is measured, and the gate decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.errors import ReportError
from engine.fhir.codes import JsonObject
from engine.fhir.validation.problem import Problem
from engine.fhir.validation.validator import Validator

_MOST_NAMED = 5


@lru_cache(maxsize=1)
def validator() -> Validator:
    """The one that a process uses: it need not look again at what it found good."""
    return Validator()


def faults(bundle: JsonObject) -> list[Problem]:
    """Errors of a bundle and its resources by HL7's definitions; what HL7 only advises is none."""
    return [problem for problem in validator().bundle(bundle) if problem.severity == "error"]


def require_conformant(bundle: JsonObject, sample: str) -> None:
    """Refuse a bundle that does not follow HL7's definitions.

    Raises:
        ReportError: it names resources and elements.
    """
    found = faults(bundle)
    if found:
        named = "; ".join(str(problem) for problem in found[:_MOST_NAMED])
        more = f"; and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
        raise ReportError(
            f"the FHIR bundle does not follow its profiles: {named}{more}",
            sample=sample,
            remedy="keep the findings table and report this: the bundle was not published",
        )


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a bundle.

    Attributes:
        references: references between resources.
        unresolved_references: those that lead to no entry.
        parse_errors: resources, or the bundle, that the R4 models refuse.
        duplicate_ids: entries whose full URL or type and id another has.
        problems: each of these in words, at most 20 of a kind.
    """

    references: int
    unresolved_references: int
    parse_errors: int
    duplicate_ids: int
    problems: tuple[str, ...]


def check_bundle(bundle: JsonObject) -> Verdict:
    """Judge a transaction bundle."""
    entries = bundle.get("entry", [])
    references = [reference for entry in entries for reference in references_of(entry["resource"])]
    names = {entry.get("fullUrl") for entry in entries}
    dangling = [reference for reference in references if reference not in names]
    refused = list(_parse_errors(bundle))
    doubles = [name for name, count in Counter(_name(entry) for entry in entries).items() if count > 1]
    problems = [
        *(f"reference to {name} leads nowhere" for name in sorted(set(dangling))[:20]),
        *refused[:20],
        *(f"{name} is there more than once" for name in doubles[:20]),
    ]
    return Verdict(len(references), len(dangling), len(refused), len(doubles), tuple(problems))


def _name(entry: JsonObject) -> str:
    return f"{entry['resource'].get('resourceType')}/{entry['resource'].get('id')}"


def references_of(value: Any) -> Iterator[str]:
    """Every literal reference within a resource, wherever it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_of(inner)


def _parse_errors(bundle: JsonObject) -> Iterator[str]:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    envelope = {key: value for key, value in bundle.items() if key != "entry"}
    for resource in [envelope, *(entry["resource"] for entry in bundle.get("entry", []))]:
        kind = resource.get("resourceType", "")
        try:
            get_fhir_model_class(kind).model_validate(resource)
        except (KeyError, LookupError) as error:
            yield f"{kind!r} is no resource: {error}"
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            yield f"{kind}/{resource.get('id')}: {place}: {first['msg']}"
