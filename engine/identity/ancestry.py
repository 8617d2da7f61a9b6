"""Which of a panel's reference persons a sample is most like, by its principal components.

The components are those of the ancestry panel, by the sample's genotypes (:mod:`engine.identity.ancestry_panel`). Where
a deployment declares none, they come from the model of contamination (:mod:`engine.identity.contamination`): they are
those in which that panel's own persons are given, so that no genotype of theirs is needed. What is told is a likeness
to persons of a published study and nothing else: neither who somebody is, nor where from.

A panel of the model of contamination has persons where VerifyBamID2's ``PREFIX.V`` (id and components a line) lies
beside its files, with the one file ``*.pop`` (id and population a line).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.receipt import Measure

NEAREST: Final = 20
"""Reference persons that are counted."""
LEAST_ALIKE: Final = 18
"""Of these, how many must be of one population for a sample to be told like it: of 500 persons of whom the panel knew
nothing, 487 are told so by all sites, and all of them rightly (docs/measurements.md)."""
MOST_MISSING: Final = 0.9
"""Share of an ancestry panel's sites above which nobody is told like anybody."""
UNDETERMINED: Final = "undetermined"
_LEAST_PERSONS: Final = 2 * NEAREST
_FAR: Final = 4.0
"""Times the distance that half of the reference persons have to their own nearest, from which nobody is near."""
_CELLS: Final = 60
"""Cells of the grid on either side of a picture."""
_FETCH_AGAIN: Final = "fetch the panel's files again, of one release"


@dataclass(frozen=True)
class ReferencePersons:
    """The persons of a panel whose population is known.

    Attributes:
        components: float64[n, k].
        populations: of each, as the study names them.
    """

    components: NDArray[np.float64]
    populations: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.populations)


@dataclass(frozen=True)
class Ancestry:
    """Whom a sample is like.

    Attributes:
        nearest: populations of the nearest :data:`NEAREST` persons with how many of them, most first.
            Empty where too many sites are missing.
        is_far: whether none of them is near: another ancestry than any of the panel, or too few bases.
        missing_share: of an ancestry panel's sites those of which nothing is known, 0 to 1; absent where the components
            are those of the model of contamination.
    """

    nearest: tuple[tuple[str, int], ...]
    is_far: bool
    missing_share: float | None = None

    @property
    def population(self) -> str:
        """The one population that the sample is like, or that it is undetermined."""
        name, count = self.nearest[0] if self.nearest else ("", 0)
        return name if count >= LEAST_ALIKE and not self.is_far else UNDETERMINED

    @property
    def told(self) -> str:
        """In words.

        >>> Ancestry((("EUR", 19), ("AMR", 1)), False, 0.125).told
        'EUR, of the 20 nearest reference persons: 19 EUR, 1 AMR; 12.5% of the sites are missing'
        >>> Ancestry((), False, 0.991).told
        'undetermined, 99.1% of the sites are missing, and at most 90% may be'
        """
        missing = "" if self.missing_share is None else f"{self.missing_share:.1%} of the sites are missing"
        if not self.nearest:
            return f"{UNDETERMINED}, {missing}, and at most {MOST_MISSING:.0%} may be"
        counts = ", ".join(f"{count} {population}" for population, count in self.nearest)
        found = f"{self.population}, of the {NEAREST} nearest reference persons: {counts}"
        return "; ".join([found, *(["none of them is near"] if self.is_far else []), *([missing] if missing else [])])


def read_persons(prefix: Path, components: int) -> ReferencePersons | None:
    """The persons beside a panel's files; absent where there is no ``PREFIX.V``.

    Args:
        prefix: of the panel's files.
        components: columns of its loadings.

    Raises:
        KnowledgeError: a file is damaged or missing, a person comes twice, or fewer than 40 have a population.
    """
    file = next((path for path in (_with(prefix, ".V"), _with(prefix, ".V.gz")) if path.is_file()), None)
    if file is None:
        return None
    population = _populations(prefix.parent)
    rows: dict[str, list[float]] = {}
    for number, fields in _rows(file):
        place = f"line {number:,}"
        try:
            values = [float(field) for field in fields[1:]]
        except ValueError:
            values = []
        if len(values) != components or not np.isfinite(values).all():
            raise KnowledgeError(
                f"an id and {components} components are expected", file=file, place=place, remedy=_FETCH_AGAIN
            )
        if fields[0] in rows:
            raise KnowledgeError(f"{fields[0]} comes twice", file=file, place=place, remedy=_FETCH_AGAIN)
        rows[fields[0]] = values
    known = [person for person in rows if person in population]
    if len(known) < _LEAST_PERSONS:
        raise KnowledgeError(
            f"of {len(rows):,} persons the population of {len(known):,} is known; {_LEAST_PERSONS} are needed",
            file=file,
            remedy="put the file .pop of the same study beside it, or take the .V file away",
        )
    return ReferencePersons(
        np.array([rows[person] for person in known], np.float64), tuple(population[person] for person in known)
    )


def likeness(intended: Sequence[float], persons: ReferencePersons) -> Ancestry:
    """Whom a sample with these components is like.

    Args:
        intended: its first components, as :class:`engine.identity.contamination.Contamination` has them.
        persons: of the same panel.

    >>> places = np.array([[0.0, i / 1000] for i in range(30)] + [[9.0, i / 1000] for i in range(30)])
    >>> some = ReferencePersons(places, ("A",) * 30 + ("B",) * 30)
    >>> likeness((0.0, 0.01), some).told
    'A, of the 20 nearest reference persons: 20 A'
    >>> likeness((0.0, 5.0), some).is_far
    True
    """
    theirs = persons.components[:, : len(intended)]
    distance = np.linalg.norm(theirs - np.asarray(intended), axis=1)
    order = np.argsort(distance, kind="stable")[:NEAREST]
    counts = Counter(persons.populations[person] for person in order.tolist())
    nearest = tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return Ancestry(nearest, bool(distance[order].mean() > _FAR * _usual_distance(theirs)))


def picture(intended: Sequence[float], persons: ReferencePersons) -> dict[str, Measure]:
    """What a picture of a sample before these persons is drawn from: dots, middles of populations, and the sample.

    Of the first two components. Persons of one cell of a grid are one dot, so that a receipt holds a few hundred.
    """
    theirs = persons.components[:, :2]
    low, high = theirs.min(axis=0), theirs.max(axis=0)
    cell = np.where(high > low, high - low, 1) / _CELLS
    dots = np.unique(np.floor((theirs - low) / cell).clip(0, _CELLS - 1), axis=0) * cell + low + cell / 2
    of_each = np.array(persons.populations)
    names = sorted(set(persons.populations))
    middles = [np.median(theirs[of_each == name], axis=0) for name in names]
    return {
        "ancestry_place": [round(float(value), 6) for value in intended[:2]],
        "ancestry_people": [round(float(value), 6) for value in dots.reshape(-1)],
        "ancestry_populations": names,
        "ancestry_middles": [round(float(value), 6) for place in middles for value in place],
    }


def _usual_distance(theirs: NDArray[np.float64]) -> float:
    """Of the median person: mean distance to the nearest others."""
    some = theirs[:: max(1, len(theirs) // 500)]
    near = [np.sort(np.linalg.norm(theirs - one, axis=1))[1 : NEAREST + 1].mean() for one in some]
    return float(np.median(near))


def _populations(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".pop", ".pop.gz")))
    if len(files) != 1:
        raise KnowledgeError(
            f"it holds {len(files)} files that end in .pop, and a panel's persons have one",
            file=folder,
            remedy="put the file .pop of the panel's study into it, or take the .V file away",
        )
    return {fields[0]: fields[1] for _, fields in _rows(files[0]) if len(fields) > 1}


def _with(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    return [(number, line.split()) for number, line in enumerate(text_lines(path), start=1) if line.strip()]
