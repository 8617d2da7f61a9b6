"""Elements of a structure as a tree: what may stand where, how often, and of which type.

A tree is made from the flat list of a StructureDefinition's snapshot. Slices hang on the element they slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.fhir.validation.primitives import CHECKS

JsonObject = dict[str, Any]

ANY_TYPE = (
    *("base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer"),
    *("markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid"),
    *("Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactPoint", "Count", "Distance"),
    *("Duration", "HumanName", "Identifier", "Money", "Period", "Quantity", "Range", "Ratio", "Reference"),
    *("SampledData", "Signature", "Timing", "ContactDetail", "Contributor", "DataRequirement", "Expression"),
    *("ParameterDefinition", "RelatedArtifact", "TriggerDefinition", "UsageContext", "Dosage", "Meta"),
)
"""What the name of an element with a choice of types may end in."""
_RECURRING = frozenset({"BackboneElement", "CodeableConcept", "Extension", "Identifier", "Meta", "Quantity", "Range"})
"""Types whose values come again and again, in one bundle and from one to the next."""


@dataclass(frozen=True)
class ElementType:
    """A type that an element may have.

    Attributes:
        code: FHIR's name of it.
        profiles: what a value has to follow, one of them; nothing where the type itself is enough.
        targets: what a reference may lead to; nothing where it may lead anywhere.
    """

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(eq=False)
class Element:
    """One element, with those below it.

    Attributes:
        name: last part of its id, without slices: ``value[x]`` where it has a choice of types.
        path: from the resource, without slices: ``Observation.component.code``.
        minimum: how often it has to be there.
        maximum: how often it may be there, absent where as often as one likes.
        repeats: whether JSON has it as a list.
        types: one of which a value has; of a type without a choice there is one.
        fixed: what a value is, absent where it may be anything.
        pattern: what a value has within it, absent likewise.
        codes: URL of the value set that a code has to come from.
        rules: numbers of the invariants.
        by: what tells slices apart, as type and path of the discriminators.
        closed: whether a value has to be in one of the slices.
        same: id of the element whose children it has as well.
        modifies: whether it changes the meaning of what it stands in.
        label: of a slice, what is added to the name of its element: ``:gene-studied``.
        children: by name.
        slices: by name.
        keys: what JSON calls the children: child and type, or no type where there is no choice.
        demanded: children that have to be there, or have a slice that has to.
        is_choice: whether its name in JSON ends in its type.
        is_single: whether it may be there once, and nothing has to be counted or sorted.
        is_restricted: whether it is fixed, has a pattern or a value set.
        is_primitive: whether its values may be absent in a list, said beside it by extensions.
        recurs: whether its values come again and again; entries of a bundle do not, they name their resource.
        by_code: the first of its types of each name.
        check: of a primitive type of which nothing more is demanded: what is wrong with a value, or nothing.
    """

    name: str
    path: str
    minimum: int = 0
    maximum: int | None = None
    repeats: bool = False
    types: tuple[ElementType, ...] = ()
    fixed: Any = None
    pattern: Any = None
    codes: str | None = None
    rules: tuple[int, ...] = ()
    by: tuple[tuple[str, str], ...] = ()
    closed: bool = False
    same: str | None = None
    modifies: bool = False
    label: str = ""
    children: dict[str, Element] = field(default_factory=dict)
    slices: dict[str, Element] = field(default_factory=dict)
    keys: dict[str, tuple[Element, str | None]] = field(default_factory=dict)
    demanded: tuple[Element, ...] = ()
    is_choice: bool = False
    is_single: bool = False
    is_restricted: bool = False
    is_primitive: bool = False
    recurs: bool = False
    by_code: dict[str, ElementType] = field(default_factory=dict)
    check: Callable[[Any], str | None] | None = None

    def type_named(self, code: str | None) -> ElementType | None:
        """The type of that name; the only one where no name is given."""
        if code is None:
            return self.types[0] if self.types else None
        return self.by_code.get(code)


def element_tree(told: list[JsonObject]) -> Element:
    """The root of a snapshot's elements."""
    by_id: dict[str, Element] = {}
    for one in told:
        by_id[one["id"]] = element = _element(one)
        parent, _, last = one["id"].rpartition(".")
        if not parent:
            continue
        name, _, slice_name = last.partition(":")
        if slice_name:
            element.label = f":{slice_name}"
            by_id[f"{parent}.{name}"].slices[slice_name] = element
        else:
            by_id[parent].children[name] = element
    for element in by_id.values():
        _finish(element, by_id)
    return by_id[told[0]["id"]]


def _element(told: JsonObject) -> Element:
    path = ".".join(part.partition(":")[0] for part in told["id"].split("."))
    slicing = told.get("slicing", {})
    return Element(
        name=path.rpartition(".")[2],
        path=path,
        minimum=told.get("min", 0),
        maximum=told.get("max"),
        repeats=told.get("list", False),
        types=tuple(ElementType(code, tuple(profiles), tuple(to)) for code, profiles, to in told.get("types", [])),
        fixed=told.get("fixed"),
        pattern=told.get("pattern"),
        codes=told.get("codes"),
        rules=tuple(told.get("rules", [])),
        by=tuple((kind, path) for kind, path in slicing.get("by", [])),
        closed=slicing.get("closed", False),
        same=told.get("same"),
        modifies=told.get("modifier", False),
    )


def _finish(element: Element, by_id: dict[str, Element]) -> None:
    """What is known once the whole tree stands: borrowed children, names in JSON, what has to be there."""
    element.is_choice = element.name.endswith("[x]")
    element.is_single = not element.repeats and element.maximum == 1 and not element.slices
    element.by_code = {one.code: one for one in reversed(element.types)}
    element.recurs = not _RECURRING.isdisjoint(element.by_code) and not element.path.startswith("Bundle.entry")
    element.is_primitive = bool(element.types) and element.types[0].code[0].islower()
    element.is_restricted = element.fixed is not None or element.pattern is not None or element.codes is not None
    if len(element.types) == 1 and not element.is_choice and not element.is_restricted:
        element.check = CHECKS.get(element.types[0].code)
    if element.same:
        element.children = by_id[element.same].children
    for name, child in element.children.items():
        if name.endswith("[x]"):
            stem = name.removesuffix("[x]")
            element.keys |= {stem + code[0].upper() + code[1:]: (child, code) for code in ANY_TYPE}
        else:
            element.keys[name] = (child, None)
    element.demanded = tuple(
        child
        for child in element.children.values()
        if child.minimum or any(one.minimum for one in child.slices.values())
    )
