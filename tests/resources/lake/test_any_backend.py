"""What every lake does, wherever its bytes lie: the contract of ``resources/lake/contract.py``, tried on each backend.

A new backend is one more line in ``BACKENDS``: how one is opened that keeps its bytes below a folder, and how somebody
changes a file of it behind its back.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from engine.errors import LakeError
from engine.receipt import Receipt, Recipe
from resources.lake import Lake, LocalLake
from tests.builders.azurite import Token, azurite, why_not


@dataclass(frozen=True)
class Backend:
    """One kind of lake.

    Attributes:
        open: a lake over what is kept below a folder; opened twice it is the same lake.
        change: writes other bytes in place of a published file's, as no program of the platform would.
    """

    open: Callable[[Path], Lake]
    change: Callable[[Lake, Receipt, str, bytes], object]


def open_azure(folder: Path) -> Lake:
    """A container by the folder's name, as a machine sees it that has brought nothing here yet."""
    from resources.lake.azure import AzureLake

    running = azurite()
    url = running.container(sha256(str(folder).encode()).hexdigest()[:32])
    return AzureLake(url, Token(), folder / uuid.uuid4().hex, options=running.options)


def overwrite(lake: Lake, receipt: Receipt, name: str, content: bytes) -> None:
    lake._blob(f"{lake._version(receipt)}/{name}").upload_blob(content, overwrite=True)  # type: ignore[attr-defined]


BACKENDS = {
    "azure": Backend(open=open_azure, change=overwrite),
    "local": Backend(
        open=lambda folder: LocalLake(folder / "lake"),
        change=lambda lake, receipt, name, content: lake.path(receipt, name).write_bytes(content),
    ),
}
NOTHING = Recipe()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "azure" and (missing := why_not()):
        pytest.skip(missing)
    yield BACKENDS[request.param]


@pytest.fixture
def lake(backend: Backend, tmp_path: Path) -> Lake:
    return backend.open(tmp_path)


def publish(
    lake: Lake, content: str = "reads", *, asset: str = "raw_reads", sample: str | None = "S1", recipe: Recipe = NOTHING
) -> Receipt:
    with lake.work(asset, sample) as work:
        (work.folder / "reads.txt").write_text(content)
        return work.publish(records=1, recipe=recipe, measures={"pairs": 1})


def test_what_was_published_is_found_by_whoever_opens_the_lake_again(backend: Backend, tmp_path: Path) -> None:
    receipt = publish(backend.open(tmp_path))
    again = backend.open(tmp_path)
    assert again.receipt("raw_reads", "S1") == again.require("raw_reads", "S1") == receipt
    assert (receipt.records, receipt.measures, receipt.sample) == (1, {"pairs": 1}, "S1")
    assert again.path(receipt, "reads.txt").read_text() == "reads"
    assert again.place


def test_a_file_is_handed_out_as_one_of_this_machine_with_its_name(lake: Lake) -> None:
    receipt = publish(lake)
    path = lake.path(receipt, "reads.txt")
    assert path.is_file() and path.name == "reads.txt" and path.parent == lake.folder(receipt)
    assert lake.sha256(path) == receipt.file("reads.txt").sha256
    with pytest.raises(KeyError):
        lake.path(receipt, "no-such-file.txt")


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 5, b"01234"), (3, 4, b"3456"), (8, 100, b"89"), (10, 5, b""), (200, 5, b""), (4, 0, b"")],
    ids=["first", "middle", "over the end", "at the end", "behind it", "none"],
)
def test_a_range_of_a_file_is_read_by_itself(lake: Lake, start: int, length: int, expected: bytes) -> None:
    receipt = publish(lake, "0123456789")
    assert lake.read_range(receipt, "reads.txt", start, length) == expected


def test_a_range_of_a_file_that_there_is_not_is_an_error(lake: Lake) -> None:
    with pytest.raises(KeyError):
        lake.read_range(publish(lake), "no-such-file.txt", 0, 1)


def test_what_is_missing_is_told_with_the_remedy(lake: Lake) -> None:
    assert lake.receipt("gvcf", "S1") is None and lake.previous("gvcf", "S1") is None
    assert lake.history("gvcf", "S1") == [] and lake.samples() == [] and lake.assets("S1") == []
    with pytest.raises(LakeError, match="gvcf has not been made") as refused:
        lake.require("gvcf", "S1")
    assert refused.value.sample == "S1" and "materialize gvcf" in str(refused.value)


def test_samples_and_assets_are_listed_apart_from_what_belongs_to_none(lake: Lake) -> None:
    publish(lake, sample="S2")
    publish(lake, sample="S1")
    publish(lake, asset="gvcf", sample="S1")
    publish(lake, asset="clinvar", sample=None)
    assert lake.samples() == ["S1", "S2"]
    assert lake.assets("S1") == ["gvcf", "raw_reads"] and lake.assets() == ["clinvar"]
    assert lake.require("clinvar").sample is None


def test_nothing_is_visible_before_publication_or_after_a_failure(lake: Lake) -> None:
    with pytest.raises(RuntimeError), lake.work("raw_reads", "S1") as work:
        (work.folder / "reads.txt").write_text("half")
        assert lake.receipt("raw_reads", "S1") is None
        raise RuntimeError("the disk is full")
    assert lake.receipt("raw_reads", "S1") is None and lake.samples() == []
    with lake.work("raw_reads", "S1") as work:
        assert not list(work.folder.iterdir()) and not list(work.scratch.iterdir())


def test_what_is_written_to_scratch_is_no_part_of_the_artifact(lake: Lake) -> None:
    with lake.work("raw_reads", "S1") as work:
        (work.scratch / "temporary.txt").write_text("gone")
        (work.folder / "reads.txt").write_text("reads")
        receipt = work.publish(records=1, recipe=NOTHING, measures={})
    assert [file.name for file in receipt.files] == ["reads.txt"]


def test_the_same_content_published_again_keeps_its_receipt_and_time(lake: Lake) -> None:
    first = publish(lake)
    time.sleep(1.1)
    assert publish(lake) == first
    assert lake.history("raw_reads", "S1") == [first]


def test_another_content_becomes_current_and_the_history_keeps_both(lake: Lake) -> None:
    first = publish(lake, "one")
    time.sleep(1.1)
    second = publish(lake, "two")
    assert lake.require("raw_reads", "S1") == second != first
    assert lake.history("raw_reads", "S1") == [first, second]


def test_superseded_reports_stay_and_can_be_read(lake: Lake) -> None:
    first = publish(lake, "one", asset="fhir_bundle")
    publish(lake, "two", asset="fhir_bundle")
    assert lake.path(first, "reads.txt").read_text() == "one" and lake.is_whole(first)


def test_an_unchanged_recipe_is_fresh_and_a_changed_one_is_not(lake: Lake) -> None:
    receipt = publish(lake, recipe=Recipe(tools={"bwa": "1"}))
    with lake.work("raw_reads", "S1") as work:
        assert work.fresh(Recipe(tools={"bwa": "1"})) == receipt
        assert work.fresh(Recipe(tools={"bwa": "2"})) is None


@pytest.mark.parametrize("content", [b"READS", b"rea", b""], ids=["of the same size", "shorter", "empty"])
def test_a_file_that_was_changed_is_refused_wherever_it_is_used(backend: Backend, lake: Lake, content: bytes) -> None:
    recipe = Recipe(tools={"bwa": "1"})
    receipt = publish(lake, recipe=recipe)
    backend.change(lake, receipt, "reads.txt", content)
    for used in (lambda: lake.require("raw_reads", "S1"), lambda: lake.verify(receipt)):
        with pytest.raises(LakeError, match=r"reads\.txt"):
            used()
    with lake.work("raw_reads", "S1") as work, pytest.raises(LakeError, match=r"reads\.txt"):
        work.fresh(recipe)
    assert not lake.is_whole(receipt) and lake.previous("raw_reads", "S1") is None


def test_publishing_again_mends_a_damaged_artifact(backend: Backend, lake: Lake) -> None:
    receipt = publish(lake)
    backend.change(lake, receipt, "reads.txt", b"READS")
    publish(lake)
    lake.verify(lake.require("raw_reads", "S1"))


@pytest.mark.parametrize("sample", ["../evil", "a/b", "", "x" * 65, "a b", "S1\n"])
def test_an_illegal_sample_id_never_becomes_a_place(lake: Lake, tmp_path: Path, sample: str) -> None:
    with pytest.raises(LakeError, match="is not a sample id"), lake.work("raw_reads", sample):
        pass
    assert not list(tmp_path.rglob("*"))
