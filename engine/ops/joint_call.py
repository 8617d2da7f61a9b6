"""A joint call on demand: gVCFs of some samples genotyped together by GATK's rules, of a region or of everything.

It is made of artifacts that passed their gates. What leaves is written where somebody asks for it; what stays is the
artifact :data:`ASSET`, of everybody who takes part or of some, which is made when it is asked for.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.code_version import code_version
from engine.errors import GenomicsError, ToolError
from engine.exchange.vcf_zarr import require_zarr, write_zarr
from engine.htslib import run_bcftools
from engine.ops.inputs import Artifact
from engine.ops.services import Services
from engine.receipt import Receipt, Recipe, digest_text
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    from engine.genotype.joint import JointSummary

Genotyping = Callable[[Sequence[Path], "ReferenceBundle", Path], "JointSummary"]
"""Genotypes gVCFs with an index together into a VCF, as :func:`engine.genotype.joint.genotype_gvcfs` does."""
ASSET = "joint_call"
FORMATS = {".vcf.gz": "z1", ".vcf.bgz": "z1", ".bcf": "b1", ".pgen": "pgen", ".vcz": "zarr"}
"""How files are written, by how their names end: by bcftools, as PLINK 2 or as VCF Zarr."""
_REGION = re.compile(r"([^:\s]+)(?::([0-9,]+)-([0-9,]+))?")


def joint_call(
    services: Services,
    samples: Sequence[str],
    output: Path,
    region: str | None = None,
    *,
    from_tables: bool = False,
    genotyping: Genotyping | None = None,
) -> JointSummary:
    """Genotype samples together, as :func:`engine.genotype.joint.genotype_gvcfs` does, into ``output`` with its index.

    Of a region are told the sites that begin in it; what reaches into it from before is read.

    Args:
        services: of the deployment.
        samples: ids of those who are called.
        output: VCF (``.vcf.gz``, or ``.vcf.bgz`` as Hail names it), BCF (``.bcf``), PLINK 2's files (``.pgen``, with
            ``.pvar`` and ``.psam`` beside it) or VCF Zarr (``.vcz``, a folder) to write.
        region: contig, or ``contig:start-end``, 1-based and inclusive; everything where absent.
        from_tables: take what the gVCFs say from the cohort's tables ``variant_records`` and ``ref_blocks``, which have
            no INFO: genotypes and numbers are the same, strand bias and rank sums are not told, nor filtered by.
        genotyping: of gVCF files, where not this process does it.

    Raises:
        GenomicsError: a name or a region has no meaning, a sample's gVCF is missing or behind a shut gate, or the
            tables have no rows of it.
    """
    from engine.exchange.pgen import write_pgen
    from engine.genotype.joint import genotype_gvcfs

    reference = services.knowledge.bundle("reference_genome")
    kind, at = require_callable(output, region, reference)
    with TemporaryDirectory(dir=output.parent, prefix=".joint-") as folder:
        if from_tables:
            gvcfs = _from_tables(services, samples, at, reference, Path(folder))
        else:
            gvcfs = [_gvcf(services, sample, at, Path(folder)) for sample in samples]
        joined, written = Path(folder) / "joint.vcf.gz", Path(folder) / f"written{output.suffix}"
        if genotyping is None or from_tables:
            summary = genotype_gvcfs(gvcfs, reference.contigs, joined, fasta=reference.fasta)
        else:
            summary = genotyping(gvcfs, reference, joined)
        calls = written if kind in _BY_BCFTOOLS else Path(folder) / "calls.bcf"
        only, how = ("-t", at) if at else (), kind if kind in _BY_BCFTOOLS else "b1"
        run_bcftools("view", "--no-version", *only, "-O", how, "--write-index", "-o", str(calls), str(joined))
        records = _records(calls)
        if kind == "pgen":
            write_pgen(calls, written, {one.sample_id: one.person.sex for one in services.registry.samples()})
        elif kind == "zarr":
            write_zarr(calls, written)
        for path in sorted(Path(folder).glob("written.*")):
            shutil.move(path, output.with_name(_named_as(output, path)))
    return replace(summary, records=records)


def publish(
    services: Services,
    samples: Sequence[str] = (),
    region: str | None = None,
    log: Callable[[str], None] = lambda _: None,
    genotyping: Genotyping | None = None,
) -> Receipt:
    """A joint call as the current artifact :data:`ASSET`, or the one that was made of the same gVCFs.

    Args:
        services: of the deployment.
        samples: ids of those who are called; everybody who takes part and whose gVCF may be used where empty.
        region: as of :func:`joint_call`.
        log: is told whose gVCF may not be used.
        genotyping: as of :func:`joint_call`; what it makes is the same.

    Raises:
        GenomicsError: as of :func:`joint_call`; or nobody's gVCF may be used, or a sample does not take part, or no
            longer when it is called.
    """
    named = sorted(set(samples)) or [one.sample_id for one in services.registry.samples() if not one.withdrawn]
    _require_taking_part(services, named, "the sample was withdrawn")
    usable = {one: receipt for one in named if (receipt := _usable(services, one, log, must=bool(samples)))}
    if not usable:
        raise GenomicsError("no sample has a gVCF that may be used", remedy="let a sample come to its gVCF first")
    versions = "\n".join(f"{sample} {receipt.data_version}" for sample, receipt in sorted(usable.items()))
    with services.lake.work(ASSET, log=log) as work:
        recipe = Recipe(
            inputs={
                "gvcf of every sample": digest_text(versions),
                "reference_genome": services.knowledge.require("reference_genome").data_version,
            },
            tools=code_version("engine.ops.joint_call:joint_call").tools(ASSET),
            parameters={"region": region},
        )
        if (receipt := work.fresh(recipe)) is not None:
            return receipt
        summary = joint_call(services, sorted(usable), work.folder / f"{ASSET}.vcf.gz", region, genotyping=genotyping)
        # What is published after a withdrawal counts as made without the sample.
        _require_taking_part(services, usable, "the sample was withdrawn while it was called")
        measures = {"samples": len(usable), "left_out": len(named) - len(usable)}
        return work.publish(records=summary.records, recipe=recipe, measures=measures)


def _require_taking_part(services: Services, samples: Collection[str], otherwise: str) -> None:
    if gone := sorted(set(samples) & set(services.registry.withdrawn())):
        raise GenomicsError(otherwise, sample=gone[0], remedy="call again without it")


def _usable(services: Services, sample: str, log: Callable[[str], None], *, must: bool) -> Receipt | None:
    """The receipt of a gVCF behind an open gate; absent where it may not be used, an error where it ``must``."""
    try:
        return services.gate.require("gvcf", sample)
    except GenomicsError as error:
        if must:
            raise
        log(f"left out: {error}")
        return None


_BY_BCFTOOLS = ("z1", "b1")


def _named_as(output: Path, written: Path) -> str:
    """The name of a written file, beside ``output`` or for it.

    >>> [_named_as(Path("a.b.pgen"), Path(f"written.{end}")) for end in ("pgen", "pvar")]
    ['a.b.pgen', 'a.b.pvar']
    >>> _named_as(Path("a.vcf.gz"), Path("written.gz.csi"))
    'a.vcf.gz.csi'
    """
    return output.stem + written.name.removeprefix("written")


def require_callable(output: Path, region: str | None, reference: ReferenceBundle) -> tuple[str, str | None]:
    """How a file is to be written, and the region as htslib takes it; errors as of :func:`joint_call`.

    Nothing that would be written beside the file may be there, and what writes it must be installed.
    """
    from engine.exchange.pgen import ENDINGS

    kind = next((kind for ending, kind in FORMATS.items() if output.name.endswith(ending)), None)
    if kind is None:
        raise GenomicsError("the file's name says no format", file=output, remedy=f"end it with {' or '.join(FORMATS)}")
    for path in (output.with_suffix(ending) for ending in ENDINGS if kind == "pgen"):
        if path.exists():
            raise GenomicsError("the file is there already", file=path, remedy="give a new name, or move it away")
    if kind == "zarr":
        require_zarr()
    return kind, _require_region(region, reference) if region else None


def _require_region(text: str, reference: ReferenceBundle) -> str:
    """A region as htslib takes it; GenomicsError where it lies on no contig of the reference."""
    found = _REGION.fullmatch(text)
    length = reference.contig_lengths.get(found[1]) if found else None
    if not found or length is None:
        known = ", ".join(list(reference.contig_lengths)[:3])
        raise GenomicsError(
            f"{text!r} is no region of the reference", remedy=f"write chr20:1-1000; contigs are {known}"
        )
    if found[2] is None:
        return found[1]
    start, end = (int(one.replace(",", "")) for one in (found[2], found[3]))
    if not 1 <= start <= end <= length:
        raise GenomicsError(f"{text!r} lies beyond the contig", remedy=f"{found[1]} has {length:,} bases")
    return f"{found[1]}:{start}-{end}"


def _records(calls: Path) -> int:
    import pysam

    with pysam.VariantFile(str(calls)) as opened:
        return sum(1 for _ in opened)


def _from_tables(
    services: Services, samples: Sequence[str], region: str | None, reference: ReferenceBundle, folder: Path
) -> list[Path]:
    """gVCFs made of the cohort's tables, of samples whose own one may be used."""
    from engine.cohort.rejoined import write_gvcfs
    from engine.reference.intervals import parse_region

    for sample in samples:
        services.gate.require("gvcf", sample)
    at = parse_region(region, reference.contig_lengths) if region else None
    return write_gvcfs(services.warehouse.listing(), samples, reference.contigs, folder, at)


def _gvcf(services: Services, sample: str, region: str | None, folder: Path) -> Path:
    """The sample's gVCF through its gate; of a region, what overlaps it."""
    whole = Artifact(services.gate.require("gvcf", sample), services.lake).file(".g.vcf.gz")
    if region is None:
        return whole
    part = folder / f"{sample}.g.vcf.gz"
    try:
        run_bcftools("view", "--no-version", "-r", region, "-O", "z1", "--write-index=tbi", "-o", str(part), str(whole))
    except ToolError as error:
        raise error.about(sample=sample, file=whole) from error
    return part
