"""Calls as lines of VCF 4.2, and the header they need, as GATK writes them.

No dates, paths or command lines: the same calls give the same bytes. What is called is decided elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Literal

from engine.call.haplotype.genotype.variant_call import VariantCall
from engine.call.haplotype.numerics import MAXIMUM_GENOTYPE_QUALITY, format_half_up, format_quality
from engine.call.haplotype.records.gvcf_blocks import QUALITY_BANDS

Emission = Literal["gvcf", "bp", "vcf"]
"""What is written: calls with reference blocks, with every reference site, or alone."""

_FORMATS = {
    "AD": ("R", "Integer", "Informative reads of each allele, reference first"),
    "DP": ("1", "Integer", "Informative reads"),
    "GQ": ("1", "Integer", "Genotype quality"),
    "GT": ("1", "String", "Genotype"),
    "MIN_DP": ("1", "Integer", "Smallest depth within the reference block"),
    "PGT": ("1", "String", "Physical phase of the alternate allele, as if the call were heterozygous"),
    "PID": ("1", "String", "Physical phase set: position and alleles of its first call"),
    "PL": ("G", "Integer", "Phred-scaled genotype likelihoods, the best at 0"),
    "PS": ("1", "Integer", "Phase set: position of its first call"),
    "SB": ("4", "Integer", "Informative reads: reference forward, reverse, alternate forward, reverse"),
}
_INFOS = {
    "AC": ("A", "Integer", "Copies of each alternate allele in the genotype"),
    "AF": ("A", "Float", "Share of each alternate allele in the genotype"),
    "AN": ("1", "Integer", "Alleles in the genotype"),
    "BaseQRankSum": (
        "1",
        "Float",
        "Rank sum z score of base qualities, alternate against reference",
    ),
    "DP": ("1", "Integer", "Reads over the site"),
    "END": ("1", "Integer", "Last position of the reference block"),
    "ExcessHet": ("1", "Float", "Phred-scaled p value of the exact test for too many heterozygotes"),
    "FS": ("1", "Float", "Phred-scaled p value of Fisher's exact test for strand bias"),
    "MLEAC": ("A", "Integer", "Most likely copies of each alternate allele"),
    "MLEAF": ("A", "Float", "Most likely frequency of each alternate allele"),
    "MQ": ("1", "Float", "Root mean square of the mapping qualities"),
    "MQRankSum": (
        "1",
        "Float",
        "Rank sum z score of mapping qualities, alternate against reference",
    ),
    "QD": ("1", "Float", "QUAL by depth of the informative reads"),
    "RAW_MQandDP": ("2", "Integer", "Sum of the squares of the mapping qualities, and their number"),
    "ReadPosRankSum": (
        "1",
        "Float",
        "Rank sum z score of positions within the read, alternate against reference",
    ),
    "SOR": ("1", "Float", "Symmetric odds ratio of strand bias"),
}
_BY_EMISSION: Mapping[Emission, tuple[frozenset[str], frozenset[str]]] = {
    "vcf": (
        frozenset({"AD", "DP", "GQ", "GT", "PL"}),
        frozenset(_INFOS) - {"END", "RAW_MQandDP"},
    ),
    "gvcf": (frozenset(_FORMATS), frozenset(_INFOS) - {"AC", "AF", "AN", "FS", "MQ", "QD", "SOR"}),
    "bp": (
        frozenset(_FORMATS) - {"MIN_DP"},
        frozenset(_INFOS) - {"AC", "AF", "AN", "END", "FS", "MQ", "QD", "SOR"},
    ),
}


def vcf_header(contigs: Iterable[tuple[str, int]], sample: str, emit: Emission) -> str:
    """The header of a file of one sample, up to and with its column line."""
    formats, infos = _BY_EMISSION[emit]
    lines = ["##fileformat=VCFv4.2"]
    if emit != "vcf":
        lines.append('##ALT=<ID=NON_REF,Description="Any allele that is not among the others at this position">')
    lines.append('##FILTER=<ID=LowQual,Description="QUAL below the calling threshold">')
    for name in sorted(formats):
        lines.append('##FORMAT=<ID={},Number={},Type={},Description="{}">'.format(name, *_FORMATS[name]))
    if emit == "gvcf":
        lines += _band_lines()
    for name in sorted(infos):
        lines.append('##INFO=<ID={},Number={},Type={},Description="{}">'.format(name, *_INFOS[name]))
    lines += [f"##contig=<ID={name},length={length}>" for name, length in contigs]
    lines.append("##source=HaplotypeCaller of genomics-assets")
    lines.append("\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample)))
    return "\n".join(lines) + "\n"


def _band_lines() -> list[str]:
    limits = (0, *QUALITY_BANDS, MAXIMUM_GENOTYPE_QUALITY + 1)
    return [
        f"##GVCFBlock{low}-{high}=minGQ={low}(inclusive),maxGQ={high}(exclusive)"
        for low, high in itertools.pairwise(limits)
    ]


def record_line(contig: str, call: VariantCall, emit: Emission, ploidy: int) -> str:
    """One call as a line of text, with its line end."""
    info = _vcf_info(call) if emit == "vcf" else _gvcf_info(call)
    names, values = _sample_fields(call, emit, ploidy)
    fields = (
        contig,
        str(call.start + 1),
        ".",
        call.alleles[0],
        ",".join(call.alleles[1:]) or ".",
        format_quality(call.quality),
        "LowQual" if call.low_quality else ".",
        ";".join(f"{name}={info[name]}" for name in sorted(info)) or ".",
        ":".join(names),
        ":".join(values),
    )
    return "\t".join(fields) + "\n"


def _sample_fields(call: VariantCall, emit: Emission, ploidy: int) -> tuple[list[str], list[str]]:
    separator = "|" if call.phased else "/"
    fields = {"GT": separator.join(map(str, call.genotype) if call.genotype else "." * ploidy)}
    if call.allele_depths:
        fields["AD"] = _joined(call.allele_depths)
    if call.genotype_depth is not None:
        fields["DP"] = str(call.genotype_depth)
    fields["GQ"] = str(min(call.genotype_quality, MAXIMUM_GENOTYPE_QUALITY))
    if call.phase is not None:
        fields["PGT"], fields["PID"] = call.phase.genotype, call.phase.identifier
    if call.phred_likelihoods:
        fields["PL"] = _joined(call.phred_likelihoods)
    if call.phase is not None:
        fields["PS"] = str(call.phase.start + 1)
    if emit != "vcf" and call.genotype:
        fields["SB"] = _joined(call.strand_counts)
    return list(fields), list(fields.values())


def _gvcf_info(call: VariantCall) -> dict[str, str]:
    info = _common_info(call)
    facts = call.annotations
    if facts.mapq_depth:
        info["RAW_MQandDP"] = f"{facts.mapq_squares},{facts.mapq_depth}"
    return info


def _vcf_info(call: VariantCall) -> dict[str, str]:
    info = _common_info(call)
    facts = call.annotations
    if call.genotype:
        number = len(call.genotype)
        counts = [call.genotype.count(allele) for allele in range(1, len(call.alleles))]
        info["AC"], info["AN"] = _joined(counts), str(number)
        info["AF"] = ",".join(_fraction(count / number) for count in counts)
    info["FS"] = format_half_up(facts.fisher_strand, 3)
    info["SOR"] = format_half_up(facts.strand_odds_ratio, 3)
    if facts.mapq_depth:
        info["MQ"] = format_half_up(math.sqrt(facts.mapq_squares / facts.mapq_depth), 2)
    if facts.quality_by_depth is not None:
        info["QD"] = format_half_up(facts.quality_by_depth, 2)
    return info


def _common_info(call: VariantCall) -> dict[str, str]:
    facts = call.annotations
    info = {"DP": str(facts.depth)}
    if facts.excess_het is not None:
        info["ExcessHet"] = format_half_up(facts.excess_het, 4)
    info["MLEAC"] = _joined(call.allele_counts)
    info["MLEAF"] = ",".join(map(_fraction, call.allele_frequencies))
    ranks = {
        "BaseQRankSum": facts.base_quality_rank_sum,
        "MQRankSum": facts.mapq_rank_sum,
        "ReadPosRankSum": facts.read_position_rank_sum,
    }
    info |= {name: format_half_up(value, 3) for name, value in ranks.items() if value is not None}
    return info


def _joined(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _fraction(value: float) -> str:
    """A number of INFO as htsjdk writes it: fewer decimals the larger it is."""
    if math.isnan(value):
        return "NaN"
    if value >= 1.0:
        return format_half_up(value, 2)
    if value >= 0.01:
        return format_half_up(value, 3)
    return "0.00" if abs(value) < 1e-20 else f"{value:.3e}"
