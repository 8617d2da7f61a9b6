"""A note is trusted only if the platform wrote it, under that name."""

from pathlib import Path

import pytest

from resources.seals import Seals


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    found = Seals(tmp_path / "seals")
    found.write("digests/S1/gvcf", {"file": "abc"})
    return found


def test_what_was_noted_is_read_again_by_the_next_process(tmp_path: Path, seals: Seals) -> None:
    assert Seals(tmp_path / "seals").read("digests/S1/gvcf") == {"file": "abc"}
    assert seals.read("digests/S1/variants") == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [('"abc"', '"abd"'), ("{", "["), ("", ""), ("\n", "")],
)
def test_a_note_that_was_changed_says_nothing(tmp_path: Path, seals: Seals, old: str, new: str) -> None:
    path = tmp_path / "seals" / "digests" / "S1" / "gvcf.json"
    text = path.read_text()
    path.write_text(text.replace(old, new) if old else "")
    assert seals.read("digests/S1/gvcf") == {}


def test_a_note_moved_to_another_name_says_nothing(tmp_path: Path, seals: Seals) -> None:
    folder = tmp_path / "seals" / "digests" / "S1"
    (folder / "variants.json").write_text((folder / "gvcf.json").read_text())
    assert seals.read("digests/S1/variants") == {}


def test_the_key_is_the_owners_alone_and_another_key_opens_nothing(tmp_path: Path, seals: Seals) -> None:
    key = tmp_path / "seals" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_bytes(bytes(32))
    assert Seals(tmp_path / "seals").read("digests/S1/gvcf") == {}


def test_where_nothing_can_be_written_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / "seals").write_text("a file where the folder should be")
    seals = Seals(tmp_path / "seals")
    seals.write("name", {"a": 1})
    assert seals.read("name") == {}
