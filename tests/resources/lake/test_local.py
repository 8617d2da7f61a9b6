"""The lake in a folder: what is peculiar to it, and that it shows whole artifacts only. See test_any_backend.py."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from engine.errors import LakeError
from engine.receipt import Recipe
from resources.lake import Lake, LocalLake


def publish(lake: Lake, content: str = "reads", *, asset: str = "raw_reads", recipe: Recipe = Recipe()):  # noqa: B008
    with lake.work(asset, "S1") as work:
        (work.folder / "reads.txt").write_text(content)
        return work.publish(records=1, recipe=recipe, measures={"pairs": 1})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return LocalLake(tmp_path / "lake")


def test_nothing_is_visible_before_publication_or_after_a_failure(lake: Lake) -> None:
    with pytest.raises(RuntimeError), lake.work("raw_reads", "S1") as work:
        (work.folder / "reads.txt").write_text("half")
        assert lake.receipt("raw_reads", "S1") is None
        raise RuntimeError("the disk is full")
    assert lake.receipt("raw_reads", "S1") is None
    assert not [path for path in lake.root.rglob("*") if path.name == "reads.txt"]


def test_who_makes_an_artifact_waits_for_nobody(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the artifact itself: what is not there yet, or is damaged, is published by nobody else meanwhile."""

    def slept(seconds: float) -> None:
        raise AssertionError("the maker waits for itself")

    monkeypatch.setattr("resources.lake.vouched.time.sleep", slept)
    receipt = publish(lake, "one")
    lake.path(receipt, "reads.txt").write_text("gone")
    with lake.work("raw_reads", "S1"):
        assert lake.previous("raw_reads", "S1") is None
        assert lake.previous("raw_reads", "S2") is None


def test_another_content_becomes_current_and_the_history_keeps_both(lake: Lake) -> None:
    first = publish(lake, "one")
    time.sleep(1.1)
    second = publish(lake, "two")
    assert lake.require("raw_reads", "S1") == second
    assert lake.history("raw_reads", "S1") == [first, second]
    assert not lake.folder(first).exists()


def test_a_shortened_file_is_refused_and_a_changed_one_is_found_by_verification(lake: Lake) -> None:
    receipt = publish(lake)
    path = lake.path(receipt, "reads.txt")
    path.write_text("READS")
    with pytest.raises(LakeError, match="differs from its receipt"):
        lake.verify(receipt)
    path.write_text("rea")
    with pytest.raises(LakeError, match="5 bytes were published"):
        lake.require("raw_reads", "S1")


def _publish_for_ever(root: Path) -> None:
    number = 0
    while True:
        publish(LocalLake(root), f"{number}\n" * 50_000)
        number += 1


def test_a_killed_process_leaves_a_whole_artifact(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake")
    publish(lake, "first")
    context = multiprocessing.get_context("fork")
    for delay in (0.01, 0.02, 0.03, 0.05, 0.08, 0.13):
        writer = context.Process(target=_publish_for_ever, args=(lake.root,))
        writer.start()
        time.sleep(delay)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        lake.verify(lake.require("raw_reads", "S1"))
    publish(lake, "last")
    assert lake.path(lake.require("raw_reads", "S1"), "reads.txt").read_text() == "last"
    assert not list((lake.root / ".work").glob("*/*"))


def test_who_waits_for_another_process_says_so_and_goes_on_after_its_end(lake: Lake) -> None:
    said: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with lake.work("raw_reads", "S1", log=lambda line: (said.append(line), waiting.set())) as work:  # type: ignore[func-returns-value]
            (work.folder / "reads.txt").write_text("second")
            work.publish(records=1, recipe=Recipe(), measures={})

    other = threading.Thread(target=second)
    with lake.work("raw_reads", "S1", log=said.append) as work:
        other.start()
        assert waiting.wait(10) and said == ["another run is making raw_reads: waiting for its end"]
        (work.folder / "reads.txt").write_text("first")
        first = work.publish(records=1, recipe=Recipe(), measures={})
    other.join(10)
    assert [receipt.data_version for receipt in lake.history("raw_reads", "S1")].count(first.data_version) == 1
    assert lake.path(lake.require("raw_reads", "S1"), "reads.txt").read_text() == "second"


def _append(root: Path, word: str) -> None:
    for _ in range(5):
        publish(LocalLake(root), word * 100_000)


def test_two_processes_publish_one_after_the_other(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(lake.root, word)) for word in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    lake.verify(lake.require("raw_reads", "S1"))
