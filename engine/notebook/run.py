"""Running one notebook from top to bottom, and what is kept of it.

Its parameters are set in a cell of their own after the one that is tagged ``parameters``, as papermill does it, so that
the page shows with what it was made. It runs in a process of its own, in a folder where its inputs stand under plain
names; outputs that were saved with it are cleared first. A cell whose metadata has ``figure`` draws the figure of that
title. A notebook whose cell fails makes no page: the error tells the cell.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import ast
import base64
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from engine.errors import ToolError
from engine.notebook.told import MEASURES
from engine.receipt import Measure

PARAMETERS, INJECTED = "parameters", "injected-parameters"
MADE = "made"
"""Name, where a notebook runs, of the folder of what is kept: files written there are part of the artifact."""
LONGEST: Final = 4 * 3600
"""Seconds that a cell may take."""
_ESCAPES = re.compile("\x1b\\[[0-9;]*m")
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>{highlighted}</style><style>{style}</style></head><body><main>{body}</main></body></html>
"""
_STYLE = """
body { font: 16px/1.5 sans-serif; color: #1b2733; background: #fff; margin: 0 }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
img, svg { max-width: 100% }
pre { background: #f5f7f9; padding: .5rem .8rem; overflow-x: auto; font-size: 13px; border-radius: 4px }
.prompt, .anchor-link, .jp-InputPrompt, .jp-OutputPrompt { display: none }
table { border-collapse: collapse; font-size: 14px; margin: .6rem 0 }
th, td { border-bottom: 1px solid #dde3e8; padding: .2rem .7rem; text-align: right }
th { text-align: left; font-weight: 600 }
"""


@dataclass(frozen=True)
class Ran:
    """What a notebook made.

    Attributes:
        measures: what it told (:func:`engine.notebook.told.tell`).
        figures: titles of its figures in their order; each is a file ``<title>.png`` of the folder.
    """

    measures: Mapping[str, Measure]
    figures: tuple[str, ...]


def run_notebook(
    notebook: Path,
    folder: Path,
    *,
    inputs: Mapping[str, Path],
    parameters: Mapping[str, Any],
    scratch: Path,
    longest: int = LONGEST,
) -> Ran:
    """Run a notebook; write its page, the notebook with what it said, and its figures.

    Args:
        notebook: an ``.ipynb`` of format 4.
        folder: for ``<name>.html``, ``<name>.ipynb``, a PNG for each figure, and what the notebook makes itself.
        inputs: files and folders by the name that each has where the notebook runs.
        parameters: values by name, of those that the cell tagged ``parameters`` sets; numbers, texts, lists.
        scratch: folder for temporary files.
        longest: seconds that a cell may take.

    Raises:
        ToolError: a cell failed, took too long or drew no figure that it promises, a parameter is not one of the
            notebook's, or what runs notebooks is not installed.
    """
    with TemporaryDirectory(dir=scratch) as place:
        for name, path in {**inputs, MADE: folder}.items():
            Path(place, name).symlink_to(path.absolute())
        read = _with_parameters(_read(notebook), parameters, notebook)
        _execute(read, notebook, Path(place), longest)
    figures = dict(_figures(read, notebook))
    for title, drawn in figures.items():
        (folder / f"{title}.png").write_bytes(drawn)
    (folder / f"{notebook.stem}.html").write_text(_page(read, notebook.stem), "utf-8")
    _nbformat().write(read, folder / notebook.name)
    return Ran(_measures(read), tuple(figures))


def _nbformat() -> Any:
    try:
        import nbclient  # noqa: F401
        import nbconvert  # noqa: F401
        import nbformat
    except ImportError as error:
        raise ToolError("what runs notebooks is not installed", remedy="install the extra `notebooks`") from error
    return nbformat


def _read(notebook: Path) -> Any:
    """The notebook without any output that was saved with it."""
    from json import JSONDecodeError

    nbformat = _nbformat()
    try:
        read = nbformat.read(notebook, as_version=4)
        nbformat.validate(read)
    except (OSError, JSONDecodeError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise ToolError(
            f"the notebook cannot be read: {_first_line(error)}", file=notebook, remedy="save it again in Jupyter"
        ) from error
    for cell in read.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return read


def _with_parameters(read: Any, parameters: Mapping[str, Any], notebook: Path) -> Any:
    """With a cell of its own that sets the parameters, after the one that sets their defaults."""
    places = [number for number, cell in enumerate(read.cells) if PARAMETERS in cell.metadata.get("tags", ())]
    if len(places) != 1:
        raise ToolError(
            f"{len(places)} cells of the notebook are tagged {PARAMETERS!r}", file=notebook, remedy="tag exactly one"
        )
    known = _assigned(read.cells[places[0]].source)
    if unknown := sorted(set(parameters) - known):
        raise ToolError(
            f"the notebook has no parameter {', '.join(unknown)}",
            file=notebook,
            remedy=f"its parameters are {', '.join(sorted(known))}",
        )
    if parameters:
        from nbformat.v4 import new_code_cell

        source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        cell = new_code_cell(source, id=INJECTED, metadata={"tags": [INJECTED]})
        read.cells.insert(places[0] + 1, cell)
    return read


def _assigned(source: str) -> set[str]:
    targets = [target for node in ast.parse(source).body if isinstance(node, ast.Assign) for target in node.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _execute(read: Any, notebook: Path, place: Path, longest: int) -> None:
    """Run every cell in a kernel that talks through sockets in a private folder, not through ports."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    with TemporaryDirectory(prefix="nb") as private:  # short: a socket's path has 107 letters at most
        manager = AsyncKernelManager(
            kernel_name="python3", transport="ipc", connection_file=str(Path(private, "kernel.json")), ip=f"{private}/k"
        )
        client = NotebookClient(
            read, km=manager, timeout=longest, record_timing=False, resources={"metadata": {"path": str(place)}}
        )
        told = os.environ | {"IPYTHONDIR": private, "JUPYTER_RUNTIME_DIR": private}
        try:
            client.execute(env=told)
        except CellExecutionError as error:
            raise _failed(read, notebook, f"{error.ename}: {_plain(error.evalue)}") from error
        except CellTimeoutError as error:
            raise _failed(read, notebook, f"took more than {longest:,} seconds") from error
        except DeadKernelError as error:
            raise _failed(read, notebook, "its process ended, perhaps for want of memory") from error


def _failed(read: Any, notebook: Path, why: str) -> ToolError:
    """Names the cell that was run last, by its number among the notebook's own cells and its first line."""
    own = list(_own_cells(read))
    number, cell = next((each for each in reversed(own) if _was_run(each[1])), own[0])
    (first, *_) = cell.source.splitlines() or [""]
    return ToolError(
        f"the notebook's cell failed: {why}",
        file=notebook,
        place=f"cell {number} ({first.strip()[:60]})",
        remedy="open the notebook and run it up to this cell; nothing is published of it",
    )


def _own_cells(read: Any) -> Iterator[tuple[int, Any]]:
    """Its cells with the numbers that they have without the one that sets parameters."""
    return enumerate((cell for cell in read.cells if cell.get("id") != INJECTED), 1)


def _was_run(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.execution_count or cell.outputs)


def _plain(text: str) -> str:
    """Without colours, and without the full stop with which our own errors end."""
    return _ESCAPES.sub("", text).strip().removesuffix(".")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _figures(read: Any, notebook: Path) -> Iterator[tuple[str, bytes]]:
    for number, cell in _own_cells(read):
        title = cell.metadata.get("figure")
        if title is None:
            continue
        drawn = [data["image/png"] for data in _data(cell) if "image/png" in data]
        if len(drawn) != 1:
            raise ToolError(
                f"the cell is to draw the figure {title!r} and drew {len(drawn)}",
                file=notebook,
                place=f"cell {number}",
                remedy="draw one figure in this cell, or take `figure` out of its metadata",
            )
        yield title, base64.b64decode(drawn[0])


def _measures(read: Any) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for cell in read.cells:
        for data in _data(cell):
            found |= data.get(MEASURES, {})
    return found


def _data(cell: Any) -> Sequence[Mapping[str, Any]]:
    return [output["data"] for output in cell.get("outputs", ()) if "data" in output]


def _page(read: Any, title: str) -> str:
    """The notebook as a page that stands by itself: it loads nothing from anywhere, and runs nothing."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(read)
    highlighted = HtmlFormatter().get_style_defs(".highlight")
    return _PAGE.format(title=escape(title), highlighted=highlighted, style=_STYLE, body=body)
