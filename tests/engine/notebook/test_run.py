"""A notebook in the pipeline: parameters in; page, figures and measures out, or one error that tells the cell."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from engine.errors import ToolError
from engine.notebook.run import run_notebook

PARAMETERS = new_code_cell("many = 1\nname = 'none'", metadata={"tags": ["parameters"]})


def written(folder: Path, *cells: object) -> Path:
    path = folder / "told.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[PARAMETERS, *cells], metadata={"kernelspec": kernel}), path)
    return path


def run(notebook: Path, folder: Path, **parameters: object):
    (folder / "made").mkdir(exist_ok=True)
    return run_notebook(
        notebook, folder / "made", inputs={"data": folder / "data"}, parameters=parameters, scratch=folder
    )


def test_what_it_draws_tells_and_writes_is_kept_and_nothing_that_was_saved_with_it(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("forty-two")
    stale = new_code_cell("print(open('data').read(), many, name)", metadata={})
    stale.outputs = [nbformat.v4.new_output("stream", text="of another day")]
    notebook = written(
        tmp_path,
        new_markdown_cell("# What is told"),
        stale,
        new_code_cell("import matplotlib.pyplot as plt\nplt.plot([0, many]);", metadata={"figure": "A line"}),
        new_code_cell("from engine.notebook.told import tell\ntell(many=many, share=0.5)"),
        new_code_cell("open('made/more.txt', 'w').write('kept')"),
    )
    ran = run(notebook, tmp_path, many=7)
    assert ran.measures == {"many": 7, "share": 0.5} and ran.figures == ("A line",)
    made = tmp_path / "made"
    assert {path.name for path in made.iterdir()} == {"told.html", "told.ipynb", "A line.png", "more.txt"}
    page = (made / "told.html").read_text()
    assert "forty-two 7 none" in page and "of another day" not in page and "What is told" in page
    assert (made / "A line.png").read_bytes().startswith(b"\x89PNG")
    # It stands by itself: no script, and nothing from another place.
    assert "<script" not in page and not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", page)
    again = nbformat.read(made / "told.ipynb", 4)
    assert [cell.metadata.get("tags") for cell in again.cells][1] == ["injected-parameters"]


@pytest.mark.parametrize(
    ("cell", "told", "place"),
    [
        (new_code_cell("x = 0\n1 / x"), "ZeroDivisionError: division by zero", "cell 2 (x = 0)"),
        (new_code_cell("import os\nos._exit(3)"), "its process ended", "cell"),
        (new_code_cell("1", metadata={"figure": "Nothing"}), "the figure 'Nothing' and drew 0", "cell 2"),
    ],
)
def test_a_cell_that_fails_is_told_and_no_page_is_made(tmp_path: Path, cell: object, told: str, place: str) -> None:
    notebook = written(tmp_path, cell, new_code_cell("print('not reached')"))
    with pytest.raises(ToolError, match=re.escape(told)) as caught:
        run(notebook, tmp_path, many=2)
    assert caught.value.file == str(notebook) and (caught.value.place or "").startswith(place)
    assert not list((tmp_path / "made").iterdir())


def test_a_parameter_that_it_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no parameter samples") as caught:
        run(written(tmp_path), tmp_path, samples=2)
    assert "its parameters are many, name" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "{}", '{"nbformat": 4, "cells": [{}]}'])
def test_what_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "told.ipynb").write_text(text)
    with pytest.raises(ToolError, match=r"cannot be read|are tagged"):
        run(tmp_path / "told.ipynb", tmp_path)
