"""One sample's gVCF becomes its filtered VCF, whichever caller made the gVCF.

gVCFs with ``<NON_REF>`` likelihoods (``haplotype``, ``gatk``, and most other callers') are genotyped by
:mod:`engine.genotype.joint`; those of bcftools hold final genotypes, so their variants are taken over, in their
shortest form, and filtered.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.call.caller import Reference
from engine.call.gvcf import SYMBOLIC_ALLELES, measure_gvcf
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.files.calls_index import index_calls
from engine.files.variant_lines import variant_records
from engine.genotype.filter import BCFTOOLS_FILTERS, DEFAULT_FILTERS, FILTERS
from engine.genotype.gvcf_callers import BCFTOOLS
from engine.genotype.gvcf_records import Gvcf, open_gvcf
from engine.genotype.joint import genotype_gvcfs, require_lengths
from engine.genotype.measures import VariantsSummary, measure_variants
from engine.genotype.needs import genotyping_needs
from engine.genotype.target_reach import TargetReach, reach_of
from engine.headroom import tell_needs
from engine.progress import LOG, Progress
from engine.reference.known_bases import known_territory
from engine.reference.reference_bases import ReferenceBases

_GVCF_ONLY = ("##ALT=<ID=NON_REF", "##FORMAT=<ID=MIN_DP", "##INFO=<ID=END", "##INFO=<ID=MIN_DP", "##GVCFBlock")
# No indel call of bcftools reaches further than mpileup's longest read.
_REACH = 1_000


def genotype_sample(
    gvcf: Path,
    reference: Reference,
    output: Path,
    *,
    caller: str | None = None,
    targets: Path | None = None,
    filters: str = DEFAULT_FILTERS,
    progress: Progress | None = None,
    log: Callable[[str], None] = LOG,
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
        log: takes a line for the people who watch.

    Raises:
        VariantFileError: the gVCF is damaged, or a record is not as VCF has it.
        ReferenceMismatchError: it is of another reference, by its contigs or by the bases of a REF.
    """
    opened = open_gvcf(gvcf)
    tell_needs("genotyping", genotyping_needs(gvcf), output.parent, log, less="fewer runs at a time")
    joint = None
    with reach_of(targets, reference) as reach:
        if (opened.caller if caller is None else caller) == BCFTOOLS:
            require_lengths([opened], reference.contigs)
            _take_over(opened, reference, output, reach)
            index_calls(output)
        else:
            joint = genotype_gvcfs(
                [gvcf],
                reference.contigs,
                output,
                fasta=reference.fasta,
                filters=FILTERS[filters],
                reach=reach,
                progress=progress,
            )
    coverage = measure_gvcf(gvcf, known_territory(reference, targets=targets))
    measures = measure_variants(output, uncovered_target_bases=coverage.uncovered_target_bases)
    if joint is not None:
        measures = replace(
            measures,
            not_genotyped=joint.not_genotyped,
            first_not_genotyped=joint.first_not_genotyped,
            beyond_depth=joint.beyond_depth,
            first_beyond_depth=joint.first_beyond_depth,
        )
    return replace(
        measures,
        overlapping_blocks=coverage.overlapping_blocks,
        first_overlapping_block=coverage.first_overlapping_block,
    )


def _take_over(gvcf: Gvcf, reference: Reference, output: Path, reach: TargetReach | None) -> None:
    """Copy the variants of a bcftools gVCF that reach into the targets, trimmed, sorted and filtered."""
    import pysam

    kept = [line for line in gvcf.header if not line.startswith(_GVCF_ONLY) and "ID=PASS," not in line]
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", gvcf.sample])
    with pysam.BGZFile(str(output), "wb", None) as stream:
        head = [kept[0], *BCFTOOLS_FILTERS.header_lines(), *kept[1:], columns]
        stream.write(("\n".join(head) + "\n").encode())
        for fields in _sorted_by_position(_variants(gvcf, reference)):
            if reach is not None and not reach(fields[0], int(fields[1]), fields[3], fields[4]):
                continue
            own = set(fields[6].split(";")) - {".", "PASS"}
            verdict = BCFTOOLS_FILTERS.verdict(fields, _sample_values(fields))
            fields[6] = ";".join(sorted({*own, *verdict.split(";")} - {"PASS"})) or "PASS"
            stream.write(("\t".join(fields) + "\n").encode())


def _variants(gvcf: Gvcf, reference: Reference) -> Iterator[list[str]]:
    any_record, known = False, {contig.name for contig in reference.contigs}
    with ReferenceBases(reference.fasta) as bases:
        for number, fields in variant_records(gvcf.path):
            any_record = True
            if fields[0] not in known:
                raise ReferenceMismatchError(
                    f"the reference has no contig {fields[0]!r}",
                    file=gvcf.path,
                    sample=gvcf.sample,
                    place=f"line {number:,}",
                    remedy="use the reference that the sample was called with",
                )
            if fields[4] in SYMBOLIC_ALLELES:
                continue
            bases.require(fields[0], int(fields[1]) - 1, fields[3], file=gvcf.path, sample=gvcf.sample)
            if problem := _problem(fields):
                raise VariantFileError(
                    f"the record is not as bcftools writes it: {problem}",
                    file=gvcf.path,
                    sample=gvcf.sample,
                    place=f"line {number:,}",
                    remedy="make the file again",
                )
            yield _trimmed(fields)
    if not any_record:
        raise VariantFileError(
            "the gVCF holds no record", file=gvcf.path, sample=gvcf.sample, remedy="call the sample again"
        )


def _problem(fields: list[str]) -> str | None:
    """What is wrong with a variant's alleles or with what filters look at, absent where nothing is."""
    alleles = fields[4].split(",")
    if SYMBOLIC_ALLELES.intersection(alleles):
        return f"{fields[4]} names alleles that were seen beside one that was not"
    call = dict(zip(fields[8].split(":"), fields[9].split(":"), strict=False))
    genotype = call.get("GT", "").replace("|", "/").split("/")
    if any(allele != "." and not (allele.isdigit() and int(allele) <= len(alleles)) for allele in genotype):
        return f"GT is {call.get('GT', 'missing')}"
    depths = call.get("AD", ".")
    if "." not in depths and len(depths.split(",")) != 1 + len(alleles):
        return f"AD is {depths}, of {1 + len(alleles)} alleles"
    try:
        _sample_values(fields)
    except ValueError as error:
        return f"a value is no number ({error})"
    return None


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
