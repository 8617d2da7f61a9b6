"""Planted events found by ``genomics-engine structural``, and how events are written."""

from dataclasses import replace
from pathlib import Path

import pysam
import pytest

from engine import cli
from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import align_reads
from engine.errors import ToolError
from engine.reference.genome import open_reference
from engine.structural import dysgu, sample
from engine.structural.events import StructuralVariant, as_duplication, write_events
from engine.structural.inserted_copies import inserted_copies, insertion_by_clips
from tests.builders.alignments import random_sequence, write_reference
from tests.builders.sequencing import cut_pairs, reverse_complement, write_lane

BASES = random_sequence(120_000, 5)
EVENTS = [
    ("DEL", 10_000, 10_500, "0/1"),
    ("DUP", 25_000, 25_800, "0/1"),
    ("INV", 40_000, 41_000, "1/1"),
    ("INS", 60_000, 60_000, "0/1"),
    ("DEL", 80_000, 83_000, "1/1"),
    ("DEL", 95_000, 95_060, "0/1"),
    ("INS", 108_000, 108_000, "1/1"),
    ("INS", 114_000, 114_000, "0/1"),
]
"""Kind, place (0-based, half-open) and genotype."""
INSERTED = random_sequence(200, 77)
COPIED, TURNED = (50_000, 50_600), (70_000, 70_400)
"""What is put in at 108,000 and, turned round, at 114,000."""


def haplotype(copy: int) -> str:
    bases = BASES
    for kind, start, end, genotype in reversed(EVENTS):
        if copy == 0 and genotype == "0/1":
            continue
        part = bases[start:end]
        inserted = {108_000: BASES[slice(*COPIED)], 114_000: reverse_complement(BASES[slice(*TURNED)])}
        new = {"DEL": "", "DUP": part * 2, "INV": reverse_complement(part), "INS": inserted.get(start, INSERTED)}[kind]
        bases = bases[:start] + new + bases[end:]
    return bases


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> list[pysam.VariantRecord]:
    folder = tmp_path_factory.mktemp("structural")
    fasta, output = folder / "ref.fa", folder / "sv.vcf.gz"
    fasta.write_text(f">chr1\n{BASES}\n")
    reference = open_reference(fasta)
    build_index(reference, folder / "index")
    pairs = []
    for copy in (0, 1):
        bases = haplotype(copy)
        pairs += cut_pairs(bases, len(bases) * 16 // 300, length=150, seed=copy, errors=0.002, prefix=f"M:1:F:1:{copy}")
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    lane = write_lane(folder, pairs)
    reads = align_reads([lane], "S1", reference, aligner, folder / "reads.bam", log=lambda _: None).path
    options = ["--reads", str(reads), "--reference", str(fasta), "--output", str(output), "--threads", "1", "--quiet"]
    assert cli.main(["structural", *options]) == 0
    with pysam.VariantFile(str(output)) as file:
        assert list(file.header.samples) == ["S1"]
        return list(file)


def test_every_planted_event_is_found_with_its_kind_place_and_genotype(called: list[pysam.VariantRecord]) -> None:
    assert [record.info["SVTYPE"] for record in called] == [kind for kind, *_ in EVENTS]
    for record, (kind, start, end, genotype) in zip(called, EVENTS, strict=True):
        assert abs(record.pos - start) <= 10, record
        if kind != "INS":
            assert abs(record.stop - end) <= 10, record
            assert abs(record.info["SVLEN"][0] - (end - start)) <= 10
        assert "/".join(map(str, record.samples[0]["GT"])) == genotype
        assert list(record.filter) == ["PASS"], str(record)


def test_an_insertion_of_a_copy_is_no_loss_and_no_gain_of_what_lies_between(called: list[pysam.VariantRecord]) -> None:
    assert called[-2].info["SVLEN"][0] == pytest.approx(COPIED[1] - COPIED[0], abs=5)
    lengths = [abs(value) for record in called for value in record.info.get("SVLEN", ())]
    assert max(lengths) == pytest.approx(3_000, abs=10)


def reads_clipped(folder: Path, *clips: tuple[int, str]) -> pysam.AlignmentFile:
    """Reads of 100 bases: five with each of these, as places and CIGARs."""
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": 120_000}]}
    path = folder / "clipped.bam"
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for place, cigar in sorted(clips):
            for number in range(5):
                read = pysam.AlignedSegment(file.header)
                read.query_name, read.reference_id, read.reference_start = f"r{number}", 0, place
                read.mapping_quality, read.cigarstring, read.query_sequence = 60, cigar, "A" * 100
                file.write(read)
    pysam.index(str(path))
    return pysam.AlignmentFile(str(path))


BEFORE, BEHIND = "60M40S", "40S60M"


@pytest.mark.parametrize(("kind", "is_allowed"), [("INV", True), ("DEL", False), ("DUP", False)])
def test_of_one_junction_the_clips_tell_where_something_was_put_in(tmp_path: Path, kind: str, is_allowed: bool) -> None:
    junction = event(kind, 10_000, 80_000)
    put_in = [(10_001 - 60, BEFORE), (10_001, BEHIND)]
    with reads_clipped(tmp_path, *put_in, (90_001 - 60, BEFORE)) as reads:
        found = insertion_by_clips(junction, reads, is_allowed=is_allowed)
    assert (found.kind, found.start, found.end, found.length) == ("INS", 10_000, 10_001, 0)
    with reads_clipped(tmp_path, *put_in, (90_001 - 60, BEFORE), (90_001, BEHIND)) as reads:
        assert insertion_by_clips(junction, reads, is_allowed=is_allowed) == junction  # as at both ends of an inversion
    with reads_clipped(tmp_path, (10_001 - 60, BEFORE), (90_001, BEHIND)) as reads:
        assert insertion_by_clips(junction, reads, is_allowed=is_allowed) == junction


def test_a_loss_that_depth_bears_out_is_one_whatever_the_clips(tmp_path: Path) -> None:
    junction = event("DEL", 10_000, 80_000)
    with reads_clipped(tmp_path, (10_001 - 60, BEFORE), (10_001, BEHIND), (90_001, BEHIND)) as reads:
        assert insertion_by_clips(junction, reads, is_allowed=True) == junction
        assert insertion_by_clips(junction, reads, is_allowed=False).kind == "INS"


def test_two_junctions_are_one_insertion_where_nothing_was_lost_or_gained() -> None:
    """Beside P a copy of a..b: P joined to a looks like a duplication, b joined to P like a deletion."""
    ahead = [event("DUP", 10_000, 90_000), event("DEL", 10_500, 89_500)]
    behind = [event("DEL", 10_000, 90_000), event("DUP", 10_000, 90_500)]
    turned = [event("INV", 10_000, 90_000), event("INV", 10_000, 90_500)]
    doubtful = [[replace(one, passes=False) for one in pair] for pair in (ahead, behind)]
    for pair, place in ((doubtful[0], 100_001), (doubtful[1], 10_001), (turned, 10_001)):
        (found,) = inserted_copies(pair)
        assert (found.kind, found.end, found.length, found.pairs, found.split_reads) == ("INS", place, 500, 10, 8)
        assert found.passes
    assert inserted_copies(ahead) == ahead  # the caller holds them for there, and nothing contradicts it
    assert len(inserted_copies(ahead, lambda _: False)) == 1
    crossed = [replace(doubtful[0][0], start=10_500), replace(doubtful[0][1], start=10_000)]
    assert inserted_copies(crossed) == crossed
    apart = [doubtful[0][0], replace(doubtful[0][1], end=80_000)]
    assert inserted_copies(apart) == apart


def test_the_first_bases_of_an_insertion_tell_that_it_is_a_duplication(tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"chr1": BASES[:5_000]})
    partly = event("INS", 1_499, 500, begins=BASES[1_003:1_063])
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        told = as_duplication(partly, fasta)
        assert as_duplication(replace(partly, begins=INSERTED[:60]), fasta).kind == "INS"
        assert as_duplication(replace(partly, begins=BASES[1_000:1_020]), fasta).kind == "INS"
    assert (told.kind, told.start, told.end, told.length) == ("DUP", 999, 1_500, 500)


def event(kind: str, start: int, length: int, **more: object) -> StructuralVariant:
    end = start + 1 + (length if kind in ("DEL", "DUP", "INV") else 0)
    return StructuralVariant(kind, "chr1", start, end, length, "0/1", 60, 5, 4, 0.9, True, **more)  # type: ignore[arg-type]


def test_an_insertion_of_what_stands_beside_it_is_a_duplication(tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"chr1": BASES[:5_000]})
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        behind = as_duplication(event("INS", 999, 100, inserted=BASES[1_000:1_100]), fasta)
        before = as_duplication(event("INS", 1_099, 100, inserted=BASES[1_000:1_100]), fasta)
        other = as_duplication(event("INS", 999, 200, inserted=INSERTED), fasta)
    assert (behind.kind, behind.start, behind.end, behind.length) == ("DUP", 999, 1_100, 100)
    assert (before.kind, before.start, before.end) == ("DUP", 999, 1_100)
    assert other.kind == "INS"


def test_neither_the_mitochondrion_nor_what_lies_behind_a_contigs_end_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a circle is cut all its reads tell of an event; one base behind the last, as dysgu has some, is no VCF."""
    contigs = {"chr1": BASES[:5_000], "chrM": BASES[5_000:9_000]}
    reference = open_reference(write_reference(tmp_path, contigs).fasta)
    with pysam.AlignmentFile(
        str(tmp_path / "none.bam"), "wb", reference_names=list(contigs), reference_lengths=[5_000, 4_000]
    ):
        pass
    pysam.index(str(tmp_path / "none.bam"))
    behind = replace(event("INS", 5_000, 280), end=5_001)
    beyond = replace(event("DEL", 4_000, 1_000), end=5_001)
    found = [behind, beyond, replace(event("DUP", 1, 3_990), contig="chrM")]
    monkeypatch.setattr(sample, "call_with_dysgu", lambda *_, **__: found)
    told = sample.call_structural(tmp_path / "none.bam", reference).events
    assert [(one.contig, one.kind, one.start, one.end) for one in told] == [
        ("chr1", "INS", 4_999, 5_000),
        ("chr1", "DEL", 4_000, 5_000),
    ]
    assert told[1].length == 999


def test_events_are_written_in_order_and_read_by_htslib(tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"chr2": BASES[5_000:9_000], "chr1": BASES[:5_000]})
    joined = StructuralVariant("BND", "chr2", 99, 100, 0, "0/1", 60, 5, 4, 0.9, True, mate="N[chr1:501[")
    unlikely = StructuralVariant("DEL", "chr1", 9, 70, 60, "./.", 0, 1, 0, 0.2, False, 3, 4)
    events = [event("DEL", 999, 100), unlikely, joined, event("INS", 1_999, 200, inserted=INSERTED)]
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        assert write_events(tmp_path / "sv.vcf.gz", "S1", events, fasta, source="x 1") == 4
    with pysam.VariantFile(str(tmp_path / "sv.vcf.gz")) as file:
        records = list(file)
    assert [(record.chrom, record.pos, record.id) for record in records] == [
        ("chr2", 100, "sv1"),
        ("chr1", 10, "sv2"),
        ("chr1", 1_000, "sv3"),
        ("chr1", 2_000, "sv4"),
    ]
    assert records[0].alts == (f"{BASES[5_099]}[chr1:501[",)
    assert list(records[1].filter) == ["low_probability"]
    assert records[1].info["CIPOS"] == (-3, 3)
    assert (records[2].stop, records[2].ref) == (1_100, BASES[999])
    assert records[3].info["SVINSSEQ"] == INSERTED


def test_without_dysgu_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> str:
        raise dysgu.PackageNotFoundError

    monkeypatch.setattr(dysgu, "version", absent)
    with pytest.raises(
        ToolError, match=r"dysgu.* is not installed\. Remedy: pip install 'genomics-assets\[structural\]'"
    ):
        dysgu.dysgu_version()


def test_reads_that_dysgu_cannot_use_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bam").write_bytes(b"no bam")
    reference = write_reference(tmp_path, {"chr1": BASES[:5_000]})
    with pytest.raises(ToolError, match=r"dysgu failed: .*Remedy: "):
        dysgu.call_with_dysgu(tmp_path / "x.bam", reference.fasta)
