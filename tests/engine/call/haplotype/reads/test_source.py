"""Decoding against pysam, filters read by read, and the reservoir."""

from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.call.haplotype.reads.source import DecodedReads, ReadSource, WantedReads
from engine.errors import AlignmentFileError
from tests.builders.gatk_goldens import CONTIG, Golden

HEADER = {
    "HD": {"VN": "1.6", "SO": "coordinate"},
    "SQ": [{"SN": "one", "LN": 1_000}],
    "RG": [{"ID": "g", "SM": "S"}],
}


def _read(start: int = 100, cigar: str = "10M", **fields: object) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(pysam.AlignmentHeader.from_dict(HEADER))
    read.query_name = str(fields.get("name", "r"))
    read.reference_id, read.reference_start = 0, start
    read.mapping_quality = int(str(fields.get("mapq", 60)))
    read.flag = int(str(fields.get("flag", 0)))
    read.cigarstring = cigar
    length = int(str(fields.get("length", read.infer_query_length())))
    read.query_sequence = str(fields.get("bases", "A" * length))
    read.query_qualities = pysam.qualitystring_to_array("I" * length)
    if fields.get("group", "g"):
        read.set_tag("RG", str(fields.get("group", "g")))
    return read


def _write(path: Path, reads: list[pysam.AlignedSegment]) -> Path:
    with pysam.AlignmentFile(str(path), "wb", header=HEADER) as file:
        for read in reads:
            file.write(read)
    pysam.index(str(path))
    return path


def _fetch(path: Path, start: int = 0, end: int = 1_000, reads_per_start: int = 50) -> DecodedReads:
    source = ReadSource(path, fasta=path, sample=None, reads_per_start=reads_per_start)
    return source.fetch(WantedReads(0, start, end, np.array([start]), np.array([end])))


def _names(reads: DecodedReads) -> list[str]:
    limits = reads.naming.offset
    text = reads.naming.names.tobytes()
    return [text[limits[i] : limits[i + 1]].decode() for i in range(limits.size - 1)]


def test_every_field_is_what_pysam_reads(shared_data: Path) -> None:
    golden = Golden(shared_data)
    source = ReadSource(golden.reads, fasta=golden.reads, sample="NA12878", reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    start, end = 10_040_000, 10_050_000
    reads = source.fetch(WantedReads(contig, start, end, np.array([start]), np.array([end])))
    columns = reads.columns
    names = _names(reads)
    with pysam.AlignmentFile(str(golden.reads)) as file:
        fetched = file.fetch(CONTIG, start, end)
        kept = [read for read in fetched if read.mapping_quality >= 20 and not read.flag & 0x704]
    assert len(kept) == columns.start.size > 5_000
    for i, read in enumerate(kept):
        bases = slice(columns.base_offset[i], columns.base_offset[i + 1])
        elements = columns.cigar[columns.cigar_offset[i] : columns.cigar_offset[i + 1]]
        assert names[i] == read.query_name
        assert (columns.start[i], columns.end[i]) == (read.reference_start, read.reference_end)
        assert (columns.flag[i], columns.mapq[i]) == (read.flag, read.mapping_quality)
        assert (columns.mate_contig[i], columns.mate_start[i]) == (read.next_reference_id, read.next_reference_start)
        assert columns.template_length[i] == read.template_length
        assert columns.bases[bases].tobytes().decode() == read.query_sequence
        assert columns.qualities[bases].tolist() == list(read.query_qualities)
        assert [(int(e) & 15, int(e) >> 4) for e in elements] == read.cigartuples
    templates = {}
    for name, number in zip(names, columns.name.tolist(), strict=True):
        assert templates.setdefault(name, number) == number
    assert len(set(templates.values())) == len(templates)


@pytest.mark.parametrize(
    "unwanted",
    [
        _read(mapq=19),
        _read(mapq=255),
        _read(flag=0x100),
        _read(flag=0x200),
        _read(flag=0x400),
        _read(cigar="3S2D7M"),
        _read(cigar="4M2I1D4M"),
        _read(cigar="4M100N6M"),
        _read(cigar="10S"),
        _read(start=995),
        _read(group=""),
        _read(group="other"),
    ],
    ids=lambda read: f"{read.cigarstring}-{read.flag}-{read.mapping_quality}",
)
def test_reads_that_gatk_filters_are_left_out(tmp_path: Path, unwanted: pysam.AlignedSegment) -> None:
    reads = sorted([_read(name="good"), unwanted], key=lambda read: read.reference_start)
    assert _names(_fetch(_write(tmp_path / "r.bam", reads))) == ["good"]


@pytest.mark.parametrize(
    ("flag", "contig", "start", "unmapped"),
    [(0x1, 0, 200, False), (0x9, 0, 200, True), (0x1, -1, 200, True), (0x1, 0, -1, True), (0x0, -1, -1, False)],
)
def test_a_mate_without_a_place_is_unmapped(tmp_path: Path, flag: int, contig: int, start: int, unmapped: bool) -> None:
    """Whatever its flag says: else the mate would seem to lie on another contig, and the read be no evidence."""
    read = _read(flag=flag)
    read.next_reference_id, read.next_reference_start = contig, start
    columns = _fetch(_write(tmp_path / "r.bam", [read])).columns
    assert bool(columns.flag[0] & 0x8) == unmapped


def test_supplementary_reads_and_clips_pass(tmp_path: Path) -> None:
    reads = [_read(cigar="5H2S8M3S", flag=0x800), _read(start=120, cigar="3I7M")]
    assert _fetch(_write(tmp_path / "r.bam", reads)).columns.start.tolist() == [100, 120]


def test_ambiguous_bases_become_n(tmp_path: Path) -> None:
    columns = _fetch(_write(tmp_path / "r.bam", [_read(bases="ACGTNRYK=A")])).columns
    assert columns.bases.tobytes() == b"ACGTNNNNNA"


def test_reads_beside_the_wanted_intervals_are_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.bam", [_read(start=start) for start in (80, 90, 91, 109, 110, 200)])
    source = ReadSource(path, fasta=path, sample=None, reads_per_start=50)
    wanted = WantedReads(0, 0, 1_000, np.array([100, 205]), np.array([110, 300]))
    assert source.fetch(wanted).columns.start.tolist() == [91, 109, 200]


def test_a_crowded_start_is_sampled_as_gatks_reservoir_does(tmp_path: Path) -> None:
    crowd = [_read(start=5, name=f"r{i}") for i in range(59)]
    reads = [_read(start=4, name="before"), *crowd, _read(start=6, name="after")]
    names = _names(_fetch(_write(tmp_path / "r.bam", reads)))
    assert (names[0], names[-1], len(names)) == ("before", "after", 52)
    replaced = {names[1 + slot] for slot in (36, 25, 46, 41, 45, 23, 24, 32)}
    assert replaced == {"r50", "r51", "r52", "r53", "r54", "r55", "r57", "r58"}
    assert len(_names(_fetch(tmp_path / "r.bam", reads_per_start=0))) == 61


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.bam", [_read(start=i, name=f"read{i}") for i in range(900)])
    path.write_bytes(path.read_bytes()[:2_000])
    with pytest.raises(AlignmentFileError, match="not a whole BAM"):
        _fetch(path)


def test_a_damaged_block_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.bam", [_read(start=i, name=f"read{i}") for i in range(900)])
    data = bytearray(path.read_bytes())
    data[-500] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(AlignmentFileError, match="block"):
        _fetch(path)


def test_reads_out_of_order_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.bam", [_read(start=10), _read(start=30)])
    index = Path(f"{path}.bai").read_bytes()
    _write_unindexed(path, [_read(start=30), _read(start=10)])
    Path(f"{path}.bai").write_bytes(index)
    with pytest.raises(AlignmentFileError, match="starts before the one ahead"):
        _fetch(path)


def _write_unindexed(path: Path, reads: list[pysam.AlignedSegment]) -> None:
    with pysam.AlignmentFile(str(path), "wb", header=HEADER) as file:
        for read in reads:
            file.write(read)


def test_reads_without_read_groups_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.bam"
    header = {key: value for key, value in HEADER.items() if key != "RG"}
    with pysam.AlignmentFile(str(path), "wb", header=header):
        pass
    with pytest.raises(AlignmentFileError, match="no read group"):
        ReadSource(path, fasta=path, sample=None, reads_per_start=50)


def test_cram_gives_the_same_reads_as_bam(tmp_path: Path) -> None:
    (tmp_path / "ref.fa").write_text(">one\n" + "A" * 1_000 + "\n")
    pysam.faidx(str(tmp_path / "ref.fa"))
    bam = _write(tmp_path / "r.bam", [_read(start=i, name=f"n{i}", cigar="2S8M") for i in range(300)])
    cram = tmp_path / "r.cram"
    pysam.view("-C", "-T", str(tmp_path / "ref.fa"), "-o", str(cram), str(bam), catch_stdout=False)
    pysam.index(str(cram))
    source = ReadSource(cram, fasta=tmp_path / "ref.fa", sample=None, reads_per_start=50)
    wanted = WantedReads(0, 100, 200, np.array([100]), np.array([200]))
    ours, theirs = source.fetch(wanted), _fetch(bam, 100, 200)
    assert _names(ours) == _names(theirs)
    assert ours.columns.bases.tobytes() == theirs.columns.bases.tobytes()
