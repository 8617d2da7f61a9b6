"""A receipt is the one that the audit log says was published last, or it is refused."""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import LakeError
from engine.receipt import Receipt, Recipe
from resources import ledger
from resources.audit import DONE, AuditLog
from resources.lake import LocalLake, local
from resources.ledger import ABANDONED, ADOPTED, ADOPTION, PUBLISHED


def publish(lake: LocalLake, content: str = "reads", *, asset: str = "aligned_reads", sample: str = "S1") -> Receipt:
    with lake.work(asset, sample) as work:
        (work.folder / "reads.txt").write_text(content)
        return work.publish(records=1, recipe=Recipe(), measures={"mean_coverage": 12.0})


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake", AuditLog(tmp_path / "audit" / "audit.jsonl"))


@pytest.fixture
def receipt_file(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "samples" / "S1" / "aligned_reads" / "receipt.json"


def reopened(lake: LocalLake) -> LocalLake:
    """The lake as the next process finds it."""
    assert lake.audit
    return LocalLake(lake.root, AuditLog(lake.audit.path))


def written_down(lake: LocalLake) -> list[str]:
    assert lake.audit
    return [entry.event.what for entry in lake.audit.entries()]


def problems(lake: LocalLake) -> list[str]:
    return [finding.problem for finding in lake.findings("aligned_reads", "S1") if not finding.harmless]


def test_each_publication_is_an_intent_and_its_outcome_and_an_equal_one_is_none(lake: LocalLake) -> None:
    publish(lake)
    publish(lake)
    publish(lake, "other reads")
    assert written_down(lake) == [ADOPTION, PUBLISHED, DONE, PUBLISHED, DONE]
    assert lake.audit and lake.audit.verify() == 5 and lake.audit.open_intents() == []
    assert problems(lake) == []


def raise_coverage(receipt: Path) -> None:
    receipt.write_text(receipt.read_text().replace("12.0", "99.0"))


def other_tool(receipt: Path) -> None:
    content = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(content | {"recipe": content["recipe"] | {"tools": {"bwa": "0.7.17"}}}))


def empty(receipt: Path) -> None:
    receipt.write_text("")


def no_text(receipt: Path) -> None:
    receipt.write_bytes(b"\xff\xfe{}")


def of_another_sample(receipt: Path) -> None:
    receipt.write_text(receipt.read_text().replace('"S1"', '"S2"'))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (raise_coverage, "the receipt of aligned_reads was changed"),
        (other_tool, "the receipt of aligned_reads was changed"),
        (empty, "the receipt cannot be read, it is empty"),
        (no_text, "the receipt cannot be read"),
        (of_another_sample, "the receipt is that of aligned_reads of S2"),
    ],
)
def test_an_edited_receipt_is_refused_with_sample_file_and_remedy(
    lake: LocalLake, receipt_file: Path, edit: Callable[[Path], None], said: str
) -> None:
    publish(lake)
    edit(receipt_file)
    for read in (reopened(lake).require, reopened(lake).receipt):
        with pytest.raises(LakeError) as refused:
            read("aligned_reads", "S1")
        told = str(refused.value)
        assert told.startswith("sample S1: ") and str(receipt_file) in told
        assert said in told and "materialize" in told
    assert reopened(lake).previous("aligned_reads", "S1") is None
    assert publish(reopened(lake)) == reopened(lake).require("aligned_reads", "S1"), "making it again mends it"


def test_a_receipt_put_back_to_an_earlier_one_is_refused_and_named(lake: LocalLake, receipt_file: Path) -> None:
    publish(lake, "one")
    earlier = receipt_file.read_text()
    kept = shutil.copytree(receipt_file.parent, lake.root.parent / "kept")
    publish(lake, "two")
    shutil.copytree(kept, receipt_file.parent, dirs_exist_ok=True)
    assert receipt_file.read_text() == earlier
    with pytest.raises(LakeError, match="aligned_reads was put back to an earlier one"):
        reopened(lake).require("aligned_reads", "S1")
    (problem,) = problems(lake)
    assert "was put back to an earlier one" in problem


def test_without_notes_the_log_decides(lake: LocalLake, receipt_file: Path, tmp_path: Path) -> None:
    first = publish(lake, "one")
    kept = receipt_file.read_text()
    second = publish(lake, "two")
    shutil.rmtree(tmp_path / "audit" / "seals")
    assert reopened(lake).require("aligned_reads", "S1") == second != first
    shutil.rmtree(tmp_path / "audit" / "seals")
    receipt_file.write_text(kept)
    with pytest.raises(LakeError, match="put back"):
        reopened(lake).require("aligned_reads", "S1")


def test_a_gate_that_knows_the_receipt_does_not_read_the_log(lake: LocalLake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lake)
    monkeypatch.setattr(AuditLog, "entries_about", lambda *_, **__: pytest.fail("the log is read"))
    assert reopened(lake).require("aligned_reads", "S1")


def test_a_receipt_that_nobody_published_is_refused(lake: LocalLake, receipt_file: Path) -> None:
    publish(lake)
    forged = receipt_file.parent.parent / "variants"
    shutil.copytree(receipt_file.parent, forged)
    (forged / "receipt.json").write_text(receipt_file.read_text().replace("aligned_reads", "variants"))
    with pytest.raises(LakeError, match="the receipt of variants is not in the audit log"):
        reopened(lake).require("variants", "S1")


def test_an_edited_receipt_of_the_history_and_a_receipt_that_is_gone_are_named(
    lake: LocalLake, receipt_file: Path
) -> None:
    publish(lake, "one")
    publish(lake, "two")
    (history, *_) = sorted((receipt_file.parent / "history").glob("*.json"))
    raise_coverage(history)
    assert problems(lake) == [
        f"the receipt {history.name} in the history of aligned_reads is not one that was published"
    ]
    receipt_file.unlink()
    assert "the receipt of aligned_reads is gone" in problems(lake)


def test_a_lake_of_an_earlier_release_is_adopted_once(lake: LocalLake, receipt_file: Path) -> None:
    """The first release wrote no schema number and nothing about receipts into the log."""
    unbound = LocalLake(lake.root)
    publish(unbound, "one")
    receipt = publish(unbound, "two")
    publish(unbound, sample="S2")
    for path in lake.root.rglob("*.json"):
        path.write_text(path.read_text().replace(',\n  "schema": 1', ""))
    assert '"schema"' not in receipt_file.read_text()
    assert reopened(lake).require("aligned_reads", "S1") == receipt
    assert written_down(lake) == [ADOPTED, ADOPTED, ADOPTION]
    assert problems(reopened(lake)) == [] and reopened(lake).require("aligned_reads", "S2")
    raise_coverage(receipt_file)
    shutil.rmtree(lake.root.parent / "audit" / "seals")
    with pytest.raises(LakeError, match="was changed"):
        reopened(lake).require("aligned_reads", "S1")
    assert written_down(lake) == [ADOPTED, ADOPTED, ADOPTION]


def die_before_the_receipt(lake: LocalLake, content: str) -> None:
    """Publish in a process that is killed between the entry and the receipt."""

    def killed(root: Path, log: Path) -> None:
        write = local._write_atomically
        local._write_atomically = lambda path, text: os._exit(9) if path.name == "receipt.json" else write(path, text)
        publish(LocalLake(root, AuditLog(log)), content)

    assert lake.audit
    process = multiprocessing.get_context("fork").Process(target=killed, args=(lake.root, lake.audit.path))
    process.start()
    process.join()
    assert process.exitcode == 9


def test_a_process_killed_after_the_entry_leaves_the_earlier_version_in_force(lake: LocalLake) -> None:
    first = publish(lake, "one", asset="variants")
    die = publish(lake, "one")
    die_before_the_receipt(lake, "two")
    assert reopened(lake).require("aligned_reads", "S1") == die
    assert problems(lake) == []
    (unfinished,) = lake.findings("aligned_reads", "S1")
    assert unfinished.harmless and "was not finished" in unfinished.problem
    publish(lake, "three")
    assert lake.findings("aligned_reads", "S1") == []
    assert written_down(lake)[-3:] == [ABANDONED, PUBLISHED, DONE]
    assert lake.audit and lake.audit.open_intents() == []
    assert lake.require("variants", "S1") == first


def test_a_process_killed_before_its_note_has_published(lake: LocalLake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lake, "one")
    monkeypatch.setattr(ledger.Ledger, "seal", lambda *_: None)
    second = publish(lake, "two")
    monkeypatch.undo()
    assert reopened(lake).require("aligned_reads", "S1") == second
    assert lake.findings("aligned_reads", "S1") == []


def _publish_for_a_second(root: Path, log: Path) -> None:
    lake, until, number = LocalLake(root, AuditLog(log)), time.monotonic() + 2.0, 0
    while time.monotonic() < until:
        number += 1
        publish(lake, f"reads {number}")


def test_a_reader_is_never_refused_what_is_being_published(lake: LocalLake) -> None:
    assert lake.audit
    publish(lake)
    writer = multiprocessing.get_context("fork").Process(
        target=_publish_for_a_second, args=(lake.root, lake.audit.path)
    )
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(reopened(lake).require("aligned_reads", "S1").data_version)
    writer.join()
    assert writer.exitcode == 0 and len(seen) > 1
    assert problems(lake) == []
