"""A family as it is drawn: squares are male, circles female, diamonds of unknown sex; filled where signs are stated.

After the standard of the National Society of Genetic Counselors (doi:10.1002/jgc4.1621), as far as what is known of a
family here goes: the sample in question, its parents, and children of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from engine.person import Sex
from engine.reads.registration import RegisteredSample
from resources.registry import Family

_STEP, _SIZE, _TOP = 130, 34, 30


def draw(family: Family) -> str:
    """The drawing as an SVG element to be put into a page; all text in it is escaped."""
    parents = [one for one in (family.father, family.mother) if one]
    children = [family.sample, *(one for one in family.others if _shares_a_parent(one, family.sample))]
    width = _STEP * max(len(children), 2) + 20
    height = _TOP + (120 if parents else 0) + 70
    y = _TOP + (120 if parents else 0)
    marks = [*_parents(family, width / 2), *_children(children, family.sample, width / 2, y, joined=bool(parents))]
    title = f"Pedigree of {family.sample.sample_id}"
    return (
        f'<svg role="img" aria-label="{escape(title)}" class="pedigree" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{"".join(marks)}</svg>'
    )


def _parents(family: Family, middle: float) -> Iterator[str]:
    father, mother = middle - _STEP / 2, middle + _STEP / 2
    if family.father and family.mother:
        yield _line(father, _TOP, mother, _TOP)
    elif family.father or family.mother:
        yield _line(father if family.father else mother, _TOP, middle, _TOP)
    for one, x in ((family.father, father), (family.mother, mother)):
        if one:
            yield _person(one, x, _TOP)


def _children(
    children: list[RegisteredSample], proband: RegisteredSample, middle: float, y: float, *, joined: bool
) -> Iterator[str]:
    places = [middle + (number - (len(children) - 1) / 2) * _STEP for number in range(len(children))]
    bar = y - 50
    if joined:
        yield _line(middle, _TOP, middle, bar)
        yield _line(places[0], bar, places[-1], bar)
    for one, x in zip(children, places, strict=True):
        if joined:
            yield _line(x, bar, x, y)
        yield _person(one, x, y)
        if one is proband:
            yield f'<path class="proband" d="M{x - 46:g} {y + 26:g}l20 -12m-9 -1l9 1l-4 8"/>'


def _person(one: RegisteredSample, x: float, y: float) -> str:
    half = _SIZE / 2
    kind = ' class="affected"' if one.person.phenotype else ' class="person"'
    if one.person.sex is Sex.MALE:
        shape = f'<rect{kind} x="{x - half:g}" y="{y - half:g}" width="{_SIZE}" height="{_SIZE}"/>'
    elif one.person.sex is Sex.FEMALE:
        shape = f'<circle{kind} cx="{x:g}" cy="{y:g}" r="{half:g}"/>'
    else:
        shape = f'<path{kind} d="M{x:g} {y - half:g}l{half:g} {half:g}l-{half:g} {half:g}l-{half:g} -{half:g}z"/>'
    name = escape(one.sample_id if len(one.sample_id) <= 18 else f"{one.sample_id[:17]}…")
    return f'{shape}<text x="{x:g}" y="{y + half + 16:g}" text-anchor="middle">{name}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="kinship" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'


def _shares_a_parent(one: RegisteredSample, other: RegisteredSample) -> bool:
    parents = {other.person.father_id, other.person.mother_id} - {None}
    return bool(parents & {one.person.father_id, one.person.mother_id})
