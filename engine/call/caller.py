"""The one interface to every variant caller: reads in, gVCF out, whichever program does the work.

A caller is named in :data:`engine.call.callers.CALLERS` and imported when it is asked for. What all callers share is
here: the reads are checked before, the gVCF is indexed and measured after. How a caller works is its own module's
business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from engine.call.alignments import check_alignments
from engine.call.callers import CALLERS, DEFAULT_CALLER, SCATTERED, TARGET_PADDING
from engine.call.gvcf import GvcfMeasures, measure_gvcf
from engine.call.needs import calling_needs
from engine.call.ploidy import ploidy_of
from engine.errors import ReferenceMismatchError, ToolError
from engine.files.calls_index import index_calls
from engine.headroom import tell_needs
from engine.machines.work import Machines
from engine.person import Sex
from engine.progress import LOG, Progress
from engine.recalibrate.table import RecalibrationTable
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from engine.reference.known_bases import called_territory, known_territory


class Reference(Protocol):
    """What a caller needs of a reference; :class:`engine.reference.bundle.ReferenceBundle` is one."""

    @property
    def fasta(self) -> Path:
        """FASTA, plain or bgzip, with its ``.fai`` (and ``.gzi``) beside it."""

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The contigs in FASTA order."""


@dataclass(frozen=True)
class CallTask:
    """What a caller is asked to do; everything in it has been checked.

    Attributes:
        reads: coordinate-sorted, indexed BAM or CRAM.
        reference: what the reads were aligned to.
        output: the gVCF to write (bgzip), without index.
        sample: name of the one sample, as in the gVCF's header.
        intervals: what to call, 0-based half-open, sorted in contig order; nothing that the sample's sex lacks.
        sex: decides the ploidy of X and Y (:mod:`engine.call.ploidy`).
        recalibration: what base qualities are replaced by; absent where they stay, and for a caller that is given
            recalibrated reads.
        threads: how many cores to use.
        progress: advanced by reference bases done.
        machines: others that may do the work, absent where it is this one's.
        log: takes a line for the people who watch.
    """

    reads: Path
    reference: Reference
    output: Path
    sample: str
    intervals: Sequence[Interval]
    sex: Sex
    recalibration: RecalibrationTable | None
    threads: int
    progress: Progress
    machines: Machines | None = None
    log: Callable[[str], None] = LOG

    @property
    def contig_lengths(self) -> dict[str, int]:
        """Length by contig name, in FASTA order."""
        return {contig.name: contig.length for contig in self.reference.contigs}


class VariantCaller(Protocol):
    """A program that turns reads into a gVCF.

    Attributes:
        recalibrates: whether it replaces base qualities itself as it reads.
    """

    recalibrates: bool

    def version(self) -> str:
        """Name and version of what does the work, as it appears in receipts."""

    def write_gvcf(self, task: CallTask) -> None:
        """Write ``task.output``: variants and reference blocks (``<NON_REF>``), the same bytes for any threads.

        Raises:
            ToolError: the program is absent or failed.
        """


@dataclass(frozen=True)
class CallSummary(GvcfMeasures):
    """What calling gave.

    Attributes:
        caller: the name asked for.
        caller_version: of the program that did the work.
        sample: name of the sample in the gVCF.
    """

    caller: str = field(kw_only=True)
    caller_version: str = field(kw_only=True)
    sample: str = field(kw_only=True)


def variant_caller(name: str) -> VariantCaller:
    """The caller of that name.

    Raises:
        ToolError: there is none of that name, or it cannot be loaded here.
    """
    if name not in CALLERS:
        raise ToolError(f"there is no variant caller {name!r}", remedy=f"choose one of {', '.join(CALLERS)}")
    module, _, kind = CALLERS[name].partition(":")
    caller: VariantCaller = getattr(import_module(module), kind)()
    return caller


def call_gvcf(
    reads: Path,
    reference: Reference,
    output: Path,
    *,
    caller: str = DEFAULT_CALLER,
    sample: str | None = None,
    targets: Path | None = None,
    region: str | None = None,
    padding: int = TARGET_PADDING,
    sex: Sex = Sex.UNKNOWN,
    recalibration: RecalibrationTable | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    machines: Machines | None = None,
    log: Callable[[str], None] = LOG,
) -> CallSummary:
    """Call one sample: write ``output`` (bgzip) and its ``.tbi``.

    What is measured (:class:`CallSummary`) is measured over the targets themselves, neither over what was padded nor
    over bases that are N.

    Args:
        reads: coordinate-sorted BAM or CRAM with an index and one sample's read groups.
        reference: what the reads were aligned to.
        output: the gVCF to write, ``.g.vcf.gz``.
        caller: a name in :data:`engine.call.callers.CALLERS`.
        sample: the sample the reads must be of; by default whichever the read groups name.
        targets: BED of what to call, the whole reference when absent.
        region: ``contig``, ``contig:start`` or ``contig:start-end``, 1-based, ends included; narrows the targets.
        padding: bases called on either side of every target.
        sex: decides the ploidy of X and Y.
        recalibration: what base qualities are replaced by, as GATK's best practices have it; they stay when absent.
        threads: cores to use; the result is the same for any number.
        progress: told of reference bases done, and of how many there are; by default one that logs.
        machines: others to do the work of callers that can be cut into shards; the result is the same.
        log: takes a line for the people who watch.

    Raises:
        AlignmentFileError: the reads are damaged, unsorted, without index or read groups, or of another sample.
        ReferenceMismatchError: the reads were aligned to another reference.
        ToolError: the caller is absent or failed.
    """
    engine = variant_caller(caller)
    if machines and caller not in SCATTERED:
        log(f"the caller {caller} is not cut into shards: this machine calls all of it")
    facts = check_alignments(reads, reference.contigs, sample=sample)
    lengths = {contig.name: contig.length for contig in reference.contigs}
    wanted = called_territory(reference, targets=targets, region=region, padding=padding)
    intervals = _present(wanted, lengths, sex)
    if not intervals:
        raise ReferenceMismatchError(
            f"nothing is left to call: a {sex} sample has no {wanted[0].contig}",
            remedy="check the sample's sex and the region asked for",
        )
    judged = _present(known_territory(reference, targets=targets, region=region), lengths, sex)
    needs = calling_needs(intervals, threads=threads, scattered=machines is not None)
    tell_needs("calling", needs, output.parent, log)
    progress = progress or Progress("calling", unit="bases")
    progress.total = sum(len(interval) for interval in intervals)
    task = CallTask(
        reads=reads,
        reference=reference,
        output=output,
        sample=facts.sample,
        intervals=intervals,
        sex=sex,
        recalibration=recalibration,
        threads=threads,
        progress=progress,
        machines=machines,
        log=log,
    )
    with _as_the_caller_needs(engine, task) as ready:
        engine.write_gvcf(ready)
    index_calls(output)
    measures = measure_gvcf(output, judged)
    return CallSummary(**vars(measures), caller=caller, caller_version=engine.version(), sample=facts.sample)


@contextmanager
def _as_the_caller_needs(engine: VariantCaller, task: CallTask) -> Iterator[CallTask]:
    """The task, with recalibrated reads where the caller cannot recalibrate by itself."""
    if task.recalibration is None or engine.recalibrates:
        yield task
        return
    from engine.recalibrate.apply import recalibrated_file

    with recalibrated_file(
        task.reads, task.recalibration, task.reference.fasta, folder=task.output.parent, threads=task.threads
    ) as reads:
        yield replace(task, reads=reads, recalibration=None)


def _present(intervals: Sequence[Interval], lengths: Mapping[str, int], sex: Sex) -> list[Interval]:
    """Leave out what a person of that sex has no copy of."""
    return [
        interval
        for interval in intervals
        if any(part.copies for part in ploidy_of(interval, lengths[interval.contig], sex))
    ]
