"""A sample's call in one biallelic VCF record: copies, phase and depth, whichever caller wrote it.

>>> call = read_call("GT:AD:DP:GQ:PS", "1|0:11,9:20:99:5")
>>> call.copies, call.haplotypes, call.phase_set, call.alt_depth
(1, (0,), '5', 9)
>>> read_call("GT:RO:AO:DP", "0/1:7:6:13").alt_depth
6
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from engine.annotate.normalise import ORIGINAL
from engine.files.info import info_value


class Call(NamedTuple):
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
        informative_depth: reads of any allele of the site, those of its other alternates among them.
        genotype_quality: GQ, rounded.
    """

    genotype: str
    copies: int
    ploidy: int
    phase_set: str | None
    haplotypes: tuple[int, ...] | None
    depth: int | None
    ref_depth: int | None
    alt_depth: int | None
    informative_depth: int | None
    genotype_quality: int | None


class SiteReads(dict[str, int]):
    """Reads of all alleles, by a record with several alternate alleles (``contig|position|ref|alt,alt``).

    Once such a record is taken apart, each piece has the reads of the reference and of its own allele alone.
    """

    def of(self, info: str) -> int | None:
        """For a piece, by the INFO that tells what it was taken from; absent for a record that was one allele."""
        if not self or f"{ORIGINAL}=" not in info:
            return None
        return self.get(info_value(info, f"{ORIGINAL}=").rpartition("|")[0])


AS_GATK_WRITES = (1,)
"""Haplotypes of the ``0|1`` that GATK's GenotypeGVCFs writes of every phased genotype with one copy."""


def read_site_reads(lines: Iterable[str]) -> SiteReads:
    """From VCF lines of one sample with several alternate alleles each."""
    reads = SiteReads()
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        sample = dict(zip(_split(fields[8]), fields[9].split(":"), strict=False))
        told = sample.get("AD") or f"{sample.get('RO', '.')},{sample.get('AO', '.')}"
        depths = [read_number(depth) for depth in told.split(",")]
        if len(depths) == fields[4].count(",") + 2 and None not in depths:
            reads["|".join((fields[0], fields[1], fields[3], fields[4]))] = sum(depth or 0 for depth in depths)
    return reads


def read_call(keys: str, values: str, of_the_site: int | None = None) -> Call:
    """The call in a record's FORMAT and sample columns.

    Depths come from AD, else from freebayes' RO and AO. Phase comes from GT and PS, else from GATK's PGT and PID. Where
    these contradict each other within one set, PGT counts beside the 0|1 that GATK's GenotypeGVCFs writes of every
    phased genotype; beside any other GT the phase is not known.

    Args:
        keys: FORMAT.
        values: the sample's.
        of_the_site: reads of all alleles of the record that this one was taken from.
    """
    sample = dict(zip(_split(keys), values.split(":"), strict=False))
    genotype = sample.get("GT", ".")
    copies, ploidy, haplotypes = allele_copies(genotype)
    phase_set: str | None = sample.get("PS", ".")
    if haplotypes is None:
        phase_set, haplotypes = _phase_by_gatk(sample)
    elif (by_gatk := _of_one_set(sample)) and len(haplotypes) == 1 and by_gatk != haplotypes:
        phase_set, haplotypes = (phase_set, by_gatk) if haplotypes == AS_GATK_WRITES else (None, None)
    elif phase_set == ".":
        phase_set = "contig"
    depths = sample.get("AD", "").split(",")
    if len(depths) != 2:
        depths = [sample.get("RO", "."), sample.get("AO", ".")]
    ref_depth, alt_depth = read_number(depths[0]), read_number(depths[1])
    if of_the_site is None and ref_depth is not None and alt_depth is not None:
        of_the_site = ref_depth + alt_depth
    return Call(
        genotype,
        copies,
        ploidy,
        phase_set,
        haplotypes,
        read_number(sample.get("DP", ".")),
        ref_depth,
        alt_depth,
        of_the_site,
        read_number(sample.get("GQ", ".")),
    )


@lru_cache(maxsize=256)
def _split(keys: str) -> tuple[str, ...]:
    return tuple(keys.split(":"))


@lru_cache(maxsize=1024)
def allele_copies(genotype: str) -> tuple[int, int, tuple[int, ...] | None]:
    """Copies, ploidy, and the haplotypes that carry the allele where the genotype is phased."""
    alleles = re.split(r"[/|]", genotype.lstrip("/|"))
    carrying = tuple(number for number, allele in enumerate(alleles) if allele == "1")
    return len(carrying), len(alleles), carrying if "|" in genotype and len(alleles) > 1 else None


def _of_one_set(sample: dict[str, str]) -> tuple[int, ...] | None:
    """Haplotypes by PGT, where PID and PS name one phase set; absent where they do not."""
    named, by_gatk = _phase_by_gatk(sample)
    return by_gatk if named is not None and named.partition("_")[0] == sample.get("PS", ".") else None


def _phase_by_gatk(sample: dict[str, str]) -> tuple[str | None, tuple[int, ...] | None]:
    named, genotype = sample.get("PID", "."), sample.get("PGT", ".")
    if named == "." or "|" not in genotype:
        return None, None
    return named, allele_copies(genotype)[2]


def read_number(text: str) -> int | None:
    """A whole number, rounded where the caller writes a fraction; absent for a dot."""
    return None if text in (".", "") else int(text) if text.isdigit() else round(float(text))
