"""A dataset's declaration is what it says, or is refused with its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cohort.dataset import read_dataset
from engine.errors import KnowledgeError

TOLD = """name: p
file: x.vcf
build: GRCh38
source: a study
licence: CC-BY-4.0
consent: GRU
release: 7
"""


def declared(folder: Path, text: str) -> Path:
    path = folder / "p.yaml"
    path.write_text(text)
    return path


def test_a_declaration_is_read(tmp_path: Path) -> None:
    told = read_dataset(declared(tmp_path, TOLD.replace("release: 7", "release: '4.10'")))
    assert (told.name, told.file, told.release) == ("p", (tmp_path / "x.vcf").resolve(), "4.10")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("release: 7", "release: 7\nbuild: GRCh37", "the key 'build' is given twice"),
        ("release: 7", "release: 4.10", "release is read as 4.1, and is to be written in quotes"),
        ("release: 7", "release: [1, 2]", "release is read as"),
        ("source: a study", "source: {a: b}", "source is read as"),
        ("licence: CC-BY-4.0", "licence: yes", "licence is read as True"),
        ("licence: CC-BY-4.0", "licence: no", "licence is read as False"),
        ("name: p", "name: P", "name is 'P'"),
        ("consent: GRU", "", "does not say consent"),
    ],
)
def test_what_is_not_plain_is_refused(old: str, new: str, problem: str, tmp_path: Path) -> None:
    path = declared(tmp_path, TOLD.replace(old, new))
    with pytest.raises(KnowledgeError, match="declared wrongly") as caught:
        read_dataset(path)
    assert problem in caught.value.problem and caught.value.file == str(path) and caught.value.remedy
