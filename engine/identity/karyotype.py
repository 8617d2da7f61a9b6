"""How many sex chromosomes the coverage tells of, and whether that is what the sample sheet says.

Coverage of X and Y over that of the autosomes is half the number of copies. Of Y less is mapped than is there: one
copy shows as about 0.8. What lies between two numbers is told as a mosaic, never rounded away.

>>> karyotype_of("female", autosomes=30.0, x=15.1, y=0.0).name
'45,X'
>>> karyotype_of("male", autosomes=30.0, x=30.2, y=12.5).name
'47,XXY'
>>> karyotype_of("female", autosomes=30.0, x=23.0, y=0.1).name
'mosaic 45,X/46,XX'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.reads.sex import LEAST_COVERAGE

_ONE_Y: Final = 0.8
"""Copies of Y that one shows as, of mappable sequence."""
_MOST_OFF: Final = 0.3
"""Copies of X by which a whole number may be missed by the noise of capture."""
_NO_Y, _A_Y, _TWO_Y = 0.15, 0.5, 1.55
"""Copies of Y, of which one is one: below the first none, from the second on one, from the third on two."""
_USUAL: Final = ("46,XX", "46,XY")


@dataclass(frozen=True)
class Karyotype:
    """The sex chromosomes as coverage tells them.

    Attributes:
        name: as cytogenetics writes it (ISCN), ``not told`` where X or Y or enough coverage is missing.
        x_copies: coverage of X as copies, absent where not told.
        y_copies: the same of Y.
        told: 1 where the coverage suffices.
        unusual: 1 where it is told and neither 46,XX nor 46,XY.
        contradicts_sheet: 1 where the sheet says female and there is a Y, or male and there is none.
        why: both figures in words, with what to do; empty where nothing is wrong.
    """

    name: str
    x_copies: float | None
    y_copies: float | None
    told: int
    unusual: int
    contradicts_sheet: int
    why: str


def karyotype_of(stated: str, *, autosomes: float | None, x: float | None, y: float | None) -> Karyotype:
    """Tell the sex chromosomes from mean coverages over the targets; each absent where there are no targets.

    Args:
        stated: the sex on the sheet: ``female``, ``male`` or ``unknown``.
        autosomes: mean coverage of the autosomes.
        x: of X.
        y: of Y.
    """
    if autosomes is None or x is None or y is None or autosomes < LEAST_COVERAGE:
        return Karyotype("not told", None, None, 0, 0, 0, "")
    x_copies, y_copies = 2 * x / autosomes, 2 * y / autosomes / _ONE_Y
    name = _name(x_copies, y_copies)
    contradicts = (stated == "female" and y_copies >= _A_Y) or (stated == "male" and y_copies < _NO_Y)
    unusual = int(name not in _USUAL)
    figures = f"X and Y are covered like {x_copies:.2f} and {y_copies:.2f} copies, {name}"
    why = ""
    if contradicts:
        why = f"the sheet says {stated}, {figures}: look for a swapped tube, or correct the sheet's sex"
    elif unusual:
        why = f"{figures}: have it confirmed by a karyotype, or look for a swapped or mixed sample"
    return Karyotype(name, round(x_copies, 4), round(y_copies, 4), 1, unusual, int(contradicts), why)


def _name(x_copies: float, y_copies: float) -> str:
    y = 0 if y_copies < _A_Y else 1 if y_copies < _TWO_Y else 2
    if _NO_Y <= y_copies < _A_Y:
        return f"mosaic {_whole(round(x_copies), 0)}/{_whole(round(x_copies), 1)}"
    nearest = max(1, round(x_copies))
    if abs(x_copies - nearest) <= _MOST_OFF:
        return _whole(nearest, y)
    below = max(1, int(x_copies))
    return f"mosaic {_whole(below, y)}/{_whole(below + 1, y)}"


def _whole(x: int, y: int) -> str:
    return f"{44 + x + y},{'X' * x}{'Y' * y}"
