"""What is aligned are the very files that were verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import FastqError
from engine.reads.conventions import QualityEncoding
from engine.reads.file_digests import FileDigests, file_digests
from engine.reads.lane import Lane
from engine.reads.manifest import read_manifest, write_manifest
from resources.lake.digests import Digests
from resources.seals import Seals
from tests.builders.editing import edit_in_place, put_time_back

LANES = [Lane("L001", Path("S1_R1.fastq"), Path("S1_R2.fastq"), quality_encoding=QualityEncoding.PHRED64)]
READ = "@pair\nACGT\n+\nIIII\n"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    for mate in (1, 2):
        (folder / f"S1_R{mate}.fastq").write_text(READ)
    return folder


def verified(landing: Path) -> list[FileDigests]:
    return [file_digests(landing / f"S1_R{mate}.fastq", lane="L001", mate=mate) for mate in (1, 2)]


@pytest.fixture(params=[False, True], ids=["in-place", "copy"])
def artifact(request: pytest.FixtureRequest, tmp_path: Path, landing: Path) -> Path:
    folder = tmp_path / "artifact"
    folder.mkdir()
    write_manifest(LANES, verified(landing), folder, base=landing, copy=request.param)
    return folder


@pytest.fixture(params=[False, True], ids=["read", "remembered"])
def sha256(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], str] | None:
    digests = Digests(Seals(tmp_path / "seals"))
    return (lambda path: digests.of(path.name, path)) if request.param else None


def used(artifact: Path, landing: Path) -> Path:
    """The file of read 1 that is aligned."""
    (lane,) = read_manifest(artifact, base=landing)
    return lane.read1


def test_the_lanes_are_those_that_were_verified(artifact: Path, landing: Path) -> None:
    (lane,) = read_manifest(artifact, base=landing)
    assert lane.quality_encoding is QualityEncoding.PHRED64
    assert (lane.name, lane.read1.read_text(), lane.read2.read_text()) == ("L001", READ, READ)


def test_a_file_edited_at_the_same_size_and_time_is_refused(
    artifact: Path, landing: Path, sha256: Callable[[Path], str] | None
) -> None:
    file = used(artifact, landing)
    read_manifest(artifact, base=landing, sha256=sha256)
    edit_in_place(file)
    with pytest.raises(FastqError, match="has changed since it was verified") as refused:
        read_manifest(artifact, base=landing, sha256=sha256)
    assert refused.value.file == str(file) and "materialize raw_reads again with recompute" in str(refused.value)


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_refused(artifact: Path, landing: Path) -> None:
    file = used(artifact, landing)
    other = file.with_name("other")
    other.write_text(READ.replace("ACGT", "TTTT"))
    put_time_back(other, file.stat())
    other.replace(file)
    with pytest.raises(FastqError, match="has changed"):
        read_manifest(artifact, base=landing)


def test_a_file_that_is_gone_is_refused(artifact: Path, landing: Path) -> None:
    used(artifact, landing).unlink()
    with pytest.raises(FastqError, match="there is no such file any more"):
        read_manifest(artifact, base=landing)


def test_a_file_swapped_for_a_link_out_of_the_landing_zone_is_refused(
    artifact: Path, landing: Path, tmp_path: Path
) -> None:
    file = used(artifact, landing)
    file.rename(tmp_path / "elsewhere.fastq")
    file.symlink_to(tmp_path / "elsewhere.fastq")
    with pytest.raises(FastqError, match=r"is a link to .*elsewhere\.fastq, outside the landing zone"):
        read_manifest(artifact, base=landing)


def test_a_folder_swapped_for_a_link_out_of_the_landing_zone_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "landing" / "run7"
    run.mkdir(parents=True)
    for mate in (1, 2):
        (run / f"S1_R{mate}.fastq").write_text(READ)
    write_manifest(LANES, verified(run), tmp_path, base=run.parent, copy=False)
    run.rename(tmp_path / "elsewhere")
    run.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FastqError, match="outside the landing zone"):
        read_manifest(tmp_path, base=run.parent)
    with pytest.raises(FastqError, match="outside the landing zone"):
        write_manifest(LANES, verified(run), tmp_path, base=run.parent, copy=False)


def test_a_link_inside_the_landing_zone_is_as_good_as_the_file(artifact: Path, landing: Path) -> None:
    file = used(artifact, landing)
    file.rename(file.with_name("renamed.fastq"))
    file.symlink_to(file.with_name("renamed.fastq"))
    assert read_manifest(artifact, base=landing)
