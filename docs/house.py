"""The drawing of the house, made of the code's own imports: ``python docs/house.py > docs/images/house.svg``.

A room is a top package, a folder of the engine, or the loose files at the engine's top, in two lots: what puts the
steps together, and what all steps use. A room stands above all that it imports; an arrow leads from a room to one that
it imports, and is left out where a longer way leads there too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from xml.sax.saxutils import escape

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "resources", "console", "portal", "genomics_assets", "demo")
COMMANDS, FOUNDATIONS = "engine: commands", "engine: foundations"
_ABOVE = {"cli", "command_files", "start", "warm"}
"""Files at the engine's top that put its steps together; others there are below all steps."""

WIDTH, FLOOR, MARGIN, LETTER = 640, 70, 20, 7.4
BOX, GAP = 34, 30
_STYLE = (
    "rect{fill:#eef3fa;stroke:#3b4a63}.engine{fill:#dfe9f5}text{font:13px sans-serif;fill:#1b2433;text-anchor:middle}"
    "path{fill:none;stroke:#8391a7}marker path{fill:#8391a7;stroke:none}"
)


def rooms(project: Path) -> dict[str, set[str]]:
    """Every room with the rooms that it imports anywhere, inside functions too."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((project / package).rglob("*.py")):
            room = _room(path.relative_to(project).with_suffix("").parts, project)
            reached = {_room(tuple(name.split(".")), project) for name in _imports(path)}
            found.setdefault(room, set()).update(reached - {room, ""})
    return {room: reached for room, reached in found.items() if room}


def _imports(path: Path) -> Iterator[str]:
    """Modules in full; what is taken from a package is a module of it or stands in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(parts: tuple[str, ...], project: Path) -> str:
    """The room of a module, empty for what is no code of ours."""
    if parts[0] not in PACKAGES or not (project / parts[0]).is_dir():
        return ""
    if parts[0] != "engine":
        return parts[0]
    if len(parts) < 2 or parts[1] == "__init__":
        return ""
    if parts[1] == "ops" or (project / "engine" / parts[1]).is_dir():
        return f"engine/{parts[1]}"
    if not (project / "engine" / f"{parts[1]}.py").is_file():
        return ""
    return COMMANDS if parts[1] in _ABOVE else FOUNDATIONS


def floors(house: Mapping[str, set[str]]) -> list[list[str]]:
    """The rooms of each floor, the ground first.

    Raises:
        graphlib.CycleError: rooms import each other in a circle.
    """
    level: dict[str, int] = {}
    for room in TopologicalSorter(house).static_order():
        level[room] = 1 + max((level[below] for below in house[room]), default=-1)
    return [sorted(room for room in level if level[room] == height) for height in range(max(level.values()) + 1)]


def arrows(house: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Imports between rooms that no longer way implies."""
    below: dict[str, set[str]] = {}
    for room in TopologicalSorter(house).static_order():
        below[room] = house[room].union(*(below[other] for other in house[room]))
    return [
        (room, to)
        for room in sorted(house)
        for to in sorted(house[room])
        if not any(to in below[b] for b in house[room])
    ]


def drawing(project: Path) -> str:
    """The house as SVG."""
    house = rooms(project)
    levels = floors(house)
    height = len(levels) * FLOOR + 2 * MARGIN - (FLOOR - BOX)
    places = {room: place for number, level in enumerate(levels) for room, place in _row(level, number, height)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="to" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
        *(_arrow(places[one], places[other]) for one, other in arrows(house)),
        *(_box(room, *place) for room, place in places.items()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


Place = tuple[float, float, float]
"""Middle, top and width of a room."""


def _row(level: list[str], number: int, height: int) -> Iterator[tuple[str, Place]]:
    widths = [LETTER * len(room) + 26 for room in level]
    free = WIDTH - sum(widths) - GAP * (len(level) - 1)
    left = free / 2
    for room, width in zip(level, widths, strict=True):
        yield room, (left + width / 2, height - MARGIN - BOX - number * FLOOR, width)
        left += width + GAP


def _box(room: str, middle: float, top: float, width: float) -> str:
    kind = ' class="engine"' if room.startswith("engine") else ""
    return (
        f'<rect{kind} x="{middle - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BOX}" rx="3"/>'
        f'<text x="{middle:.1f}" y="{top + 22:.1f}">{escape(room)}</text>'
    )


def _arrow(one: Place, other: Place) -> str:
    start, end, bend = one[1] + BOX, other[1], FLOOR / 2
    return (
        f'<path marker-end="url(#to)" d="M{one[0]:.1f} {start:.1f}'
        f'C{one[0]:.1f} {start + bend:.1f} {other[0]:.1f} {end - bend:.1f} {other[0]:.1f} {end:.1f}"/>'
    )


if __name__ == "__main__":
    sys.stdout.write(drawing(Path(sys.argv[1]).resolve() if sys.argv[1:] else PROJECT))
