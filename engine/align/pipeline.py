"""From FASTQ to the finished BAM in one stream: align, find duplicates, sort, measure, compress, index.

    lanes -> batches -> aligner on threads -> packed records -> sorter and duplicate finder
          -> records in order, duplicates flagged -> measures and BGZF on threads -> BAM and index

Nothing larger than the result is written on the way, memory is bounded by an option, and the bytes depend on the
reads, the reference and the options alone.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.align.aligner import Aligner
from engine.align.index import index_files
from engine.align.needs import alignment_needs, tell_alignment_needs
from engine.errors import FastqError, ToolError
from engine.giving_back import give_back_memory
from engine.htslib import samtools_command
from engine.progress import LOG, Progress
from engine.reads.bam_writer import DEFAULT_LEVEL, LONGEST_INDEXED, write_bam
from engine.reads.conventions import UmiSource
from engine.reads.duplicates import OPTICAL_DISTANCE, DuplicateFinder, Duplicates, DuplicationMetrics
from engine.reads.fastq import BATCH_BASES, PairBatch, read_pairs
from engine.reads.header import Program, ReadGroup, bam_header, header_text
from engine.reads.lane import Lane
from engine.reads.mates import require_mates
from engine.reads.measures import AlignmentHistograms, AlignmentMeasures, Measurement, measure_records
from engine.reads.read_names import ILLUMINA, ReadOrigin, origin_of
from engine.reads.record_kernels import set_duplicate_flags
from engine.reads.records import Records
from engine.reads.repeats import ReadSketch, require_reads_once
from engine.reads.sort import RecordSorter, SortedRecords
from engine.reference.genome import Reference
from engine.reference.intervals import Interval
from engine.reference.known_bases import known_territory
from engine.release import engine_release

CRAM_FORMAT = "cram,version=3.0,store_nm=1,store_md=1"
"""As GATK and Picard (htsjdk 4.2) read it: they refuse 3.1, samtools' default, and do not make the tags NM and MD again
that samtools leaves out."""


@dataclass(frozen=True)
class AlignmentOptions:
    """How reads are aligned and written; the defaults serve.

    Attributes:
        threads: that align and compress; the result does not depend on it.
        batch_bases: bases from which one insert-size model is made, as ``bwa mem -K``.
        optical_distance: pixels within which two clusters are one seen twice: 100, or 2500 on patterned flow cells.
        umi: where UMIs stand; with them, only reads of one UMI are duplicates of each other.
        umi_errors: whether a UMI one letter from a more frequent one at the same ends is taken for that one misread.
        level: of compression, as in :func:`engine.files.bgzf.compress_block`.
        memory: bytes of records held before they go to disk; pairs of ends take as much again at most.
        format: ``bam`` or ``cram``.
    """

    threads: int = 1
    batch_bases: int = BATCH_BASES
    optical_distance: int = OPTICAL_DISTANCE
    umi: UmiSource = UmiSource.NONE
    umi_errors: bool = False
    level: int = DEFAULT_LEVEL
    memory: int = 1 << 30
    format: str = "bam"


@dataclass(frozen=True)
class AlignedReads:
    """One sample's finished alignments.

    Attributes:
        path: the BAM or CRAM.
        index: its index.
        records: records in the file.
        pairs: pairs of reads that came in.
        read_groups: one for each lane.
        aligner: name and version of the aligner.
        measures: figures that become quality checks.
        histograms: distributions behind them.
        duplication: Picard's DuplicationMetrics of each library.
        set_sizes: histogram of duplicate sets; see :class:`engine.reads.duplicates.Duplicates`.
    """

    path: Path
    index: Path
    records: int
    pairs: int
    read_groups: tuple[ReadGroup, ...]
    aligner: str
    measures: AlignmentMeasures
    histograms: AlignmentHistograms
    duplication: tuple[DuplicationMetrics, ...]
    set_sizes: tuple[tuple[int, ...], ...]


def align_reads(
    lanes: Sequence[Lane],
    sample: str,
    reference: Reference,
    aligner: Aligner,
    output: Path,
    *,
    library: str | None = None,
    targets: Sequence[Interval] | None = None,
    options: AlignmentOptions | None = None,
    expected_pairs: int | None = None,
    log: Callable[[str], None] | None = None,
) -> AlignedReads:
    """Align a sample's lanes into one coordinate-sorted, duplicate-marked, indexed BAM (or CRAM).

    Args:
        lanes: at least one; each becomes a read group ``sample.lane``.
        sample: the sample id (SM).
        reference: what ``aligner`` has the index of.
        aligner: from :func:`engine.align.aligner.open_aligner`.
        output: the file to write; the index goes beside it (``.bai``, ``.csi`` or ``.crai`` appended). Temporary
            files lie in the same folder.
        library: LB of all lanes; the sample id where absent.
        targets: territory over which coverage is measured, sorted and merged; absent: all that is not N.
        options: see :class:`AlignmentOptions`.
        expected_pairs: how many pairs will come, where it is known: then progress tells the time left.
        log: takes lines of progress; the default is the log of :mod:`engine.progress`.

    Raises:
        FastqError: a file is damaged, out of step with its mate, or given twice; two lanes have one name.
        ToolError: the aligner failed.
    """
    options = options or AlignmentOptions()
    _check_lanes(lanes, sample)
    files = index_files(aligner.index, aligner.name)
    needs = alignment_needs(files, lanes, threads=options.threads, memory=options.memory)
    tell_alignment_needs(needs, output.parent, log or LOG)
    libraries = [library or sample] * len(lanes)
    with (
        RecordSorter(memory=options.memory, folder=output.parent) as sorter,
        DuplicateFinder(
            libraries,
            optical_distance=options.optical_distance,
            by_umi=options.umi is not UmiSource.NONE,
            umi_errors=options.umi_errors,
            memory=options.memory,
            folder=output.parent,
        ) as finder,
    ):
        origins, pairs = _align_lanes(lanes, sample, aligner, options, sorter, finder, expected_pairs, log)
        give_back_memory()
        duplicates = finder.finish(sorter.count, threads=options.threads)
        groups = [
            ReadGroup(_read_group_id(sample, lane), sample, library, origin.platform_unit, origin.platform)
            for lane, library, origin in zip(lanes, libraries, origins, strict=True)
        ]
        territory = known_territory(reference) if targets is None else list(targets)
        measurement = Measurement([contig.name for contig in reference.contigs], territory)
        path, index, records = _write(
            sorter, duplicates, measurement, reference, groups, _programs(aligner, options), output, options, log
        )
    measures, histograms = measurement.finish(duplicates)
    return AlignedReads(
        path=path,
        index=index,
        records=records,
        pairs=pairs,
        read_groups=tuple(groups),
        aligner=f"{aligner.name} {aligner.version}",
        measures=measures,
        histograms=histograms,
        duplication=duplicates.libraries,
        set_sizes=tuple(tuple(sizes.tolist()) for sizes in duplicates.set_sizes),
    )


def _check_lanes(lanes: Sequence[Lane], sample: str) -> None:
    names = [lane.name for lane in lanes]
    if not names:
        raise FastqError("there is no lane to align", sample=sample, remedy="give at least one pair of FASTQ files")
    if len(set(names)) < len(names):
        raise FastqError("two lanes have one name", sample=sample, remedy="give every lane a name of its own")
    files = [file.resolve() for lane in lanes for file in (lane.read1, lane.read2)]
    for number, file in enumerate(files):
        if file in files[:number]:
            raise FastqError("the file is given twice", file=file, sample=sample, remedy="give each file once")


def _read_group_id(sample: str, lane: Lane) -> str:
    return f"{sample}.{lane.name}"


def _align_lanes(
    lanes: Sequence[Lane],
    sample: str,
    aligner: Aligner,
    options: AlignmentOptions,
    sorter: RecordSorter,
    finder: DuplicateFinder,
    expected_pairs: int | None,
    log: Callable[[str], None] | None,
) -> tuple[list[ReadOrigin], int]:
    """Align all lanes into sorter and finder; where each lane's reads come from, and the pairs that came in."""
    progress = _progress("aligning", 2 * expected_pairs if expected_pairs else None, log)
    origins: list[ReadOrigin] = []
    pairs = 0
    sketches: list[ReadSketch] = []
    for number, lane in enumerate(lanes):
        found: list[ReadOrigin] = []
        sketches.append(ReadSketch())

        def batches(found: list[ReadOrigin] = found, lane: Lane = lane) -> Iterator[PairBatch]:
            nonlocal pairs
            for batch in read_pairs(
                lane.read1,
                lane.read2,
                batch_bases=options.batch_bases,
                encoding=lane.quality_encoding,
                umi=options.umi,
            ):
                require_mates(batch, lane.read2)
                _note_origins(found, batch, lane)
                sketches[-1].add(batch)
                pairs += len(batch)
                yield batch

        try:
            stream = aligner.align(batches(), read_group=_read_group_id(sample, lane), threads=options.threads)
            for records in stream if options.umi is UmiSource.NONE else map(_with_umis, stream):
                ordinals = sorter.add(records)
                finder.add(records, ordinals, np.full(len(records), number, dtype=np.int32))
                progress.advance(len(records))
            require_reads_once(lanes[: number + 1], sketches)
        except FastqError as error:
            error.about(sample=sample)
            raise
        units = ",".join(dict.fromkeys(origin.platform_unit for origin in found))
        origins.append(ReadOrigin(found[0].platform, units) if found else ReadOrigin(ILLUMINA, lane.name))
    return origins, pairs


def _with_umis(records: Records) -> Records:
    """Each with the UMI at the end of its name as its tag RX, for programs that look for it there."""
    from engine.reads.umi_tag_kernels import with_umi_tag

    return Records(*with_umi_tag(records.data, records.offset))


def _note_origins(found: list[ReadOrigin], batch: PairBatch, lane: Lane) -> None:
    """Keep where the batch's first and last pair come from: files of several lanes are often put end to end."""
    for row in (0, len(batch) - 1):
        origin = origin_of(batch.read1.name(row))
        if origin is None or origin in found:
            continue
        if found and origin.platform != found[0].platform:
            raise FastqError(
                f"the file holds reads of two platforms, {found[0].platform} and {origin.platform}",
                file=lane.read1,
                place=f"read {batch.first + row + 1:,}",
                remedy="give each platform's reads as a lane of their own",
            )
        found.append(origin)


def _progress(task: str, total: int | None, log: Callable[[str], None] | None) -> Progress:
    return Progress(task, total=total) if log is None else Progress(task, total=total, log=log)


def _programs(aligner: Aligner, options: AlignmentOptions) -> list[Program]:
    return [
        Program(aligner.name, aligner.version, f"{aligner.name} mem -K {options.batch_bases}"),
        Program(
            "genomics-engine",
            engine_release(),
            f"genomics-engine align --optical-distance {options.optical_distance}"
            + (f" --umi {options.umi}" if options.umi is not UmiSource.NONE else "")
            + (" --umi-errors" if options.umi_errors else ""),
        ),
    ]


def _write(
    sorter: RecordSorter,
    duplicates: Duplicates,
    measurement: Measurement,
    reference: Reference,
    groups: list[ReadGroup],
    programs: list[Program],
    output: Path,
    options: AlignmentOptions,
    log: Callable[[str], None] | None,
) -> tuple[Path, Path, int]:
    contigs = reference.contigs
    header = bam_header(header_text(contigs, groups, programs), contigs)
    progress = _progress("writing", sorter.count, log)

    def flag(chunk: SortedRecords) -> SortedRecords:
        set_duplicate_flags(chunk.records.data, chunk.records.offset, chunk.ordinals, duplicates.bits)
        return chunk

    def flagged() -> Iterator[Records]:
        for chunk in sorter.sorted(threads=(options.threads + 1) // 2, then=flag):
            progress.advance(len(chunk.records))
            yield chunk.records

    cram = options.format == "cram"
    indexable = all(contig.length <= LONGEST_INDEXED for contig in contigs)
    bai = None if cram or not indexable else output.with_name(f"{output.name}.bai")
    with _into_cram(output, reference.fasta, options.threads) if cram else nullcontext(output) as bam:
        count = write_bam(
            bam,
            header,
            [contig.length for contig in contigs],
            flagged(),
            level=0 if cram else options.level,
            threads=options.threads,
            index=bai,
            measure=measure_records,
            collect=measurement.add,
        )
    if cram:
        return output, _index_cram(output), count
    return output, bai or _index_long(output), count


def _index_long(bam: Path) -> Path:
    """CSI, for contigs longer than BAI can index."""
    import pysam

    pysam.index("-c", str(bam))
    return bam.with_name(f"{bam.name}.csi")


@contextmanager
def _into_cram(cram: Path, fasta: Path, threads: int) -> Iterator[Path]:
    """A pipe that takes a BAM as it is written and makes the CRAM of it; there is no file between."""
    view = samtools_command(
        *("view", "--no-PG", "--output-fmt", CRAM_FORMAT, "--threads", str(threads - 1), "--reference", str(fasta)),
        *("--output", str(cram), "-"),
    )
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(view, stdin=subprocess.PIPE, stderr=complaints) as process:
            assert process.stdin is not None
            try:
                yield Path(f"/dev/fd/{process.stdin.fileno()}")
            except BrokenPipeError:
                pass  # it has ended before its time: why, it says below
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            raise ToolError(
                f"the CRAM cannot be written: {' '.join(complaints.read().split())[-500:]}",
                file=cram,
                remedy="check that there is room, or write BAM",
            )


def _index_cram(cram: Path) -> Path:
    import pysam

    pysam.index(str(cram))
    return cram.with_name(f"{cram.name}.crai")
