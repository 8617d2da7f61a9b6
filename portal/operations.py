"""What a GraphQL request would do, read by the same library that executes it, and told without secrets.

>>> operation = read_operation(
...     'mutation End($run: String!) { terminateRun(runId: $run) { __typename } }', {"run": "b1"}, None)
>>> operation.changes, operation.name, operation.fields
(True, 'End', ({'field': 'terminateRun', 'arguments': {'runId': 'b1'}},))
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_operation_ast,
    parse,
    value_from_ast_untyped,
)

_MOST_TOKENS = 50_000
_LONGEST_TEXT = 300
_MOST_ITEMS = 50
_DEEPEST = 12
_MOST_TOLD = 20_000
_SECRET_NAME = re.compile(r"passw|secret|token|credential|api.?key|private.?key|authorization", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(
    r"(?i)(\b[\w.-]*(?:passw\w*|secret|token|credential\w*|api.?key|private.?key|authorization)[\"']?\s*[:=]\s*)"
    r"(\"[^\"]*\"|'[^']*'|(?:bearer\s+|basic\s+)?[^\s,;}\]]+)"
)
_LOGIN_IN_URL = re.compile(r"(://)[^\s/@]+@")
HIDDEN = "(not shown)"
PARTITION_TAG = "dagster/partition"


class UnreadableRequestError(Exception):
    """The request is none that can be judged; says why."""


@dataclass(frozen=True)
class Operation:
    """The operation of a request that would be executed.

    Attributes:
        kind: ``query``, ``mutation`` or ``subscription``.
        name: as the client calls it, empty where it has none.
        fields: of a mutation, what is called with which arguments, secrets and great lengths left out.
        samples: the partitions that the arguments name.
    """

    kind: str
    name: str
    fields: tuple[dict[str, Any], ...] = ()
    samples: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it is a mutation."""
        return self.kind == OperationType.MUTATION.value


def read_operation(query: str, variables: Mapping[str, Any] | None, name: str | None) -> Operation:
    """The operation that a server would execute.

    Raises:
        UnreadableRequestError: it is no GraphQL, or leaves open which operation is meant.
    """
    document = _parsed(query)
    chosen = get_operation_ast(document, name)
    if chosen is None:
        raise UnreadableRequestError("the request does not say which of its operations is meant")
    kind = chosen.operation.value
    if chosen.operation is not OperationType.MUTATION:
        return Operation(kind, chosen.name.value if chosen.name else "")
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    given = _defaults(chosen) | dict(variables or {})
    calls = [(field.name.value, _arguments(field, given)) for field in _fields(chosen.selection_set, fragments)]
    return Operation(
        kind,
        chosen.name.value if chosen.name else "",
        tuple({"field": field, "arguments": _bounded(without_secrets(arguments))} for field, arguments in calls),
        tuple(sorted({sample for _, arguments in calls for sample in _partitions(arguments)})),
    )


def only_asks(query: str) -> bool:
    """Whether a document holds nothing but queries, whichever of its operations is executed."""
    return _kinds(query) <= {OperationType.QUERY}


def only_subscribes(query: str) -> bool:
    """Whether a document holds nothing but subscriptions."""
    return _kinds(query) <= {OperationType.SUBSCRIPTION}


def _kinds(query: str) -> set[OperationType]:
    return {each.operation for each in _parsed(query).definitions if isinstance(each, OperationDefinitionNode)}


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, max_tokens=_MOST_TOKENS)
    except GraphQLError as error:
        raise UnreadableRequestError(f"the request is no GraphQL: {error.message}") from error
    except RecursionError as error:
        raise UnreadableRequestError("the request is nested too deeply") from error


def _fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: frozenset[str] = frozenset()
) -> Iterator[FieldNode]:
    """The fields at the root of an operation, those behind fragments included."""
    for each in selections.selections:
        if isinstance(each, FieldNode):
            yield each
        elif isinstance(each, InlineFragmentNode):
            yield from _fields(each.selection_set, fragments, seen)
        elif isinstance(each, FragmentSpreadNode):
            name = each.name.value
            if name in fragments and name not in seen:
                yield from _fields(fragments[name].selection_set, fragments, seen | {name})


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Values of the variables that a request leaves out."""
    return {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions
        if each.default_value
    }


def _arguments(field: FieldNode, variables: dict[str, Any]) -> dict[str, Any]:
    return {each.name.value: value_from_ast_untyped(each.value, variables) for each in field.arguments}


def without_secrets(value: Any, depth: int = 0) -> Any:
    """A JSON value as it may stand in the audit log: secrets hidden, long texts and lists cut with a word of it."""
    if depth > _DEEPEST:
        return "(nested deeper)"
    if isinstance(value, Mapping):
        # A tag is a mapping of its own, in which the name is a value.
        is_secret_tag = bool(_SECRET_NAME.search(str(value.get("key") or value.get("name") or "")))
        return {
            _text(str(name)): HIDDEN
            if _SECRET_NAME.search(str(name)) or (is_secret_tag and name not in ("key", "name"))
            else without_secrets(each, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        told = [without_secrets(each, depth + 1) for each in value[:_MOST_ITEMS]]
        return [*told, f"(and {len(value) - _MOST_ITEMS} more)"] if len(value) > _MOST_ITEMS else told
    if isinstance(value, str):
        hidden = _SECRET_IN_TEXT.sub(rf"\1{HIDDEN}", _LOGIN_IN_URL.sub(rf"\1{HIDDEN}@", _text(value)))
        return hidden if len(hidden) <= _LONGEST_TEXT else f"{hidden[:_LONGEST_TEXT]} (and {len(hidden)} in all)"
    return value if value is None or isinstance(value, bool | int) else _number(value)


def _bounded(told: Any) -> Any:
    """Arguments that are long even so are told by their length."""
    length = len(json.dumps(told))
    return told if length <= _MOST_TOLD else f"({length:,} letters, not shown)"


def _text(value: str) -> str:
    """What can be written as UTF-8: half of a surrogate pair, which JSON can escape, cannot."""
    return value.encode("utf-8", "replace").decode()


def _number(value: Any) -> Any:
    return value if isinstance(value, float) and abs(value) < float("inf") else str(value)


def _partitions(value: Any, depth: int = 0) -> Iterator[str]:
    """Partitions that arguments name: by the tag of a run, or as the list of a backfill."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        if value.get("key") == PARTITION_TAG and isinstance(value.get("value"), str):
            yield value["value"]
        for name, each in value.items():
            if name in ("partitionNames", "partitionKeys", "partitionsByAssets") and isinstance(each, list):
                yield from (one for one in each if isinstance(one, str))
            elif name == "partitionKey" and isinstance(each, str):
                yield each
            yield from _partitions(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _partitions(each, depth + 1)
