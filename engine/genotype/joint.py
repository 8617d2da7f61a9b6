"""Joint genotyping: the gVCFs of one or many samples become one VCF of sites where somebody varies.

Follows GATK's GenotypeGVCFs (with CombineGVCFs before it for several samples): which alleles a site keeps, each
genotype and its quality are to be the same. Reading gVCFs is :mod:`engine.genotype.gvcf_records`, filters are
:mod:`engine.genotype.filter`. Sites are merged without regard to how many samples there are; a sample adds its
likelihoods and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.call.haplotype.genotype.allele_frequency import AlleleFrequencies, SampleLikelihoods, allele_frequencies
from engine.call.haplotype.numerics import format_half_up, format_quality
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.files.calls_index import index_calls
from engine.genotype.filter import DEFAULT_FILTERS, FILTERS, Filters, HardFilters
from engine.genotype.gvcf_records import MEDIANS, Gvcf, GvcfRecord, integers, open_gvcf, sites
from engine.genotype.header_lines import add_header_lines
from engine.genotype.merged_site import SPANNING, MergedSite, merge_site, with_fewer_alternates
from engine.genotype.record_judgement import judge
from engine.genotype.sample_genotype import SampleGenotype, format_columns, genotype_sample_at
from engine.genotype.site_annotations import (
    QualityByDepth,
    excess_heterozygosity,
    fisher_strand,
    format_float,
    genotype_counts,
    inbreeding_coefficient,
    quality_by_depth,
    strand_odds_ratio,
)
from engine.genotype.target_reach import TargetReach
from engine.progress import Progress
from engine.reference.bundle import Contig
from engine.reference.reference_bases import ReferenceBases

CALL_CONFIDENCE = 30.0
_FEW_READS = 2
"""Samples with no more reads than that are left out of FS, though not of SOR (``FisherStrand``, ``MIN_COUNT``)."""
_INBREEDING_SAMPLES = 10
_HEADER = (
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads that support each allele">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads that tell the alleles apart">',
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality, phred, at most 99">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=PGT,Number=1,Type=String,Description="Genotype as phased with the records of the same PID">',
    '##FORMAT=<ID=PID,Number=1,Type=String,Description="Phase set: POS_REF_ALT of its first record">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Genotype likelihoods, phred, the best at 0">',
    '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set: POS of its first record">',
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of each alternate allele in called genotypes">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="AC over AN">',
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles in called genotypes">',
    '##INFO=<ID=BaseQRankSum,Number=1,Type=Float,Description="Rank sum z of base qualities">',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="Reads over all samples">',
    '##INFO=<ID=ExcessHet,Number=1,Type=Float,Description="Phred-scaled p of as many heterozygotes or more">',
    '##INFO=<ID=FS,Number=1,Type=Float,Description="Strand bias, phred-scaled p of Fisher\'s exact test">',
    '##INFO=<ID=InbreedingCoeff,Number=1,Type=Float,Description="Inbreeding coefficient against Hardy-Weinberg">',
    '##INFO=<ID=MLEAC,Number=A,Type=Integer,Description="Most likely copies of each alternate allele">',
    '##INFO=<ID=MLEAF,Number=A,Type=Float,Description="MLEAC over AN">',
    '##INFO=<ID=MQ,Number=1,Type=Float,Description="Root mean square mapping quality">',
    '##INFO=<ID=MQRankSum,Number=1,Type=Float,Description="Rank sum z of mapping qualities">',
    '##INFO=<ID=QD,Number=1,Type=Float,Description="QUAL over the reads of samples that vary">',
    '##INFO=<ID=ReadPosRankSum,Number=1,Type=Float,Description="Rank sum z of positions within reads">',
    '##INFO=<ID=SOR,Number=1,Type=Float,Description="Strand bias, symmetric odds ratio">',
)


@dataclass(frozen=True)
class JointSummary:
    """What joint genotyping gave.

    Attributes:
        samples: names in the VCF's order.
        sites: positions where some gVCF has an alternate allele.
        records: sites that were called.
        pass_records: records that no filter marks.
        not_genotyped: records of gVCFs that could not be genotyped, because they have no likelihoods: the sample has no
            genotype there.
        first_not_genotyped: place of the first of them, ``contig:position`` (1-based); absent without any.
        beyond_depth: records of gVCFs at called sites that tell of more reads of the alleles (AD) than of reads (DP).
        first_beyond_depth: place of the first of them, as above.
    """

    samples: tuple[str, ...]
    sites: int
    records: int
    pass_records: int
    not_genotyped: int = 0
    first_not_genotyped: str | None = None
    beyond_depth: int = 0
    first_beyond_depth: str | None = None


def genotype_gvcfs(
    gvcfs: Sequence[Path],
    contigs: Sequence[Contig],
    output: Path,
    *,
    fasta: Path | None = None,
    confidence: float = CALL_CONFIDENCE,
    filters: Filters | None = FILTERS[DEFAULT_FILTERS],
    reach: TargetReach | None = None,
    progress: Progress | None = None,
) -> JointSummary:
    """Genotype one or many samples together: write ``output`` (bgzip) and its ``.tbi``.

    Args:
        gvcfs: one file for each sample, with ``<NON_REF>`` (or ``<*>``) likelihoods: of the callers ``haplotype`` and
            ``gatk``, of DeepVariant, Clair3, DRAGEN and others.
        contigs: the reference's.
        output: the VCF to write; samples in the order of their names, as GATK orders them.
        fasta: the reference, with index; each REF that is used is compared with it. Absent, only between gVCFs.
        confidence: smallest QUAL of a site and of an allele to be kept; what another caller than GATK called and marked
            PASS is kept whatever its QUAL.
        filters: what to mark in FILTER beside what the gVCFs' own caller marked; with ``None`` nothing. They look at
            GATK's annotations: where another caller made a gVCF, its own marks stand alone.
        reach: tells which records to keep; all when absent. A record that is kept is the same either way.
        progress: advanced by sites seen.

    Raises:
        VariantFileError: a gVCF is damaged, without ``<NON_REF>``, or a sample comes twice; a record has a list of the
            wrong length.
        ReferenceMismatchError: a gVCF's contigs, or the bases of a REF, are not the reference's.
    """
    inputs = open_gvcfs(gvcfs, contigs)
    walk = SiteWalk(inputs, contigs, confidence)
    with ReferenceBases(fasta) as bases:
        calls = walk.calls(bases, progress or Progress("genotyping", unit="sites"))
        drawn = (with_drawn(columns, walk.quality_by_depth) for columns in calls)
        written, passed = write_calls(drawn, inputs, contigs, output, filters, reach)
    return finish(output, inputs, walk.told, written, passed)


@dataclass
class Told:
    """What a walk over sites tells beside calls.

    Attributes:
        seen: sites at which some gVCF has an alternate allele.
        marks: what only some gVCFs bring, and the header is to declare.
        not_genotyped: places of records without likelihoods, ``contig:position``, 1-based.
        beyond_depth: places of records with more reads in AD than in DP.
    """

    seen: int = 0
    marks: set[str] = field(default_factory=set)
    not_genotyped: list[str] = field(default_factory=list)
    beyond_depth: list[str] = field(default_factory=list)


class SiteWalk:
    """Sites of several gVCFs, called in the reference's order.

    Args:
        inputs: gVCFs, or stretches of them.
        contigs: the reference's.
        confidence: as of :func:`genotype_gvcfs`.
    """

    def __init__(self, inputs: Sequence[Gvcf], contigs: Sequence[Contig], confidence: float = CALL_CONFIDENCE) -> None:
        self._inputs, self._contigs = inputs, contigs
        order = sorted(range(len(inputs)), key=lambda number: inputs[number].sample)
        foreign = frozenset(number for number, gvcf in enumerate(inputs) if gvcf.caller)
        self.told = Told()
        self.quality_by_depth = QualityByDepth()
        self._genotyper = _Genotyper(order, [contig.name for contig in contigs], confidence, foreign, self.told)

    def calls(self, bases: ReferenceBases, progress: Progress, start: int = 0) -> Iterator[list[str]]:
        """VCF columns of each call; QD of those whose draw is due is :data:`DRAWN`, and FILTER is the callers' own.

        Args:
            bases: the reference.
            progress: advanced by sites.
            start: 0-based; what begins before it is called for what it spans, and not told.
        """
        for site in sites(self._inputs, {contig.name: rank for rank, contig in enumerate(self._contigs)}):
            if is_told := max(record.start for record in site) >= start:
                self.told.seen += 1
                progress.advance(1)
            for record in site:
                judge(record, self._inputs[record.sample], self._contigs[record.contig].name, bases)
            columns = self._genotyper.call(merge_site(site, self._inputs), told=is_told)
            if columns is not None and is_told:
                yield columns


DRAWN = "QD=drawn"
"""In INFO, where QD is too high to be useful and GATK draws one: in the order of all sites."""


def with_drawn(columns: list[str], quality_by_depth: QualityByDepth) -> list[str]:
    """Columns with QD drawn where it is due."""
    if DRAWN in columns[7]:
        drawn = format_half_up(quality_by_depth.draw(), 2)
        columns[7] = columns[7].replace(DRAWN, f"QD={drawn}")
    return columns


def open_gvcfs(gvcfs: Sequence[Path], contigs: Sequence[Contig]) -> list[Gvcf]:
    """Open gVCFs that go together; errors as of :func:`genotype_gvcfs`."""
    inputs = [open_gvcf(path) for path in gvcfs]
    _require_different_samples(inputs)
    require_lengths(inputs, contigs)
    return inputs


def write_calls(
    calls: Iterable[list[str]],
    inputs: Sequence[Gvcf],
    contigs: Sequence[Contig],
    output: Path,
    filters: Filters | None,
    reach: TargetReach | None = None,
) -> tuple[int, int]:
    """Write calls in order, judged by filters; how many, and how many no filter marks. As :func:`genotype_gvcfs`."""
    import pysam

    if filters is not None and any(gvcf.caller for gvcf in inputs):
        filters = _CALLERS_OWN
    written = passed = 0
    with pysam.BGZFile(str(output), "wb", None) as stream:
        stream.write(_header_text(contigs, sorted(gvcf.sample for gvcf in inputs), filters).encode())
        # Filters see neighbours beyond the reach, too: a record is the same whatever else is kept.
        for columns, verdict in filters.judged(calls) if filters else ((one, "") for one in calls):
            if not (reach is None or reach(columns[0], int(columns[1]), columns[3], columns[4])):
                continue
            if verdict:
                columns[6] = _joined_filters(columns[6], verdict)
            written += 1
            passed += columns[6] == "PASS"
            stream.write(("\t".join(columns) + "\n").encode())
    return written, passed


def finish(output: Path, inputs: Sequence[Gvcf], told: Told, written: int, passed: int) -> JointSummary:
    """Declare what the calls have, index them, and tell of them."""
    add_header_lines(output, _declarations(told.marks, [line for gvcf in inputs for line in gvcf.header]))
    index_calls(output)
    return JointSummary(
        samples=tuple(sorted(gvcf.sample for gvcf in inputs)),
        sites=told.seen,
        records=written,
        pass_records=passed,
        not_genotyped=len(told.not_genotyped),
        first_not_genotyped=next(iter(told.not_genotyped), None),
        beyond_depth=len(told.beyond_depth),
        first_beyond_depth=next(iter(told.beyond_depth), None),
    )


_CALLERS_OWN = HardFilters(snp=(), indel=())
NOT_GENOTYPED = "NoLikelihoods"
_ADDED = {
    NOT_GENOTYPED: f'##FILTER=<ID={NOT_GENOTYPED},Description="No genotype: the gVCF has no likelihoods (PL) here">',
    "FT": '##FORMAT=<ID=FT,Number=1,Type=String,Description="FILTER of the sample\'s own gVCF">',
}


def _joined_filters(own: str, verdict: str) -> str:
    """What the caller of the gVCF marked, and what the filters do."""
    if own == ".":
        return verdict
    return ";".join(sorted({*own.split(";"), *(() if verdict == "PASS" else verdict.split(";"))}))


def _declarations(marks: Iterable[str], headers: Sequence[str]) -> list[str]:
    """Header lines for what only some gVCFs bring: their callers' filters, and marks of records without likelihoods."""
    declared: Mapping[str, str] = {
        line.partition("ID=")[2].partition(",")[0]: line for line in headers if line.startswith("##FILTER=<ID=")
    }
    return [
        _ADDED.get(name)
        or declared.get(name)
        or f'##FILTER=<ID={name},Description="As the caller of the gVCF marked it">'
        for name in sorted(marks)
    ]


def _require_different_samples(inputs: Sequence[Gvcf]) -> None:
    seen: set[str] = set()
    for gvcf in inputs:
        if gvcf.sample in seen:
            raise VariantFileError(f"sample {gvcf.sample} comes twice", file=gvcf.path, remedy="give each sample once")
        seen.add(gvcf.sample)


def require_lengths(inputs: Iterable[Gvcf], contigs: Sequence[Contig]) -> None:
    """Compare the contigs that the headers of gVCFs declare with the reference's.

    Raises:
        ReferenceMismatchError: one is of another length.
    """
    lengths = {contig.name: contig.length for contig in contigs}
    for gvcf in inputs:
        for line in gvcf.header:
            if line.startswith("##contig=<") and "length=" in line:
                name = line.partition("ID=")[2].split(",")[0].rstrip(">")
                length = line.partition("length=")[2].split(",")[0].rstrip(">")
                if name in lengths and str(lengths[name]) != length:
                    raise ReferenceMismatchError(
                        f"contig {name} has {_with_commas(length)} bases here and {lengths[name]:,} in the reference",
                        file=gvcf.path,
                        remedy="use the reference that the sample was called with",
                    )


def _with_commas(number: str) -> str:
    return f"{int(number):,}" if number.isdigit() else repr(number)


def _header_text(contigs: Sequence[Contig], names: Sequence[str], filters: Filters | None) -> str:
    marks = filters.header_lines() if filters else ()
    lengths = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names])
    return "\n".join(["##fileformat=VCFv4.2", *marks, *_HEADER, *lengths, columns, ""])


class _Genotyper:
    """Calls merged sites in order; remembers the deletions it emitted."""

    def __init__(
        self,
        order: Sequence[int],
        contigs: Sequence[str],
        confidence: float,
        foreign: frozenset[int],
        told: Told,
    ) -> None:
        self._order, self._contigs, self._confidence, self._foreign = order, contigs, confidence, foreign
        self._deletions: list[tuple[int, int, int]] = []
        self._told = told

    def call(self, site: MergedSite, *, told: bool) -> list[str] | None:
        """The site's VCF columns, or ``None`` where nobody varies with enough confidence.

        Where a gVCF names an allele but no likelihoods, the site is written without that sample's genotype.
        """
        lacking = [record for record in site.records if record.likelihoods is None and not record.is_empty]
        columns = self._called(site)
        if columns is None and any(record.has_alternate and record.start == site.start for record in lacking):
            columns = self._uncalled(site)
        if columns is not None and told:
            beyond = [record for record in site.records if record.start == site.start and record.is_beyond_depth]
            place = f"{columns[0]}:{site.start + 1:,}"
            self._told.not_genotyped += [place] * len(lacking)
            self._told.beyond_depth += [place] * len(beyond)
        return columns

    def _uncalled(self, site: MergedSite) -> list[str] | None:
        kept = [allele for allele in range(1, len(site.alleles)) if site.alleles[allele] != SPANNING]
        if not kept:
            return None
        self._told.marks.add(NOT_GENOTYPED)
        genotypes = self._genotypes(site, kept)
        called = [allele for genotype in genotypes for allele in genotype.alleles]
        counts = ",".join(str(called.count(number)) for number in range(1, len(kept) + 1))
        keys, values = format_columns(genotypes)
        info = f"AC={counts};AN={len(called)};DP={site.depth}"
        alternates = ",".join(site.alleles[allele] for allele in kept)
        place = (self._contigs[site.contig], str(site.start + 1), ".", site.alleles[0], alternates, ".")
        return [*place, _joined_filters(self._own_filters(genotypes), NOT_GENOTYPED), info, keys, *values]

    def _genotypes(self, site: MergedSite, kept: Sequence[int]) -> list[SampleGenotype]:
        """Genotypes of all samples, in the VCF's order."""
        by_sample = {
            record.sample: genotype_sample_at(site, number, kept) for number, record in enumerate(site.records)
        }
        for genotype in by_sample.values():
            if genotype.record and genotype.record.sample in self._foreign and genotype.record.is_not_called:
                genotype.alleles = []
        ploidy = max(record.ploidy for record in site.records)
        return [by_sample.get(number) or SampleGenotype(no_data=True, ploidy=ploidy) for number in self._order]

    def _own_filters(self, genotypes: Sequence[SampleGenotype]) -> str:
        """What the gVCFs' callers mark every sample with that varies; of some samples only, it is told of these."""
        told = [genotype for genotype in genotypes if genotype.record is not None and genotype.record.filters]
        if not told:
            return "."
        varying = [genotype for genotype in genotypes if any(genotype.alleles)] or told
        shared = frozenset.intersection(*(_filters(genotype) for genotype in varying))
        for genotype in varying if len(genotypes) > 1 else ():
            genotype.filters = _filters(genotype) - shared
            self._told.marks |= {"FT", *genotype.filters} if genotype.filters else set()
        self._told.marks |= shared
        return ";".join(sorted(shared)) or "."

    def _called(self, site: MergedSite) -> list[str] | None:
        if len(site.alleles) == 1 or site.depth == 0 or not any(site.likelihoods):
            return None
        site = with_fewer_alternates(site)
        found = _frequencies(site)
        vouched = self._vouched(site)
        kept = self._kept_alleles(site, found, vouched)
        plausible = [site.alleles[allele] for allele in kept]
        if not plausible or (found.quality < self._confidence and not vouched) or plausible == [SPANNING]:
            return None
        self._record_deletions(site, plausible)
        genotypes = self._genotypes(site, kept)
        if not any(allele for genotype in genotypes for allele in genotype.alleles):
            return None
        mle = [found.counts[allele - 1] for allele in kept]
        quality = max(found.quality, *vouched.values()) if found.quality < self._confidence else found.quality
        return self._columns(site, plausible, quality, mle, genotypes)

    def _vouched(self, site: MergedSite) -> dict[int, float]:
        """Alternates that another caller than GATK called and let pass, with the QUAL that it gave them.

        Its QUAL is of another scale than the one computed here, and its own judgement stands: DeepVariant lets pass
        what it is sure of to 1 in 10.
        """
        told: dict[int, float] = {}
        for record, mapping in zip(site.records, site.maps, strict=True):
            if record.sample in self._foreign and record.passed and record.start == site.start and record.likelihoods:
                called = {int(name) for name in re.findall(r"\d+", record.call.get("GT", ""))} - {0}
                quality = 0.0 if record.quality == "." else float(record.quality)
                for allele in range(1, len(site.alleles)):
                    if mapping[allele] in called and site.alleles[allele] != SPANNING:
                        told[allele] = max(quality, told.get(allele, 0.0))
        return told

    def _kept_alleles(self, site: MergedSite, found: AlleleFrequencies, vouched: Mapping[int, float]) -> list[int]:
        covered = any(contig == site.contig and start < site.start <= end for contig, start, end in self._deletions)
        return [
            allele
            for allele in range(1, len(site.alleles))
            if (allele in vouched or found.is_plausible(allele - 1, self._confidence))
            and (covered or site.alleles[allele] != SPANNING)
        ]

    def _record_deletions(self, site: MergedSite, alleles: Iterable[str]) -> None:
        self._deletions = [
            deletion for deletion in self._deletions if deletion[0] == site.contig and deletion[2] >= site.start
        ]
        for allele in alleles:
            if len(site.alleles[0]) > len(allele):
                end = site.start + len(site.alleles[0]) - len(allele)
                self._deletions.append((site.contig, site.start, end))

    def _columns(
        self,
        site: MergedSite,
        alternates: list[str],
        quality: float,
        mle: Sequence[int],
        genotypes: Sequence[SampleGenotype],
    ) -> list[str]:
        info = _site_info(site, alternates, mle, genotypes)
        depth = _varying_depth(genotypes)
        if depth:
            ratio = quality_by_depth(quality, depth)
            info["QD"] = DRAWN.removeprefix("QD=") if ratio is None else format_half_up(ratio, 2)
        reference, *alternates = _right_trimmed([site.alleles[0], *alternates])
        own = self._own_filters(genotypes)
        keys, values = format_columns(genotypes)
        return [
            self._contigs[site.contig], str(site.start + 1), ".", reference, ",".join(alternates),
            format_quality(quality), own, ";".join(f"{key}={info[key]}" for key in sorted(info)), keys, *values,
        ]  # fmt: skip


# QUAL is told anew, and filters judge it.
_JUDGED_ANEW = frozenset({"LowQual"})


def _filters(genotype: SampleGenotype) -> frozenset[str]:
    return frozenset() if genotype.record is None else genotype.record.filters - _JUDGED_ANEW


def _frequencies(site: MergedSite) -> AlleleFrequencies:
    by_ploidy: dict[int, list[list[int]]] = {}
    for record, each in zip(site.records, site.likelihoods, strict=True):
        if each is not None:
            by_ploidy.setdefault(record.ploidy, []).append(each)
    groups = [SampleLikelihoods(ploidy, np.array(rows, np.int64)) for ploidy, rows in sorted(by_ploidy.items())]
    return allele_frequencies(groups, reference_length=len(site.alleles[0]), alternates=site.alleles[1:])


def _site_info(
    site: MergedSite, alternates: Sequence[str], mle: Sequence[int], genotypes: Sequence[SampleGenotype]
) -> dict[str, str]:
    """INFO by key, QD excepted."""
    called = [allele for genotype in genotypes for allele in genotype.alleles]
    counts = [called.count(allele) for allele in range(1, len(alternates) + 1)]
    info = {"AN": str(len(called)), "DP": str(site.depth), "MLEAC": ",".join(map(str, mle))}
    if called:
        info["AC"] = ",".join(map(str, counts))
        info["AF"] = ",".join(format_float(count / len(called)) for count in counts)
        info["MLEAF"] = ",".join(format_float(min(1.0, count / len(called))) for count in mle)
    starting = [record for record in site.records if record.start == site.start]
    for key in MEDIANS:
        values = sorted(value for record in starting if (value := record.measure(key)) is not None)
        if values:
            info[key] = format_float(values[len(values) // 2])
    squares, reads = _mapping_qualities(starting)
    if reads:
        info["MQ"] = format_half_up((squares / reads) ** 0.5, 2)
    strands = _strand_counts(genotypes)
    if strands:
        info["FS"] = format_half_up(fisher_strand(_summed(strands, more_than=_FEW_READS)), 3)
        info["SOR"] = format_half_up(strand_odds_ratio(_summed(strands, more_than=0)), 3)
    return info | _heterozygosity(genotypes, len(alternates))


def _mapping_qualities(records: Iterable[GvcfRecord]) -> tuple[int, int]:
    pairs = [pair for record in records if (pair := integers(record.info.get("RAW_MQandDP")))]
    return sum(squares for squares, _ in pairs), sum(reads for _, reads in pairs)


def _strand_counts(genotypes: Iterable[SampleGenotype]) -> list[list[int]]:
    """Each sample's SB: reads of the reference and of alternates, forward and reverse."""
    records = [genotype.record for genotype in genotypes if genotype.record is not None]
    return [counts for record in records if (counts := integers(record.call.get("SB")))]


def _summed(strands: Iterable[list[int]], *, more_than: int) -> list[int]:
    """The counts of the samples with more reads than that, added up."""
    kept = [counts for counts in strands if sum(counts) > more_than]
    return [sum(column) for column in zip([0, 0, 0, 0], *kept, strict=True)]


def _heterozygosity(genotypes: Sequence[SampleGenotype], alternates: int) -> dict[str, str]:
    diploid = [
        genotype.likelihoods for genotype in genotypes if genotype.likelihoods is not None and genotype.ploidy == 2
    ]
    called = sum(1 for genotype in genotypes if genotype.alleles and genotype.ploidy == 2)
    info = {}
    if called:
        counts = genotype_counts(diploid, alternates, rounded=True)
        info["ExcessHet"] = format_half_up(excess_heterozygosity(*map(int, counts)), 4)
    if len(diploid) >= _INBREEDING_SAMPLES:
        shares = genotype_counts(diploid, alternates, rounded=False)
        info["InbreedingCoeff"] = format_half_up(inbreeding_coefficient(*shares, len(diploid)), 4)
    return info


def _varying_depth(genotypes: Iterable[SampleGenotype]) -> int:
    """Reads of the samples that vary; of those with more than one alternate read, if there are any."""
    depth = restricted = 0
    for genotype in genotypes:
        if not any(genotype.alleles):
            continue
        total = sum(genotype.depths or ())
        if total:
            depth += total
            if genotype.depths and total - genotype.depths[0] > 1:
                restricted += total
        else:
            depth += genotype.depth or 0
    return restricted or depth


def _right_trimmed(alleles: list[str]) -> list[str]:
    """Without the bases that all alleles but ``*`` end in."""
    real = [allele for allele in alleles if allele != SPANNING]
    while min(map(len, real)) > 1 and len({allele[-1] for allele in real}) == 1:
        real = [allele[:-1] for allele in real]
    remaining = iter(real)
    return [allele if allele == SPANNING else next(remaining) for allele in alleles]
