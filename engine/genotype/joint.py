"""Joint genotyping: the gVCFs of one or many samples become one VCF of sites where somebody varies.

Follows GATK's GenotypeGVCFs (with CombineGVCFs before it for several samples): which alleles a site keeps, each
genotype and its quality are to be the same. Reading gVCFs is :mod:`engine.genotype.gvcf_records`, filters are
:mod:`engine.genotype.filter`. Sites are merged without regard to how many samples there are; a sample adds its
likelihoods and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.call.caller import index_gvcf
from engine.call.haplotype.allele_frequency import AlleleFrequencies, SampleLikelihoods, allele_frequencies
from engine.call.haplotype.genotype_index import genotype_alleles, genotypes_of_subset
from engine.call.haplotype.numerics import format_half_up, format_quality
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.genotype.filter import HARD_FILTERS, HardFilters
from engine.genotype.gvcf_records import NON_REF, Gvcf, GvcfRecord, open_gvcf, sites
from engine.genotype.site_annotations import (
    QualityByDepth,
    excess_heterozygosity,
    fisher_strand,
    format_float,
    genotype_counts,
    inbreeding_coefficient,
    strand_odds_ratio,
)
from engine.progress import Progress
from engine.reference.bundle import Contig

CALL_CONFIDENCE = 30.0
MAX_ALTERNATES = 6
SPANNING = "*"
_UNSEEN = "."
_MAX_QUALITY = 99
_MIN_STRAND_READS = 2
_INBREEDING_SAMPLES = 10
_RANK_SUMS = ("BaseQRankSum", "MQRankSum", "ReadPosRankSum")

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
        pass_records: records that no hard filter marks.
    """

    samples: tuple[str, ...]
    sites: int
    records: int
    pass_records: int


@dataclass
class _Genotype:
    """One sample at one site, before it is written."""

    alleles: list[int] = field(default_factory=list)
    likelihoods: list[int] | None = None
    depths: list[int] | None = None
    depth: int | None = None
    quality: int | None = None
    record: GvcfRecord | None = None
    no_data: bool = False
    ploidy: int = 2


@dataclass(frozen=True)
class _Merged:
    """A site with the alleles that all samples use and each sample's likelihoods for them."""

    records: Sequence[GvcfRecord]
    start: int
    contig: int
    alleles: list[str]
    maps: list[list[int]]
    likelihoods: list[list[int] | None]
    depth: int


def genotype_gvcfs(
    gvcfs: Sequence[Path],
    contigs: Sequence[Contig],
    output: Path,
    *,
    confidence: float = CALL_CONFIDENCE,
    hard_filters: HardFilters | None = HARD_FILTERS,
    progress: Progress | None = None,
) -> JointSummary:
    """Genotype one or many samples together: write ``output`` (bgzip) and its ``.tbi``.

    Args:
        gvcfs: one file for each sample, with ``<NON_REF>`` likelihoods (callers ``haplotype`` and ``gatk``).
        contigs: the reference's.
        output: the VCF to write; samples in the order of their names, as GATK orders them.
        confidence: smallest QUAL of a site and of an allele to be kept.
        hard_filters: what to mark in FILTER; with ``None`` FILTER is left empty.
        progress: advanced by sites seen.

    Raises:
        VariantFileError: a gVCF is damaged, without ``<NON_REF>``, or a sample comes twice.
        ReferenceMismatchError: a gVCF's contigs are not the reference's.
    """
    import pysam

    inputs = [open_gvcf(path) for path in gvcfs]
    names = sorted(gvcf.sample for gvcf in inputs)
    _check(inputs, contigs)
    progress = progress or Progress("genotyping", unit="sites")
    order = sorted(range(len(inputs)), key=lambda number: inputs[number].sample)
    genotyper = _Genotyper(order, [contig.name for contig in contigs], confidence)
    seen = written = passed = 0
    with pysam.BGZFile(str(output), "wb", None) as stream:
        stream.write(_header_text(contigs, names, hard_filters).encode())
        for site in sites(inputs, {contig.name: rank for rank, contig in enumerate(contigs)}):
            seen += 1
            progress.advance(1)
            columns = genotyper.call(merge_site(site, inputs))
            if columns is None:
                continue
            if hard_filters is not None:
                columns[6] = hard_filters.verdict(columns[3], columns[4], columns[5], columns[7])
            written += 1
            passed += columns[6] == "PASS"
            stream.write(("\t".join(columns) + "\n").encode())
    index_gvcf(output)
    return JointSummary(tuple(names), seen, written, passed)


def _check(inputs: Sequence[Gvcf], contigs: Sequence[Contig]) -> None:
    seen: set[str] = set()
    lengths = {contig.name: contig.length for contig in contigs}
    for gvcf in inputs:
        if gvcf.sample in seen:
            raise VariantFileError(f"sample {gvcf.sample} comes twice", file=gvcf.path, remedy="give each sample once")
        seen.add(gvcf.sample)
        for line in gvcf.header:
            if line.startswith("##contig=<") and "length=" in line:
                name = line.partition("ID=")[2].split(",")[0].rstrip(">")
                length = int(line.partition("length=")[2].split(",")[0].rstrip(">"))
                if lengths.get(name, length) != length:
                    raise ReferenceMismatchError(
                        f"contig {name} has {length:,} bases here and {lengths[name]:,} in the reference",
                        file=gvcf.path,
                        remedy="use the reference that the sample was called with",
                    )


def _header_text(contigs: Sequence[Contig], names: Sequence[str], hard_filters: HardFilters | None) -> str:
    filters = hard_filters.header_lines() if hard_filters else ()
    lengths = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names])
    return "\n".join(["##fileformat=VCFv4.2", *filters, *_HEADER, *lengths, columns, ""])


def merge_site(records: Sequence[GvcfRecord], inputs: Sequence[Gvcf] = ()) -> _Merged:
    """Give all records of a site the same alleles.

    The longest REF of the records that start here is the site's; their alternates are extended to it. Of a record
    that reaches in from before only its deletions count, as ``*``. An allele a sample has not seen takes the
    likelihoods of its ``<NON_REF>``.
    """
    start = max(record.start for record in records)
    reference = max((record.ref for record in records if record.start == start), key=len)
    named = [_named_alleles(record, start, reference) for record in records]
    alleles = [reference]
    for names in named:
        alleles += [name for name in names[1:] if name not in (*alleles, NON_REF, _UNSEEN)]
    maps = []
    for record, names in zip(records, named, strict=True):
        if NON_REF not in names:
            raise VariantFileError(
                "the record has no <NON_REF> allele, which joint genotyping needs",
                file=inputs[record.sample].path if inputs else None,
                place=f"position {record.start + 1:,}",
                remedy="call the sample with the caller haplotype or gatk",
            )
        maps.append([0, *(_index_of(allele, names, record) for allele in alleles[1:])])
    likelihoods = [_remapped(record, mapping) for record, mapping in zip(records, maps, strict=True)]
    depth = sum(record.depth for record in records)
    return _Merged(records, start, records[0].contig, alleles, maps, likelihoods, depth)


def _named_alleles(record: GvcfRecord, start: int, reference: str) -> list[str]:
    """What each of the record's alleles is called at the site."""
    if record.start == start:
        suffix = reference[len(record.ref) :]
        return [reference, *(alt if alt in (NON_REF, SPANNING) else alt + suffix for alt in record.alts)]
    return [
        _UNSEEN,
        *(alt if alt == NON_REF else SPANNING if len(alt) < len(record.ref) else _UNSEEN for alt in record.alts),
    ]


def _index_of(allele: str, names: Sequence[str], record: GvcfRecord) -> int:
    """Which of a sample's alleles stands for one of the site's alternates; of several deletions the likeliest."""
    places = [place for place, name in enumerate(names) if name == allele]
    if len(places) > 1 and record.likelihoods is not None:
        likelihoods = record.likelihoods
        return min(places, key=lambda place: likelihoods[_homozygous(place, record.ploidy)])
    return places[0] if places else names.index(NON_REF)


def _homozygous(allele: int, ploidy: int) -> int:
    """Place of the genotype with only this allele, the last one of those without later alleles."""
    return math.comb(allele + ploidy, ploidy) - 1


def _remapped(record: GvcfRecord, mapping: Sequence[int]) -> list[int] | None:
    """The record's PL for the site's alleles."""
    return _subset(record.likelihoods, record.ploidy, 1 + len(record.alts), mapping)


def _subset(phred: list[int] | None, ploidy: int, alleles: int, kept: Sequence[int]) -> list[int] | None:
    """The likelihoods of the genotypes of some of the alleles, in VCF's order."""
    if phred is None:
        return None
    return [phred[place] for place in genotypes_of_subset(ploidy, alleles, tuple(kept))]


class _Genotyper:
    """Calls merged sites in order; remembers the deletions it emitted and the draws for QD."""

    def __init__(self, order: Sequence[int], contigs: Sequence[str], confidence: float) -> None:
        self._order, self._contigs, self._confidence = order, contigs, confidence
        self._deletions: list[tuple[int, int, int]] = []
        self._quality_by_depth = QualityByDepth()

    def call(self, site: _Merged) -> list[str] | None:
        """The site's VCF columns, or ``None`` where nobody varies with enough confidence."""
        if len(site.alleles) == 1 or site.depth == 0 or not any(site.likelihoods):
            return None
        site = _with_fewer_alternates(site)
        found = _frequencies(site)
        kept = self._kept_alleles(site, found)
        plausible = [site.alleles[allele] for allele in kept]
        if not plausible or found.quality < self._confidence or plausible == [SPANNING]:
            return None
        self._record_deletions(site, plausible)
        by_sample = {record.sample: _genotype(site, number, kept) for number, record in enumerate(site.records)}
        ploidy = max(record.ploidy for record in site.records)
        genotypes = [by_sample.get(number) or _Genotype(no_data=True, ploidy=ploidy) for number in self._order]
        if not any(allele for genotype in genotypes for allele in genotype.alleles):
            return None
        mle = [found.counts[allele - 1] for allele in kept]
        return self._columns(site, plausible, found.quality, mle, genotypes)

    def _kept_alleles(self, site: _Merged, found: AlleleFrequencies) -> list[int]:
        covered = any(contig == site.contig and start < site.start <= end for contig, start, end in self._deletions)
        return [
            allele
            for allele in range(1, len(site.alleles))
            if found.is_plausible(allele - 1, self._confidence) and (covered or site.alleles[allele] != SPANNING)
        ]

    def _record_deletions(self, site: _Merged, alleles: Iterable[str]) -> None:
        self._deletions = [
            deletion for deletion in self._deletions if deletion[0] == site.contig and deletion[2] >= site.start
        ]
        for allele in alleles:
            if len(site.alleles[0]) > len(allele):
                end = site.start + len(site.alleles[0]) - len(allele)
                self._deletions.append((site.contig, site.start, end))

    def _columns(
        self, site: _Merged, alternates: list[str], quality: float, mle: Sequence[int], genotypes: Sequence[_Genotype]
    ) -> list[str]:
        info = _site_info(site, alternates, mle, genotypes)
        depth = _varying_depth(genotypes)
        if depth:
            info["QD"] = format_half_up(self._quality_by_depth(quality, depth), 2)
        reference, *alternates = _right_trimmed([site.alleles[0], *alternates])
        keys, values = _format_columns(genotypes)
        return [
            self._contigs[site.contig], str(site.start + 1), ".", reference, ",".join(alternates),
            format_quality(quality), ".", ";".join(f"{key}={info[key]}" for key in sorted(info)), keys, *values,
        ]  # fmt: skip


def _with_fewer_alternates(site: _Merged) -> _Merged:
    """Keep the alternates that the samples' best genotypes speak for most, at most six."""
    if len(site.alleles) - 1 <= MAX_ALTERNATES:
        return site
    scores = [0.0] * len(site.alleles)
    for record, likelihoods in zip(site.records, site.likelihoods, strict=True):
        if likelihoods is None:
            continue
        best = min(range(len(likelihoods)), key=likelihoods.__getitem__)
        for allele in set(genotype_alleles(record.ploidy, len(site.alleles))[best]):
            scores[allele] += abs(likelihoods[best] - likelihoods[0])
    ranked = sorted(range(1, len(site.alleles)), key=lambda allele: -scores[allele])
    kept = [0, *sorted(ranked[:MAX_ALTERNATES])]
    fewer = [
        _subset(each, record.ploidy, len(site.alleles), kept)
        for record, each in zip(site.records, site.likelihoods, strict=True)
    ]
    return replace(
        site,
        alleles=[site.alleles[allele] for allele in kept],
        maps=[[mapping[allele] for allele in kept] for mapping in site.maps],
        likelihoods=fewer,
    )


def _frequencies(site: _Merged) -> AlleleFrequencies:
    by_ploidy: dict[int, list[list[int]]] = {}
    for record, each in zip(site.records, site.likelihoods, strict=True):
        if each is not None:
            by_ploidy.setdefault(record.ploidy, []).append(each)
    groups = [SampleLikelihoods(ploidy, np.array(rows, np.int64)) for ploidy, rows in sorted(by_ploidy.items())]
    return allele_frequencies(groups, reference_length=len(site.alleles[0]), alternates=site.alleles[1:])


def _genotype(site: _Merged, number: int, kept: Sequence[int]) -> _Genotype:
    """One sample's genotype among the alleles that were kept."""
    record, phred = site.records[number], site.likelihoods[number]
    depth = record.call.get("MIN_DP") or record.call.get("DP")
    genotype = _Genotype(record=record, depth=None if depth is None else int(depth), ploidy=record.ploidy)
    if record.call.get("GQ") == "0" and record.call.get("DP") == "0":
        return _Genotype(no_data=True, ploidy=record.ploidy)
    places = [0, *kept]
    if record.allele_depths is not None:
        mapped = site.maps[number]
        unseen = record.alts.index(NON_REF) + 1
        genotype.depths = [
            0 if place and mapped[place] == unseen else record.allele_depths[mapped[place]] for place in places
        ]
    elif genotype.depth:
        genotype.depths = [genotype.depth] + [0] * len(kept)
    chosen = _subset(phred, record.ploidy, len(site.alleles), places)
    if chosen is None:
        return genotype
    best = min(chosen)
    genotype.likelihoods = [value - best for value in chosen]
    ranked = sorted(genotype.likelihoods)
    genotype.quality = min(_MAX_QUALITY, ranked[1])
    call = genotype.likelihoods.index(0)
    if ranked[-1] > 0 and not (call == 0 and ranked[1] == 0):
        genotype.alleles = list(genotype_alleles(record.ploidy, len(places))[call])
    return genotype


def _site_info(
    site: _Merged, alternates: Sequence[str], mle: Sequence[int], genotypes: Sequence[_Genotype]
) -> dict[str, str]:
    """INFO by key, QD excepted."""
    called = [allele for genotype in genotypes for allele in genotype.alleles]
    counts = [called.count(allele) for allele in range(1, len(alternates) + 1)]
    info = {
        "AC": ",".join(map(str, counts)),
        "AF": ",".join(format_float(count / len(called)) for count in counts),
        "AN": str(len(called)),
        "DP": str(site.depth),
        "MLEAC": ",".join(map(str, mle)),
        "MLEAF": ",".join(format_float(min(1.0, count / len(called))) for count in mle),
    }
    starting = [record for record in site.records if record.start == site.start]
    for key in _RANK_SUMS:
        values = sorted(float(record.info[key]) for record in starting if key in record.info)
        if values:
            info[key] = format_float(values[len(values) // 2])
    squares, reads = _mapping_qualities(starting)
    if reads:
        info["MQ"] = format_half_up((squares / reads) ** 0.5, 2)
    table = _strand_table(genotypes)
    if table is not None:
        info["FS"] = format_half_up(fisher_strand(table), 3)
        info["SOR"] = format_half_up(strand_odds_ratio(table), 3)
    return info | _heterozygosity(genotypes, len(alternates))


def _mapping_qualities(records: Iterable[GvcfRecord]) -> tuple[int, int]:
    pairs = [record.info["RAW_MQandDP"].split(",") for record in records if "RAW_MQandDP" in record.info]
    return sum(int(squares) for squares, _ in pairs), sum(int(reads) for _, reads in pairs)


def _strand_table(genotypes: Iterable[_Genotype]) -> list[int] | None:
    found = [
        [int(count) for count in genotype.record.call["SB"].split(",")]
        for genotype in genotypes
        if genotype.record is not None and "SB" in genotype.record.call
    ]
    enough = [counts for counts in found if sum(counts) > _MIN_STRAND_READS]
    return [sum(column) for column in zip(*enough, strict=True)] or [0, 0, 0, 0] if found else None


def _heterozygosity(genotypes: Sequence[_Genotype], alternates: int) -> dict[str, str]:
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


def _varying_depth(genotypes: Iterable[_Genotype]) -> int:
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


def _format_columns(genotypes: Sequence[_Genotype]) -> tuple[str, list[str]]:
    rows = [_format_values(genotype) for genotype in genotypes]
    keys = ["GT", *sorted({key for row in rows for key in row} - {"GT"})]
    return ":".join(keys), [_joined(row, keys) for row in rows]


def _format_values(genotype: _Genotype) -> dict[str, str]:
    names = [str(allele) for allele in genotype.alleles] or ["."] * genotype.ploidy
    if genotype.no_data or genotype.record is None:
        return {"GT": "/".join(names)}
    call = genotype.record.call
    row: dict[str, Any] = {"GT": ("|" if "|" in call.get("GT", "") else "/").join(names)}
    if genotype.depths is not None:
        row["AD"] = ",".join(map(str, genotype.depths))
    if genotype.depth is not None:
        row["DP"] = str(genotype.depth)
    if genotype.quality is not None:
        row["GQ"] = str(genotype.quality)
    if genotype.likelihoods is not None:
        row["PL"] = ",".join(map(str, genotype.likelihoods))
    for key in ("PGT", "PID", "PS"):
        if key in call:
            row[key] = call[key]
    if "PGT" in row and genotype.alleles and genotype.alleles[0] == genotype.alleles[-1] != 0:
        row["PGT"] = "1|1"
    return row


def _joined(row: dict[str, str], keys: Sequence[str]) -> str:
    values = [row.get(key, ".") for key in keys]
    while len(values) > 1 and values[-1] == ".":
        values.pop()
    return ":".join(values)
