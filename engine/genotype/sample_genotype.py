"""One sample's genotype at a merged site, and how it is written.

Follows GATK's ``makeGenotypeCall`` with likelihoods preferred, and GenotypeGVCFs' clean-up of the sample's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.call.haplotype.genotype.genotype_index import genotype_alleles
from engine.genotype.gvcf_records import NON_REF, GvcfRecord
from engine.genotype.merged_site import MergedSite, subset_likelihoods

_MAX_QUALITY = 99


@dataclass
class SampleGenotype:
    """One sample at one site, before it is written.

    Attributes:
        alleles: called alleles among those kept, ascending but where GT alone tells the phase; empty without a call.
        phased: whether GT says that they are phased.
        likelihoods: PL over the alleles kept, the best at 0; absent where the sample has none.
        depths: AD over the alleles kept.
        depth: DP, of a reference block its smallest.
        quality: GQ, at most 99.
        record: what the gVCF says of the sample here.
        no_data: no record, or one without reads: nothing but the missing genotype is written.
        ploidy: number of alleles in GT.
        filters: what the caller of the sample's gVCF marked the record with, where it is to be told of this sample.
    """

    alleles: list[int] = field(default_factory=list)
    phased: bool = False
    likelihoods: list[int] | None = None
    depths: list[int] | None = None
    depth: int | None = None
    quality: int | None = None
    record: GvcfRecord | None = None
    no_data: bool = False
    ploidy: int = 2
    filters: frozenset[str] = frozenset()


def genotype_sample_at(site: MergedSite, number: int, kept: Sequence[int]) -> SampleGenotype:
    """One sample's genotype among the alleles that were kept."""
    record, phred = site.records[number], site.likelihoods[number]
    depth = record.call.get("MIN_DP") or record.call.get("DP")
    genotype = SampleGenotype(record=record, depth=None if depth is None else int(depth), ploidy=record.ploidy)
    if record.is_empty:
        return SampleGenotype(no_data=True, ploidy=record.ploidy)
    places = [0, *kept]
    if record.allele_depths is not None:
        mapped = site.maps[number]
        unseen = record.alts.index(NON_REF) + 1
        genotype.depths = [
            0 if place and mapped[place] == unseen else record.allele_depths[mapped[place]] for place in places
        ]
    elif genotype.depth and not record.has_alternate:  # a block's reads are the reference's; else nobody told whose
        genotype.depths = [genotype.depth] + [0] * len(kept)
    chosen = subset_likelihoods(phred, record.ploidy, len(site.alleles), places)
    if chosen is None:
        return genotype
    best = min(chosen)
    genotype.likelihoods = [value - best for value in chosen]
    ranked = sorted(genotype.likelihoods)
    genotype.quality = min(_MAX_QUALITY, ranked[1])
    call = genotype.likelihoods.index(0)
    if ranked[-1] > 0 and not (call == 0 and ranked[1] == 0):
        genotype.alleles = list(genotype_alleles(record.ploidy, len(places))[call])
    _set_phase(genotype, [site.maps[number][place] for place in places])
    return genotype


def _set_phase(genotype: SampleGenotype, own: Sequence[int]) -> None:
    """Put the alleles in the order in which the gVCF has them, where its GT alone tells on which haplotypes they are.

    GATK tells that by PGT, and its GenotypeGVCFs leaves GT ascending whatever PGT says; so does this.

    Args:
        genotype: whose alleles were called.
        own: number in the gVCF's record of each allele that was kept.
    """
    phased = genotype.record.phased_alleles if genotype.record is not None else None
    if phased is None:
        return
    if genotype.record is not None and "PGT" in genotype.record.call:
        genotype.phased = True
        return
    alike = len(set(genotype.alleles)) < 2
    told = {own[allele]: allele for allele in genotype.alleles}
    if not alike and sorted(phased) == sorted(own[allele] for allele in genotype.alleles):
        genotype.alleles, alike = [told[allele] for allele in phased], True
    genotype.phased = alike


def format_columns(genotypes: Sequence[SampleGenotype]) -> tuple[str, list[str]]:
    """FORMAT and the column of each sample; what is missing at the end of a column is left off."""
    rows = [_format_values(genotype) for genotype in genotypes]
    keys = ["GT", *sorted({key for row in rows for key in row} - {"GT"})]
    return ":".join(keys), [_joined(row, keys) for row in rows]


def _format_values(genotype: SampleGenotype) -> dict[str, str]:
    names = [str(allele) for allele in genotype.alleles] or ["."] * genotype.ploidy
    if genotype.no_data or genotype.record is None:
        return {"GT": "/".join(names)}
    call = genotype.record.call
    row = {"GT": ("|" if genotype.phased else "/").join(names)}
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
    if genotype.filters:
        row["FT"] = ";".join(sorted(genotype.filters))
    if "PGT" in row and genotype.alleles and genotype.alleles[0] == genotype.alleles[-1] != 0:
        row["PGT"] = "1|1"
    return row


def _joined(row: dict[str, str], keys: Sequence[str]) -> str:
    values = [row.get(key, ".") for key in keys]
    while len(values) > 1 and values[-1] == ".":
        values.pop()
    return ":".join(values)
