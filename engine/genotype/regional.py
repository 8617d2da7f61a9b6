"""Joint genotyping cut into regions, so that many machines call one cohort; what they give is put together in order.

A region is called from what its gVCFs say there and a margin before it: a deletion that began there is known. What
depends on all sites before one, GATK's draws of QD, is done where the regions are put together. How regions are handed
out is the caller's business (``resources/spark.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.errors import VariantFileError
from engine.genotype.filter import DEFAULT_FILTERS, FILTERS, Filters
from engine.genotype.gvcf_records import Gvcf
from engine.genotype.joint import (
    JointSummary,
    SiteWalk,
    Told,
    finish,
    open_gvcfs,
    with_drawn,
    write_calls,
)
from engine.genotype.site_annotations import QualityByDepth
from engine.progress import Progress
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from engine.reference.reference_bases import ReferenceBases

MARGIN = 10_000
"""Bases before a region from which its gVCFs are read; callers of small variants write no deletion as long."""


def call_region(gvcfs: Sequence[Path], contigs: Sequence[Contig], fasta: Path | None, at: Interval) -> Iterator[str]:
    """Lines of the calls that begin in a region, without their draws and filters; the last one tells of the walk.

    Args:
        gvcfs: one file for each sample, with index.
        contigs: the reference's.
        fasta: the reference, with index; as of :func:`engine.genotype.joint.genotype_gvcfs`.
        at: the region.

    Raises:
        VariantFileError: a gVCF is damaged or has no index.
        ReferenceMismatchError: as of :func:`engine.genotype.joint.genotype_gvcfs`.
    """
    inputs = open_gvcfs(gvcfs, contigs)
    with TemporaryDirectory() as folder, ReferenceBases(fasta) as bases:
        pieces = [_piece(gvcf, at, Path(folder) / f"{number}.g.vcf") for number, gvcf in enumerate(inputs)]
        walk = SiteWalk(pieces, contigs)
        for columns in walk.calls(bases, Progress("genotyping", unit="sites"), at.start):
            yield "\t".join(columns)
    yield json.dumps(asdict(walk.told) | {"marks": sorted(walk.told.marks)})


def put_together(
    regions: Iterable[Iterable[str]],
    gvcfs: Sequence[Path],
    contigs: Sequence[Contig],
    output: Path,
    *,
    filters: Filters | None = FILTERS[DEFAULT_FILTERS],
) -> JointSummary:
    """Write what :func:`call_region` gave of regions in the reference's order, as ``genotype_gvcfs`` of all of it.

    Args:
        regions: lines of each.
        gvcfs: that they were called from.
        contigs: the reference's.
        output: VCF to write (bgzip), with its index.
        filters: as of :func:`engine.genotype.joint.genotype_gvcfs`.
    """
    inputs, told, draws = open_gvcfs(gvcfs, contigs), Told(), QualityByDepth()

    def calls() -> Iterator[list[str]]:
        for lines in regions:
            for line in lines:
                if line.startswith("{"):
                    _add(told, json.loads(line))
                else:
                    yield with_drawn(line.split("\t"), draws)

    written, passed = write_calls(calls(), inputs, contigs, output, filters)
    return finish(output, inputs, told, written, passed)


def _add(told: Told, more: dict[str, object]) -> None:
    one = Told(**more)  # type: ignore[arg-type]
    told.seen += one.seen
    told.marks |= set(one.marks)
    told.not_genotyped += one.not_genotyped
    told.beyond_depth += one.beyond_depth


def _piece(gvcf: Gvcf, at: Interval, path: Path) -> Gvcf:
    """The records of a gVCF that overlap a region or its margin, as a file of their own."""
    import pysam

    try:
        with pysam.TabixFile(str(gvcf.path)) as indexed, path.open("w") as stream:
            stream.writelines(f"{line}\n" for line in indexed.header)
            if at.contig in indexed.contigs:
                stream.writelines(f"{line}\n" for line in indexed.fetch(at.contig, max(at.start - MARGIN, 0), at.end))
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the gVCF cannot be read: {error}", file=gvcf.path, sample=gvcf.sample, remedy="call the sample again"
        ) from error
    return replace(gvcf, path=path, is_piece=True)
