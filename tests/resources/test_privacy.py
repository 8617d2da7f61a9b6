"""Files are for owner and group alone, whatever the umask and whatever was there before."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.privacy import close_to_others, keep_private


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(("umask", "expected"), [(0o000, 0o660), (0o022, 0o640), (0o077, 0o600)])
def test_what_is_made_from_now_on_is_closed_to_others(tmp_path: Path, umask: int, expected: int) -> None:
    os.umask(umask)
    keep_private()
    (tmp_path / "file").write_text("reads")
    (tmp_path / "folder").mkdir()
    assert mode(tmp_path / "file") == expected
    assert mode(tmp_path / "folder") & 0o007 == 0


def test_what_an_earlier_release_left_open_is_closed_but_what_people_drop_keeps_its_mode(tmp_path: Path) -> None:
    data, outside = tmp_path / "data", tmp_path / "outside"
    outside.write_text("another program's")
    for name in ("lake/a/receipt.json", "landing/sheet.csv", "dagster_home/runs.db"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("x")
    (data / "lake" / "link").symlink_to(outside)
    close_to_others(data, delivered=[data / "landing"])
    open_still = [path for path in (data, *data.rglob("*")) if path.lstat().st_mode & 0o007 and not path.is_symlink()]
    assert open_still == [data / "landing" / "sheet.csv"]
    assert mode(outside) == 0o666
    assert mode(data / "lake" / "a" / "receipt.json") == 0o660


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    close_to_others(tmp_path / "data")
    assert mode(tmp_path / "data") & 0o007 == 0
