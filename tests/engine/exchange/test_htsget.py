"""Slices of alignments by htsget: what a reader finds in the parts put together, beside what it finds in the file."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pysam
import pytest

from engine.errors import AlignmentFileError
from engine.exchange.htsget import Asked, HtsgetError, Part, bam_slice, cram_contigs, cram_slice
from engine.files.bgzf import BgzfWriter, inflate_from
from tests.builders.alignments import SmallReference, random_sequence, write_reference

LENGTHS = {"chr1": 400_000, "chr2": 90_000, "empty": 1_000}
READS = {"chr1": 9_000, "chr2": 2_500}
LENGTH, UNPLACED = 150, 700


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> SmallReference:
    return write_reference(
        tmp_path_factory.mktemp("fasta"), {name: random_sequence(length) for name, length in LENGTHS.items()}
    )


@pytest.fixture(scope="module")
def bam(reference: SmallReference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As htslib writes it: no record lies in two blocks."""
    path, chance = tmp_path_factory.mktemp("bam") / "reads.bam", random.Random(3)
    header = pysam.AlignmentHeader.from_references(list(LENGTHS), list(LENGTHS.values()))
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for contig, count in READS.items():
            # Most reads lie in a few heaps, so that the index has chunks far apart and windows without any.
            heaps = [chance.randrange(LENGTHS[contig] - 3_000) for _ in range(6)]
            places = sorted(chance.choice(heaps) + chance.randrange(2_000) for _ in range(count))
            for number, place in enumerate(places):
                out.write(_read(header, f"{contig}.{number}", contig, place, reference.sequences[contig]))
        for number in range(UNPLACED):
            out.write(_read(header, f"unplaced.{number}", "", 0, random_sequence(LENGTH, number)))
    pysam.index(str(path))
    return path


def _read(header: pysam.AlignmentHeader, name: str, contig: str, place: int, sequence: str) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(header)
    read.query_name, read.query_sequence = name, sequence[place : place + LENGTH]
    read.query_qualities = pysam.qualitystring_to_array("".join(random.Random(name).choices("#5AFK", k=LENGTH)))
    if contig:
        read.reference_id, read.reference_start = header.get_tid(contig), place
        read.mapping_quality, read.cigartuples = 60, [(0, LENGTH)]
    else:
        read.is_unmapped = True
    return read


@pytest.fixture(scope="module")
def straddling(bam: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same records in blocks that end wherever 65,280 bytes do, the header's block with reads in it."""
    path = tmp_path_factory.mktemp("straddling") / "reads.bam"
    with BgzfWriter(path) as out:
        for piece in inflate_from(bam, 0):
            out.write(piece.tobytes())
    pysam.index(str(path))
    return path


@pytest.fixture(scope="module")
def with_csi(bam: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("csi") / "reads.bam"
    path.write_bytes(bam.read_bytes())
    pysam.index("-c", str(path))
    return path


@pytest.fixture(scope="module")
def cram(bam: Path, reference: SmallReference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cram") / "reads.cram"
    options = ["--output-fmt", "cram,version=3.0,seqs_per_slice=500", "--reference", str(reference.fasta)]
    pysam.view("--no-PG", *options, "--output", str(path), str(bam), catch_stdout=False)
    pysam.index(str(path))
    return path


def parts_of(path: Path, *asked: Asked) -> tuple[list[Part], Callable[[int, int], bytes]]:
    content, read = path.read_bytes(), bytes_of(path)
    (index,) = path.parent.glob(f"{path.name}.*i")
    if path.suffix == ".cram":
        names = cram_contigs(read, len(content), index.read_bytes())
        return cram_slice(read, len(content), index.read_bytes(), names, *asked), read
    return bam_slice(read, len(content), index, *asked), read


def names_in(path: Path, asked: Asked, folder: Path, fasta: Path) -> list[str]:
    """Names of the reads that a reader finds in the parts, of a region those that overlap it."""
    found = reads_in(path, [asked], folder, fasta)
    return [name for name, read in found if not asked.reference or asked.reference == "*" or _lies_in(read, asked)]


def reads_in(path: Path, asked: Sequence[Asked], folder: Path, fasta: Path) -> list[tuple[str, pysam.AlignedSegment]]:
    """The reads that a reader finds in the parts, one after the other in one file, with their names."""
    parts, read = parts_of(path, *asked)
    slice_ = folder / f"slice{path.suffix}"
    slice_.write_bytes(b"".join(part.content or read(part.start, part.end - part.start) for part in parts))
    with pysam.AlignmentFile(str(slice_), check_sq=False, reference_filename=str(fasta)) as file:
        assert file.references == tuple(LENGTHS)
        return [(str(one.query_name), one) for one in file.fetch(until_eof=True)]


def _lies_in(read: pysam.AlignedSegment, asked: Asked) -> bool:
    start, end = asked.start or 0, asked.end if asked.end is not None else 1 << 40
    return bool(
        read.reference_name == asked.reference and read.reference_start < end and (read.reference_end or 0) > start
    )


def regions() -> list[tuple[str, int | None, int | None]]:
    chance, found = random.Random(11), list[tuple[str, int | None, int | None]]()
    for _ in range(40):
        contig = chance.choice(list(READS))
        start = chance.randrange(LENGTHS[contig])
        found.append((contig, start, min(LENGTHS[contig], start + chance.choice((1, 100, 3_000, 40_000)))))
    return [*found, ("chr1", None, None), ("chr2", 50_000, None), ("chr1", None, 20_000), ("empty", None, None)]


@pytest.mark.parametrize("kind", ["bam", "straddling", "with_csi", "cram"])
def test_a_slice_holds_every_read_of_its_region_once(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, reference: SmallReference
) -> None:
    path: Path = request.getfixturevalue(kind)
    size, sent = path.stat().st_size, []
    with pysam.AlignmentFile(str(path), reference_filename=str(reference.fasta)) as file:
        for contig, start, end in regions():
            asked = Asked.of(contig, start, end, None)
            expected = [str(one.query_name) for one in file.fetch(contig, start, end)]
            assert names_in(path, asked, tmp_path, reference.fasta) == expected, (contig, start, end)
            parts, _ = parts_of(path, asked)
            sent.append(sum(len(one.content) or one.end - one.start for one in parts))
    assert sorted(sent)[len(sent) // 2] < size / 2, "half of the slices are smaller than half the file"


@pytest.mark.parametrize("kind", ["bam", "straddling", "with_csi", "cram"])
def test_several_regions_are_one_slice_with_each_read_once_in_the_files_order(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, reference: SmallReference
) -> None:
    path: Path = request.getfixturevalue(kind)
    every = reads_in(path, [Asked(one) for one in (*READS, "*")], tmp_path, reference.fasta)
    whole = [f"{contig}.{number}" for contig, count in READS.items() for number in range(count)]
    assert [name for name, _ in every] == [*whole, *(f"unplaced.{number}" for number in range(UNPLACED))]
    chance = random.Random(7)
    for _ in range(10):
        several = [Asked.of(*one, None) for one in chance.sample(regions(), 4)]
        expected = [name for name, read in every if any(_lies_in(read, one) for one in several)]
        found = reads_in(path, several, tmp_path, reference.fasta)
        assert [name for name, read in found if any(_lies_in(read, one) for one in several)] == expected
        names = [name for name, _ in found]
        assert len(names) == len(set(names)), several


def test_a_contig_longer_than_a_bai_can_index_is_sliced_by_its_csi(tmp_path: Path) -> None:
    path, places = tmp_path / "long.bam", [100, 536_870_900, 600_000_000, 900_000_000]
    header = pysam.AlignmentHeader.from_references(["long"], [1_000_000_000])
    sequence = random_sequence(20_000 + LENGTH)
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for place in places:
            for number in range(3_000):
                read = _read(header, f"{place}.{number}", "", number, sequence)
                read.is_unmapped, read.reference_id, read.reference_start = False, 0, place + number
                read.mapping_quality, read.cigartuples = 60, [(0, LENGTH)]
                read.query_sequence = sequence[number : number + LENGTH]
                out.write(read)
    pysam.index("-c", str(path))
    for start, end in [(600_000_000, 600_000_010), (536_870_912, 536_870_920), (0, 50), (899_000_000, None)]:
        asked = Asked.of("long", start, end, None)
        parts, read_part = parts_of(path, asked)
        content = b"".join(part.content or read_part(part.start, part.end - part.start) for part in parts)
        (tmp_path / "slice.bam").write_bytes(content)
        with pysam.AlignmentFile(str(path)) as file, pysam.AlignmentFile(str(tmp_path / "slice.bam")) as slice_:
            expected = [one.to_string() for one in file.fetch("long", start, end)]
            assert [one.to_string() for one in slice_ if _lies_in(one, asked)] == expected, (start, end)
        assert len(content) < path.stat().st_size / 2


@pytest.mark.parametrize("kind", ["bam", "straddling", "with_csi", "cram"])
def test_the_header_alone_and_the_reads_without_a_place(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, reference: SmallReference
) -> None:
    path: Path = request.getfixturevalue(kind)
    assert names_in(path, Asked.of("", None, None, "header"), tmp_path, reference.fasta) == []
    assert {one.part for one in parts_of(path, Asked(header_only=True))[0]} == {"header"}
    unplaced = names_in(path, Asked.of("*", None, None, None), tmp_path, reference.fasta)
    assert [name for name in unplaced if "unplaced" in name] == [f"unplaced.{number}" for number in range(UNPLACED)]
    assert len(unplaced) <= UNPLACED + 500


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (("", 1, 2, None), "InvalidInput"),
        (("*", 1, 2, None), "InvalidInput"),
        (("chr1", 2, 1, None), "InvalidRange"),
        (("chr1", None, None, "header"), "InvalidInput"),
        (("", None, None, "body"), "InvalidInput"),
    ],
)
def test_what_the_specification_forbids_is_refused_by_its_name(
    asked: tuple[str, int | None, int | None, str | None], kind: str
) -> None:
    with pytest.raises(HtsgetError) as told:
        Asked.of(*asked)
    assert told.value.kind == kind and told.value.remedy


def bytes_of(path: Path) -> Callable[[int, int], bytes]:
    content = path.read_bytes()
    return lambda start, length: content[start : start + length]


def test_a_contig_that_is_not_there_and_a_damaged_file_are_told(
    bam: Path, with_csi: Path, cram: Path, tmp_path: Path
) -> None:
    for path in (bam, cram):
        with pytest.raises(HtsgetError, match="no contig 'chrX'") as told:
            parts_of(path, Asked("chrX"))
        assert told.value.kind == "NotFound"
    index = bam.with_name(f"{bam.name}.bai")
    with pytest.raises(AlignmentFileError, match="no whole block at byte 0"):
        bam_slice(lambda start, length: b"", 0, index, Asked("chr1"))
    csi = tmp_path / "cut.csi"
    content = gzip.decompress(with_csi.with_name(f"{with_csi.name}.csi").read_bytes())
    for damaged in (content[:40], gzip.compress(content[:40]), gzip.compress(b"CSI\1" + b"\xff" * 40), b"\x1f\x8b cut"):
        csi.write_bytes(damaged)
        with pytest.raises(AlignmentFileError, match="BAM index is damaged"):
            bam_slice(bytes_of(bam), bam.stat().st_size, csi, Asked("chr1"))
    with pytest.raises(AlignmentFileError, match="CRAM index is damaged"):
        cram_slice(lambda start, length: b"", 100, b"1\tx\t2\t3\n", ["chr1"], Asked("chr1"))
