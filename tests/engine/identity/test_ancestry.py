"""Reference persons beside a panel, whom a sample is like, and files that tell no persons."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import KnowledgeError
from engine.identity.ancestry import ReferencePersons, likeness, picture, read_persons
from engine.identity.panel import read_panel

PERSONS = [(f"P{number}", "A" if number < 30 else "B", 0.01 * (number >= 30), number / 1e5) for number in range(60)]


def beside(folder: Path, *, rows: str = "", populations: str = "") -> Path:
    """The prefix of a panel with persons."""
    told = "".join(f"{name}\t{x}\t{y}\n" for name, _, x, y in PERSONS)
    (folder / "test.V").write_text(rows or told)
    (folder / "study.pop").write_text(populations or "".join(f"{name}\t{of}\n" for name, of, *_ in PERSONS))
    return folder / "test"


def test_the_nearest_persons_are_counted(tmp_path: Path) -> None:
    persons = read_persons(beside(tmp_path), 2)
    assert persons is not None and len(persons) == 60
    assert likeness((0.0, 0.0), persons).nearest == (("A", 20),)
    between = likeness((0.005, 30 / 1e5), persons)
    assert dict(between.nearest).keys() == {"A", "B"} and between.is_far
    assert between.told.endswith("; none of them is near")


def test_without_persons_nothing_is_told(tmp_path: Path) -> None:
    assert read_persons(tmp_path / "test", 2) is None


@pytest.mark.parametrize(
    ("rows", "populations", "told"),
    [
        ("P1\t0.1\n", "", "an id and 2 components are expected"),
        ("P1\t0.1\tx\n", "", "an id and 2 components are expected"),
        ("P1\t0.1\t0\nP1\t0.1\t0\n", "", "P1 comes twice"),
        ("", "P1\tA\n", "of 60 persons the population of 1 is known; 40 are needed"),
    ],
)
def test_what_tells_no_persons_is_refused(tmp_path: Path, rows: str, populations: str, told: str) -> None:
    with pytest.raises(KnowledgeError, match=told):
        read_persons(beside(tmp_path, rows=rows, populations=populations), 2)


def test_two_files_of_populations_are_refused(tmp_path: Path) -> None:
    prefix = beside(tmp_path)
    (tmp_path / "other.pop.gz").write_bytes(b"")
    with pytest.raises(KnowledgeError, match=r"it holds 2 files that end in \.pop"):
        read_persons(prefix, 2)


@pytest.mark.parametrize("population", ["GBR", "YRI", "CHS"])
def test_a_person_of_a_published_panel_is_like_the_own_population(
    shared_data: Path, tmp_path: Path, population: str
) -> None:
    """Two components tell continents and hardly more: the own population is among the nearest twenty."""
    folder = shared_data / "contamination" / "panels"
    for name in ("1000g.phase3.10k.b38.V.gz", "1000g.pop.gz"):
        (tmp_path / name).symlink_to(folder / name)
    panel = read_panel(folder / "1000g.phase3.10k.b38")
    persons = read_persons(tmp_path / "1000g.phase3.10k.b38", panel.loadings.shape[1])
    assert persons is not None and len(persons) > 1_000
    own = persons.components[[name == population for name in persons.populations]][:, :2]
    found = likeness(tuple(np.median(own, axis=0)), persons)
    assert population in dict(found.nearest) and not found.is_far


def test_a_picture_has_persons_as_dots_and_the_middles_of_populations() -> None:
    places = np.array([[0.1, 0.2, 9.0], [0.3, 0.4, 8.0], [0.30001, 0.40001, 7.0]])
    told = picture((0.2, 0.3), ReferencePersons(places, ("GBR", "FIN", "FIN")))
    assert told["ancestry_place"] == [0.2, 0.3] and told["ancestry_populations"] == ["FIN", "GBR"]
    assert told["ancestry_middles"] == pytest.approx([0.300005, 0.400005, 0.1, 0.2])
    assert len(told["ancestry_people"]) == 4, "two of them lie in one dot"  # type: ignore[arg-type]
