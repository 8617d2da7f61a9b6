"""The drawing of the house in docs/architecture.md is the house."""

import importlib.util
from graphlib import CycleError
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SVG = {"svg": "http://www.w3.org/2000/svg"}


def load_house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", PROJECT / "docs" / "house.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


house = load_house()


def write(root: Path, **files: str) -> Path:
    """A project of modules by dotted name, with what each holds."""
    for name, text in files.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_drawing_is_that_of_todays_imports() -> None:
    drawn = (PROJECT / "docs" / "images" / "house.svg").read_text()
    assert drawn == house.drawing(PROJECT), "run: python docs/house.py > docs/images/house.svg"


def test_the_page_shows_it_beside_the_house_as_it_was() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text()
    for image in ("house", "house-before"):
        assert f"images/{image}.svg" in page
        texts = ElementTree.parse(PROJECT / "docs" / "images" / f"{image}.svg").findall("svg:text", SVG)
        assert {"engine/ops", "resources", "engine/call"} <= {text.text for text in texts}


def test_a_room_stands_above_what_it_imports_and_a_longer_way_hides_the_short_one(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        engine__errors="",
        engine__cli="from engine.call.caller import call",
        engine__reads__bam="def late():\n    from engine import errors",
        engine__call__caller="import engine.reads.bam\nfrom engine.errors import Error",
        resources__lake="from engine import cli\nimport numpy",
    )
    found = house.rooms(project)
    assert found["engine/call"] == {"engine/reads", house.FOUNDATIONS}
    assert house.floors(found) == [
        [house.FOUNDATIONS],
        ["engine/reads"],
        ["engine/call"],
        [house.COMMANDS],
        ["resources"],
    ]
    assert ("engine/call", house.FOUNDATIONS) not in house.arrows(found)
    assert ("engine/reads", house.FOUNDATIONS) in house.arrows(found)


def test_a_circle_of_rooms_is_no_house(tmp_path: Path) -> None:
    project = write(
        tmp_path, engine__reads__bam="import engine.call.caller", engine__call__caller="import engine.reads.bam"
    )
    with pytest.raises(CycleError):
        house.drawing(project)
