"""A file is read once and known while it is untouched; no edit goes unseen."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from resources.lake import digests
from resources.lake.digests import SMALL, Digests
from resources.seals import Seals
from tests.builders.editing import edit_in_place, put_time_back


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "S1.bam"
    path.write_bytes(os.urandom(SMALL))
    return path


@pytest.fixture
def noted(tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch) -> Digests:
    """Digests that know the large file, which counts as settled."""
    monkeypatch.setattr(digests, "_SETTLED", -(10**12))
    found = Digests(Seals(tmp_path / "seals"))
    assert found.of("gvcf", large) == sha256(large)
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_untouched_file_is_not_read_again(noted: Digests, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = sha256(large)
    monkeypatch.setattr(digests, "describe_file", lambda path: pytest.fail(f"{path} is read again"))
    assert noted.of("gvcf", large) == expected


def test_an_edit_at_the_same_size_and_time_is_seen(noted: Digests, large: Path) -> None:
    before = sha256(large)
    edit_in_place(large)
    assert noted.of("gvcf", large) == sha256(large) != before


def test_a_file_swapped_for_another_of_the_same_size_and_time_is_seen(noted: Digests, large: Path) -> None:
    facts, other = large.stat(), large.with_name("other")
    other.write_bytes(os.urandom(SMALL))
    put_time_back(other, facts)
    other.replace(large)
    assert noted.of("gvcf", large) == sha256(large)


def test_a_note_forged_for_the_edited_file_is_not_believed(tmp_path: Path, noted: Digests, large: Path) -> None:
    """Who may write the notes, but does not hold the key, tells the edited file's times with the old digest."""
    note = tmp_path / "seals" / "digests" / "gvcf.json"
    mac, _, text = note.read_text().partition("\n")
    edit_in_place(large)
    facts = large.stat()
    content = json.loads(text)
    content[large.name][0] = [facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns]
    note.write_text(f"{mac}\n{json.dumps(content, sort_keys=True, separators=(',', ':'))}")
    assert noted.of("gvcf", large) == sha256(large)


def test_a_small_file_is_always_read(tmp_path: Path, noted: Digests, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "S1.vcf.gz"
    small.write_text("##fileformat=VCFv4.2\n")
    noted.of("variants", small)
    read = []
    described = digests.describe_file
    monkeypatch.setattr(digests, "describe_file", lambda path: read.append(path) or described(path))
    noted.of("variants", small)
    assert read == [small]


def test_a_file_that_changed_a_moment_ago_is_not_noted(tmp_path: Path, large: Path) -> None:
    Digests(Seals(tmp_path / "seals")).of("gvcf", large)
    assert not list((tmp_path / "seals").rglob("gvcf.json"))
