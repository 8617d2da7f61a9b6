"""What the first reads tell of all: reads that calling would leave out or take for better than they are are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from engine.call.first_reads import require_usable_reads
from engine.errors import AlignmentFileError
from engine.reads.bam_records import BamRecords
from engine.reads.measures import measure_records
from tests.builders.alignments import Haplotype, SmallReference, random_sequence, write_bam, write_reference

SEQUENCE = random_sequence(3_000)
Change = Callable[[pysam.AlignedSegment], object]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> SmallReference:
    return write_reference(tmp_path_factory.mktemp("reference"), {"chr20": SEQUENCE})


def changed(folder: Path, reference: SmallReference, change: Change, *, times: int = 1, form: str = "bam") -> Path:
    """A BAM file, or CRAM, of reads each of which was changed, and written so many times."""
    write_bam(folder / "whole.bam", reference, [Haplotype("chr20", SEQUENCE)])
    path = folder / f"changed.{form}"
    mode, given = ("wb", {}) if form == "bam" else ("wc", {"reference_filename": str(reference.fasta)})
    with (
        pysam.AlignmentFile(str(folder / "whole.bam")) as whole,
        pysam.AlignmentFile(str(path), mode, template=whole, **given) as out,
    ):
        for read in whole:
            change(read)
            for _ in range(times):
                out.write(read)
    return path


def of_older_encoding(read: pysam.AlignedSegment) -> None:
    """Qualities of 2 to 40 as they are when letters of Phred+64 are read as Phred+33."""
    letters = "hhggB" * len(read.query_sequence)
    read.query_qualities = pysam.qualitystring_to_array(letters[: len(read.query_sequence)])


UNUSABLE: dict[str, tuple[Change, str]] = {
    "no read group": (lambda read: read.set_tag("RG", None), "names no read group"),
    "a read group that the header lacks": (lambda read: read.set_tag("RG", "2"), "names the read group '2'"),
    "only every second has a read group": (
        lambda read: read.set_tag("RG", None if read.reference_start % 20 else "1"),
        "names no read group",
    ),
    "no qualities": (lambda read: setattr(read, "query_qualities", None), "no read has base qualities"),
    "no mapping qualities": (lambda read: setattr(read, "mapping_quality", 255), "no read has a mapping quality"),
    "Phred+64": (of_older_encoding, "Phred[+]64 and taken for Phred[+]33"),
}


@pytest.mark.parametrize("form", ["bam", "cram"])
@pytest.mark.parametrize(("change", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_reads_that_would_be_left_out_or_misread_are_refused(
    reference: SmallReference, tmp_path: Path, change: Change, problem: str, form: str
) -> None:
    with pytest.raises(AlignmentFileError, match=problem) as caught:
        require_usable_reads(changed(tmp_path, reference, change, form=form), {"1"})
    assert caught.value.remedy


def test_a_file_merged_with_itself_is_refused(reference: SmallReference, tmp_path: Path) -> None:
    def paired(read: pysam.AlignedSegment) -> None:
        read.flag |= 0x1 | (0x80 if read.reference_start % 20 else 0x40)

    with pytest.raises(AlignmentFileError, match="reads stand twice"):
        require_usable_reads(changed(tmp_path, reference, paired, times=2), {"1"})
    require_usable_reads(changed(tmp_path, reference, paired), {"1"})


@pytest.mark.parametrize("form", ["bam", "cram"])
def test_sound_reads_are_taken(reference: SmallReference, tmp_path: Path, form: str) -> None:
    require_usable_reads(changed(tmp_path, reference, lambda read: None, form=form), {"1"})


def test_few_reads_and_consensus_qualities_are_taken(reference: SmallReference, tmp_path: Path) -> None:
    def of_consensus(read: pysam.AlignedSegment) -> None:
        read.query_qualities = pysam.qualitystring_to_array(("#]ij~" * 99)[: len(read.query_sequence)])

    require_usable_reads(changed(tmp_path, reference, of_consensus), {"1"})


def no_bases(read: pysam.AlignedSegment) -> None:
    if read.reference_start % 20:
        read.query_sequence = None


def too_few_bases(read: pysam.AlignedSegment) -> None:
    read.cigarstring = f"{len(read.query_sequence) + 40}M"


def test_a_read_whose_cigar_tells_other_bases_is_refused_before_it_is_measured(
    reference: SmallReference, tmp_path: Path
) -> None:
    """The kernels trust it: bases that are not there were read, and memory beyond was written."""
    with pytest.raises(AlignmentFileError, match="more or fewer bases than its CIGAR tells"):
        list(BamRecords(changed(tmp_path, reference, too_few_bases)).batches())


def test_reads_without_bases_cover_nothing(reference: SmallReference, tmp_path: Path) -> None:
    """As programs write alignments whose bases stand elsewhere; what they would cover is not in the file."""
    reads = changed(tmp_path, reference, no_bases)
    measured = [measure_records(batch) for batch in BamRecords(reads).batches()]
    with pysam.AlignmentFile(str(reads)) as file:
        whole = sum(read.query_sequence is not None for read in file)
    assert sum(len(stretches) for _, stretches in measured) == whole > 0
