"""Whole runs at the edges: nothing there, N, contig ends, very long, very short and very many reads, bad input."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pysam
import pytest

from engine.call.caller import call_gvcf
from engine.call.haplotype.caller import HaplotypeSummary, call_haplotypes
from engine.call.haplotype.records.vcf import Emission
from engine.call.ploidy import PloidyPart
from engine.errors import AlignmentFileError, ReferenceMismatchError
from engine.reference.intervals import Interval
from tests.builders.alignments import Haplotype, SmallReference, random_sequence, write_bam, write_reference


def _call(
    folder: Path,
    reads: Path,
    reference: SmallReference,
    *,
    parts: Sequence[PloidyPart] | None = None,
    emit: Emission = "gvcf",
) -> tuple[HaplotypeSummary, list[list[str]]]:
    output = folder / "out.vcf.gz"
    summary = call_haplotypes(reads, reference.fasta, output, parts=parts, emit=emit)
    with gzip.open(output, "rt") as stream:
        return summary, [line.rstrip("\n").split("\t") for line in stream if not line.startswith("#")]


def _covered(lines: list[list[str]]) -> int:
    """Bases that the lines of a gVCF speak for."""
    total = 0
    for line in lines:
        end = int(line[7][4:]) if line[7].startswith("END=") else int(line[1]) + len(line[3]) - 1
        total += end - int(line[1]) + 1
    return total


def _snv(sequence: str, place: int) -> tuple[int, str, str]:
    return place, sequence[place], "ACGT"[("ACGT".index(sequence[place]) + 1) % 4]


def test_a_file_without_reads_gives_blocks_without_depth(tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"one": random_sequence(2_000), "two": random_sequence(50)})
    reads = write_bam(tmp_path / "r.bam", reference, [])
    summary, lines = _call(tmp_path, reads, reference)
    assert (summary.calls, summary.active_regions) == (0, 0)
    assert [(line[0], line[7], line[9]) for line in lines] == [
        ("one", "END=2000", "0/0:0:0:0:0,0,0"),
        ("two", "END=50", "0/0:0:0:0:0,0,0"),
    ]


def test_a_variant_between_runs_of_n_is_found_and_every_base_is_spoken_for(tmp_path: Path) -> None:
    sequence = "N" * 3_000 + random_sequence(2_000) + "N" * 500
    reference = write_reference(tmp_path, {"one": sequence})
    changed = Haplotype("one", sequence, (_snv(sequence, 4_000),))
    inside = range(3_000, 4_900, 8)
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("one", sequence), changed], starts=inside)
    _, lines = _call(tmp_path, reads, reference)
    assert [(line[1], line[9][:3]) for line in lines if line[4] != "<NON_REF>"] == [("4001", "0/1")]
    assert _covered(lines) == len(sequence)


@pytest.mark.parametrize("place", [2, 40, 1_960, 1_997])
def test_variants_near_the_ends_of_a_contig(tmp_path: Path, place: int) -> None:
    sequence = random_sequence(2_000)
    reference = write_reference(tmp_path, {"one": sequence})
    changed = Haplotype("one", sequence, (_snv(sequence, place),))
    starts = sorted([*range(0, 1_900, 5), *[0] * 15, *[1_900] * 15])
    reads = write_bam(tmp_path / "r.bam", reference, [changed, changed], starts=starts)
    _, lines = _call(tmp_path, reads, reference)
    assert _covered(lines) == 2_000
    variants = [line for line in lines if line[4] != "<NON_REF>"]
    assert {line[1] for line in variants} <= {str(place + 1)}
    if 20 < place < 1_980:
        assert [line[9][:3] for line in variants] == ["1/1"]


def test_haploid_parts_have_haploid_genotypes(tmp_path: Path) -> None:
    sequence = random_sequence(3_000)
    reference = write_reference(tmp_path, {"X": sequence})
    changed = Haplotype("X", sequence, (_snv(sequence, 700), _snv(sequence, 2_200)))
    reads = write_bam(tmp_path / "r.bam", reference, [changed, changed])
    parts = [PloidyPart(Interval("X", 0, 1_500), 1), PloidyPart(Interval("X", 1_500, 3_000), 2)]
    _, lines = _call(tmp_path, reads, reference, parts=parts)
    assert [line[9].split(":")[0] for line in lines if line[4] != "<NON_REF>"] == ["1", "1/1"]
    assert {line[9].split(":")[0] for line in lines if int(line[1]) <= 1_500} == {"0", "1"}
    assert _covered(lines) == 3_000


def test_a_deletion_across_two_regions_silences_what_it_removes(tmp_path: Path) -> None:
    sequence = random_sequence(2_000, seed=4)
    reference = write_reference(tmp_path, {"one": sequence})
    gone = Haplotype("one", sequence, ((1_000, sequence[1_000:1_031], sequence[1_000]),))
    reads = write_bam(tmp_path / "r.bam", reference, [gone, gone], step=5)
    _, lines = _call(tmp_path, reads, reference)
    (deletion,) = (line for line in lines if line[4] != "<NON_REF>")
    assert len(deletion[3]) - len(deletion[4].split(",")[0]) == 30
    assert _covered(lines) == 2_000


def test_very_short_and_very_long_reads(tmp_path: Path) -> None:
    sequence = random_sequence(30_000)
    reference = write_reference(tmp_path, {"one": sequence})
    changed = Haplotype("one", sequence, (_snv(sequence, 15_000),))
    short = write_bam(tmp_path / "s.bam", reference, [changed], length=1, step=1)
    summary, lines = _call(tmp_path, short, reference, parts=[PloidyPart(Interval("one", 14_000, 16_000), 2)])
    assert summary.calls == 0
    assert _covered(lines) == 2_000
    long = write_bam(tmp_path / "l.bam", reference, [changed], length=10_000, step=300)
    _, lines = _call(tmp_path, long, reference)
    assert [line[1] for line in lines if line[4] != "<NON_REF>"] == ["15001"]


def _repeated(few: Path, many: Path, times: int) -> Path:
    """Every read of a file so many times."""
    with pysam.AlignmentFile(str(few)) as source, pysam.AlignmentFile(str(many), "wb", template=source) as target:
        for read in source:
            for _ in range(times):
                target.write(read)
    pysam.index(str(many))
    return many


def test_of_a_hundred_thousand_reads_on_one_place_those_are_kept_that_gatk_keeps(tmp_path: Path) -> None:
    """Fifty from each start, drawn while the file is read: memory and time do not grow with the pile."""
    sequence = random_sequence(1_000)
    reference = write_reference(tmp_path, {"M": sequence})
    changed = Haplotype("M", sequence, (_snv(sequence, 500),))
    few = write_bam(tmp_path / "few.bam", reference, [changed], starts=range(430, 480))
    _call(tmp_path, few, reference)
    reads = _repeated(few, tmp_path / "r.bam", 2_000)
    _, lines = _call(tmp_path, reads, reference)
    (variant,) = (line for line in lines if line[4] != "<NON_REF>")
    assert (variant[1], variant[9][:3]) == ("501", "1/1")
    assert int(variant[9].split(":")[2]) == 2_500


def test_another_reference_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    reference = write_reference(tmp_path, {"one": random_sequence(2_000)})
    other = write_reference(tmp_path / "other", {"one": random_sequence(2_100)})
    reads = write_bam(tmp_path / "r.bam", reference, [])
    with pytest.raises(ReferenceMismatchError, match="2000 bases in the reads' header and 2100 in the reference"):
        _call(tmp_path, reads, other)


def test_a_damaged_file_leaves_the_error_of_its_damage(tmp_path: Path) -> None:
    sequence = random_sequence(8_000)
    reference = write_reference(tmp_path, {"one": sequence})
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("one", sequence)], step=2)
    data = bytearray(reads.read_bytes())
    data[len(data) // 2] ^= 0xFF
    reads.write_bytes(data)
    with pytest.raises(AlignmentFileError, match="block"):
        _call(tmp_path, reads, reference)


def test_the_same_through_the_interface_of_all_callers(tmp_path: Path) -> None:
    sequence = random_sequence(5_000)
    reference = write_reference(tmp_path, {"one": sequence})
    changed = Haplotype("one", sequence, (_snv(sequence, 2_500),))
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("one", sequence), changed])
    summary = call_gvcf(reads, reference, tmp_path / "o.g.vcf.gz", caller="haplotype", region="one:2001-3000")
    assert (summary.variant_records, summary.uncovered_target_bases, summary.sample) == (1, 0, "S1")
    with pysam.VariantFile(str(tmp_path / "o.g.vcf.gz")) as records:
        (variant,) = (record for record in records if record.alts != ("<NON_REF>",))
        assert (variant.pos, variant.samples["S1"]["GT"]) == (2_501, (0, 1))
