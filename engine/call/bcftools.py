"""bcftools as a caller: ``mpileup -X illumina-1.20`` piped into ``call -m``, its sites joined into a gVCF.

It is the bcftools inside pysam, so nothing needs to be installed. pysam keeps one bcftools per process (its
command line parsing is static), therefore each of the two commands runs in a Python process of its own, joined by
a pipe: no intermediate file, and as many pairs at a time as there are threads. Work is cut at fixed coordinates
(:func:`engine.reference.intervals.shards`), so the result does not depend on the number of threads.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from engine.call.caller import CallTask
from engine.call.ploidy import ploidy_of
from engine.call.reference_blocks import MAX_QUALITY, BlockStream, ReferenceSite
from engine.errors import ToolError
from engine.htslib import bcftools_command
from engine.reference.intervals import Interval, shards, write_bed

PROFILE = "illumina-1.20"
MAX_DEPTH = 1000
# Depths at which mpileup starts a new block: a read is worth three phred, so these are our quality bands.
_DEPTH_BANDS = "0,1,4,7,10,14,20,33"
# QUAL of a reference site with one mismatching base is the prior alone, -10 log10(1.1e-3) = 29.6: no news. Below
# it the bases speak for a variant, and the site's genotype quality may not be better than that.
_PRIOR_QUALITY = 29
_BLOCK_HEADER = (
    '##ALT=<ID=NON_REF,Description="Any possible alternative allele not seen at this place">',
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Smallest depth within the block; DP repeats it">',
)
_TO_N = str.maketrans(dict.fromkeys("RYKMSWBDHVrykmswbdhv", "N"))
"""The VCF specification (1.6.1) has no other code in REF; GATK writes N too."""
_REF_ALLELES = frozenset({".", "<*>"})


class BcftoolsCaller:
    """Calls with the bcftools that pysam brings."""

    recalibrates = False

    def version(self) -> str:
        """``bcftools`` with its version."""
        from pysam.version import __bcftools_version__

        return f"bcftools {__bcftools_version__}"

    def write_gvcf(self, task: CallTask) -> None:
        """Write the task's gVCF, shard by shard in order.

        Raises:
            ToolError: bcftools failed; the message holds what it said.
        """
        import pysam

        work = shards(task.intervals)
        with tempfile.TemporaryDirectory(prefix="bcftools-") as folder:
            ploidy = Path(folder, "ploidy")
            ploidy.write_text(_ploidy_table(task))
            with (
                pysam.BGZFile(str(task.output), "wb", None) as stream,
                ThreadPoolExecutor(max(1, task.threads)) as pool,
            ):
                stream.write(self._header(task, Path(folder)).encode())
                shard_calls = [
                    pool.submit(_call_shard, task, shard, Path(folder, f"{number}.bed"), ploidy)
                    for number, shard in enumerate(work)
                ]
                try:
                    for shard, calls in zip(work, shard_calls, strict=True):
                        stream.write(calls.result())
                        task.progress.advance(sum(len(interval) for interval in shard))
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise

    def _header(self, task: CallTask, folder: Path) -> str:
        """bcftools' own definitions, our contigs, and neither dates nor paths."""
        first = task.intervals[0]
        bed = folder / "header.bed"
        write_bed([Interval(first.contig, first.start, first.start + 1)], bed)
        lines = [line for line in _bcftools_lines(task, bed, None) if line.startswith("##")]
        definitions = [line.rstrip("\n") for line in lines if line.startswith(("##INFO", "##FORMAT", "##FILTER"))]
        contigs = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in task.reference.contigs]
        columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + task.sample
        # VCF reserves MQ as a Float (specification 4.3, table 1); bcftools declares an Integer and readers complain.
        typed = [line.replace("ID=MQ,Number=1,Type=Integer", "ID=MQ,Number=1,Type=Float") for line in definitions]
        kept = [line for line in typed if "ID=MIN_DP" not in line]
        return "\n".join(["##fileformat=VCFv4.2", *kept, *_BLOCK_HEADER, *contigs, columns, ""])


def _ploidy_table(task: CallTask) -> str:
    """The sample's copies of every interval in bcftools' format, the same for either sex it may assume."""
    rows = []
    for interval in task.intervals:
        for part in ploidy_of(interval, task.contig_lengths[interval.contig], task.sex):
            where = f"{interval.contig} {part.interval.start + 1} {part.interval.end}"
            rows += [f"{where} {sex} {part.copies}\n" for sex in "MF"]
    return "".join(rows) + "* * * M 2\n* * * F 2\n"


def _call_shard(task: CallTask, shard: Sequence[Interval], bed: Path, ploidy: Path) -> bytes:
    import pysam

    contig = shard[0].contig
    first, last = shard[0].start, shard[-1].end
    with pysam.FastaFile(str(task.reference.fasta)) as fasta:
        sequence = fasta.fetch(contig, first, last).upper().translate(_TO_N)
    lines: list[str] = []
    blocks = BlockStream(shard, lambda position: sequence[position - first], lines.append)
    write_bed(shard, bed)
    for line in _bcftools_lines(task, bed, ploidy):
        if not line.startswith("#"):
            _add_line(blocks, line)
    blocks.finish()
    return "".join(lines).encode()


def _add_line(blocks: BlockStream, line: str) -> None:
    """Hand one line of ``bcftools call`` to the stream."""
    contig, position, name, ref, alt, qual, status, info, keys, values = line.rstrip("\n").split("\t")
    start = int(position) - 1
    sample = dict(zip(keys.split(":"), values.split(":"), strict=False))
    if alt not in _REF_ALLELES:
        sample["GQ"] = str(min(int(sample["GQ"]), MAX_QUALITY)) if "GQ" in sample else "0"
        # Soft-masked reference bases come in lower case.
        alt = alt.upper().replace("<*>", "<NON_REF>")
        columns = (contig, position, name, ref.upper().translate(_TO_N), alt, qual, status, info)
        line = "\t".join((*columns, ":".join(sample), ":".join(sample.values()))) + "\n"
        blocks.add_variant(start, start + len(ref), line)
        return
    if sample["GT"].startswith(".") or sample.get("PL", ".") == ".":
        return
    end = int(info[4:].partition(";")[0]) if info.startswith("END=") else start + 1
    likelihoods = tuple(map(int, sample["PL"].split(",")))
    certainty = sorted(likelihoods)[1]
    if qual != "." and float(qual) < _PRIOR_QUALITY:
        certainty = min(certainty, int(float(qual)))
    site = ReferenceSite(start, end, int(sample["DP"]), likelihoods, min(certainty, MAX_QUALITY))
    if info.startswith("INDEL"):
        blocks.doubt(site)
    else:
        blocks.add_reference(site)


def _bcftools_lines(task: CallTask, bed: Path, ploidy: Path | None) -> Iterator[str]:
    """Run both commands over a BED and give the lines of the VCF that comes out."""
    pileup = [
        "mpileup", "--no-version", "--config", PROFILE, "--max-depth", str(MAX_DEPTH),
        "--max-idepth", str(MAX_DEPTH), "--annotate", "FORMAT/AD,FORMAT/DP,FORMAT/SP",
        "--gvcf", _DEPTH_BANDS, "--fasta-ref", str(task.reference.fasta), "--regions-file", str(bed),
        "--output-type", "u", str(task.reads),
    ]  # fmt: skip
    call = ["call", "--no-version", "--multiallelic-caller", "--annotate", "GQ", "--keep-unseen-allele"]
    call += ["--ploidy-file", str(ploidy)] if ploidy else []
    with (
        tempfile.TemporaryFile("w+") as complaints,
        _start(pileup, None, complaints) as first,
        _start([*call, "-"], first.stdout, complaints) as second,
    ):
        assert first.stdout is not None and second.stdout is not None
        first.stdout.close()
        try:
            yield from second.stdout
        finally:
            second.stdout.close()
        if first.wait() or second.wait():
            complaints.seek(0)
            said = " ".join(complaints.read().split())[-500:]
            raise ToolError(
                f"bcftools failed over {bed.read_text().split()}: {said}",
                file=task.reads,
                remedy="check that reads and reference are whole and belong together",
            )


def _start(arguments: list[str], source: IO[str] | None, complaints: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        bcftools_command(*arguments),
        stdin=source or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
    )
