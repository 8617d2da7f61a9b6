"""One sample's gVCF becomes its filtered VCF, whichever caller made the gVCF.

gVCFs with ``<NON_REF>`` likelihoods (``haplotype``, ``gatk``) are genotyped by :mod:`engine.genotype.joint`; those
of bcftools hold final genotypes, so their variants are taken over, in their shortest form, and filtered.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.call.caller import Reference, index_gvcf
from engine.call.gvcf import SYMBOLIC_ALLELES, measure_gvcf
from engine.errors import VariantFileError
from engine.genotype.filter import BCFTOOLS_FILTERS, DEFAULT_FILTERS, FILTERS
from engine.genotype.gvcf_records import open_gvcf
from engine.genotype.joint import genotype_gvcfs
from engine.genotype.measures import VariantsSummary, measure_variants
from engine.genotype.target_reach import TargetReach, reach_of
from engine.progress import Progress
from engine.reference.known_bases import known_territory
from engine.variant_lines import variant_lines

_GVCF_ONLY = ("##ALT=<ID=NON_REF", "##FORMAT=<ID=MIN_DP", "##INFO=<ID=END", "##INFO=<ID=MIN_DP", "##GVCFBlock")
# No indel call of bcftools reaches further than mpileup's longest read.
_REACH = 1_000
_STRAND_BIAS = "##FORMAT=<ID=SB,"


def genotype_sample(
    gvcf: Path,
    reference: Reference,
    output: Path,
    *,
    caller: str | None = None,
    targets: Path | None = None,
    filters: str = DEFAULT_FILTERS,
    progress: Progress | None = None,
) -> VariantsSummary:
    """Write one sample's filtered VCF (bgzip) and its ``.tbi``.

    Args:
        gvcf: the sample's gVCF.
        reference: what it was called with.
        output: the VCF to write; every record has PASS or the filters it fails.
        caller: who made the gVCF (``haplotype``, ``gatk``, ``bcftools``); read from its header when absent.
        targets: BED that the gVCF was to cover, the whole reference when absent. Records that do not reach into it
            (the caller pads) are left out.
        filters: a name in :data:`engine.genotype.filter.FILTERS`; calls of bcftools have filters of their own.
        progress: advanced by sites.

    Raises:
        VariantFileError: the gVCF is damaged.
        ReferenceMismatchError: it is of another reference.
    """
    opened = open_gvcf(gvcf)
    made_by_bcftools = (
        not any(line.startswith(_STRAND_BIAS) for line in opened.header) if caller is None else caller == "bcftools"
    )
    with reach_of(targets, reference) as reach:
        if made_by_bcftools:
            _take_over(gvcf, opened.header, opened.sample, output, reach)
            index_gvcf(output)
        else:
            genotype_gvcfs([gvcf], reference.contigs, output, filters=FILTERS[filters], reach=reach, progress=progress)
    coverage = measure_gvcf(gvcf, known_territory(reference, targets=targets))
    return measure_variants(output, uncovered_target_bases=coverage.uncovered_target_bases)


def _take_over(gvcf: Path, header: Sequence[str], sample: str, output: Path, reach: TargetReach | None) -> None:
    """Copy the variants of a bcftools gVCF that reach into the targets, trimmed, sorted and filtered."""
    import pysam

    kept = [line for line in header if not line.startswith(_GVCF_ONLY) and "ID=PASS," not in line]
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample])
    with pysam.BGZFile(str(output), "wb", None) as stream:
        head = [kept[0], *BCFTOOLS_FILTERS.header_lines(), *kept[1:], columns]
        stream.write(("\n".join(head) + "\n").encode())
        for fields in _sorted_by_position(_variants(gvcf)):
            if reach is not None and not reach(fields[0], int(fields[1]), fields[3], fields[4]):
                continue
            fields[6] = BCFTOOLS_FILTERS.verdict(fields, _sample_values(fields))
            stream.write(("\t".join(fields) + "\n").encode())


def _variants(gvcf: Path) -> Iterator[list[str]]:
    for number, line in enumerate(variant_lines(gvcf), start=1):
        if line.startswith("#"):
            continue
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 10:
            raise VariantFileError(
                "this line is not a record of a gVCF with one sample",
                file=gvcf,
                place=f"line {number}",
                remedy="make the file again",
            )
        if fields[4] not in SYMBOLIC_ALLELES:
            yield _trimmed(fields)


def _trimmed(fields: list[str]) -> list[str]:
    """The record with its alleles as short as they can be: bcftools writes indels with the repeat they are in."""
    alleles = [fields[3], *fields[4].split(",")]
    if all(allele.isalpha() for allele in alleles):
        while min(map(len, alleles)) > 1 and len({allele[-1] for allele in alleles}) == 1:
            alleles = [allele[:-1] for allele in alleles]
        while min(map(len, alleles)) > 1 and len({allele[0] for allele in alleles}) == 1:
            alleles = [allele[1:] for allele in alleles]
            fields[1] = str(int(fields[1]) + 1)
    return [*fields[:3], alleles[0], ",".join(alleles[1:]), *fields[5:]]


def _sorted_by_position(records: Iterator[list[str]]) -> Iterator[list[str]]:
    """Trimming moves a record some bases to the right, past others; put them in order again."""
    waiting: list[list[str]] = []
    for record in records:
        while waiting and (waiting[0][0] != record[0] or int(waiting[0][1]) < int(record[1]) - _REACH):
            yield waiting.pop(0)
        insort(waiting, record, key=lambda each: int(each[1]))
    yield from waiting


def _sample_values(fields: Sequence[str]) -> dict[str, float]:
    """What the filters look at: DP, GQ, SP, and AB where the genotype is heterozygous."""
    call = dict(zip(fields[8].split(":"), fields[9].split(":"), strict=False))
    values = {key: float(call[key]) for key in ("DP", "GQ", "SP") if call.get(key, ".") != "."}
    alleles = call.get("GT", ".").replace("|", "/").split("/")
    depths = call.get("AD", ".").split(",")
    if len(set(alleles)) > 1 and "." not in (*alleles, *depths):
        total = sum(map(int, depths))
        alternate = min(int(depths[int(allele)]) for allele in alleles if allele != "0")
        values["AB"] = alternate / total if total else 0.0
    return values
