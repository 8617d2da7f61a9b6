"""A sample's call in one biallelic VCF record: copies, phase and depth, whichever caller wrote it.

>>> call = read_call("20 5 . A T 50 PASS . GT:AD:DP:GQ:PS 1|0:11,9:20:99:5".split())
>>> call.copies, call.haplotypes, call.phase_set, call.alt_depth
(1, [0], '5', 9)
>>> read_call("20 5 . A T 50 PASS . GT:RO:AO:DP 0/1:7:6:13".split()).alt_depth
6
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Call:
    """One sample's genotype for one alternate allele.

    Attributes:
        genotype: GT as written.
        copies: of the alternate allele.
        ploidy: alleles in GT.
        phase_set: absent where the genotype is not phased; ``contig`` where it is and no phase set is named.
        haplotypes: numbers, from 0, of the haplotypes that carry the allele; absent where unphased.
        depth: DP.
        ref_depth: reads of the reference allele.
        alt_depth: reads of the alternate allele.
        genotype_quality: GQ, rounded.
    """

    genotype: str
    copies: int
    ploidy: int
    phase_set: str | None
    haplotypes: list[int] | None
    depth: int | None
    ref_depth: int | None
    alt_depth: int | None
    genotype_quality: int | None


def read_call(fields: list[str]) -> Call:
    """The call of the only sample of a VCF line, split at its tabs.

    Depths come from AD, else from freebayes' RO and AO. Phase comes from GT and PS, else from GATK's PGT and PID.
    """
    keys, values = (fields[8], fields[9]) if len(fields) > 9 else ("", "")
    sample = dict(zip(_keys(keys), values.split(":"), strict=False))
    genotype = sample.get("GT", ".")
    alleles = re.split(r"[/|]", genotype.lstrip("/|"))
    phase_set, haplotypes = _phase(genotype, alleles, sample)
    depths = sample.get("AD", "").split(",")
    if len(depths) != 2:
        depths = [sample.get("RO", "."), sample.get("AO", ".")]
    return Call(
        genotype=genotype,
        copies=alleles.count("1"),
        ploidy=len(alleles),
        phase_set=phase_set,
        haplotypes=haplotypes,
        depth=_number(sample.get("DP", ".")),
        ref_depth=_number(depths[0]),
        alt_depth=_number(depths[1]),
        genotype_quality=_number(sample.get("GQ", ".")),
    )


@lru_cache(maxsize=256)
def _keys(text: str) -> tuple[str, ...]:
    return tuple(text.split(":"))


def _phase(genotype: str, alleles: list[str], sample: dict[str, str]) -> tuple[str | None, list[int] | None]:
    if "|" in genotype and len(alleles) > 1:
        named = sample.get("PS", ".")
        return (named if named != "." else "contig"), _carrying(alleles)
    by_gatk = sample.get("PGT", ".")
    if "|" in by_gatk and sample.get("PID", ".") != ".":
        return sample["PID"], _carrying(by_gatk.split("|"))
    return None, None


def _carrying(alleles: list[str]) -> list[int]:
    return [number for number, allele in enumerate(alleles) if allele == "1"]


def _number(text: str) -> int | None:
    return None if text in (".", "") else round(float(text))
