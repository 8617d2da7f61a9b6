"""bcftools' own expectations of gtcheck: at how many sites two samples are compared, and how many of them agree."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pysam

from engine.identity.genotypes import UNKNOWN, Genotypes
from engine.identity.relatedness import LEAST_SITES, Persons

Site = tuple[str, int, str, tuple[str, ...] | None]
Calls = dict[Site, dict[str, tuple[int | None, ...]]]
OTHERWISE = ("-H ", "-t 11:33", "gtcheck.gvcf.", "gtcheck.2.vcf", "gtcheck.5.vcf")
"""Command lines that compare other sites than a panel's, which are one list for all persons: homozygous ones alone,
those of a region, and records of other alleles or blocks of the reference."""
COMPARED = 27


def genotypes(path: Path) -> Calls:
    """Genotypes of each sample by contig, position and alleles."""
    with pysam.VariantFile(str(path)) as file:
        return {
            (record.chrom, record.pos, record.ref, record.alts): {
                name: call.get("GT", (None,)) for name, call in record.samples.items()
            }
            for record in file
        }


def persons(prefix: str, calls: Calls, sites: list[Site]) -> list[Genotypes]:
    """Each sample's copies of ALT; unknown where none is called."""
    return [
        Genotypes(
            f"{prefix}{name}",
            np.array(
                [UNKNOWN if None in calls[site][name] else sum(map(bool, calls[site][name])) for site in sites], np.int8
            ),
        )
        for name in next(iter(calls.values()))
    ]


def command_lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "commands.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["tool"] == "gtcheck"]
    return [row for row in rows if not any(word in row["command_line"] for word in OTHERWISE)]


def test_as_many_sites_are_compared_as_gtcheck_compares(shared_data: Path) -> None:
    """Of so few sites no relation is told; opposite homozygotes are among those that do not agree."""
    folder = shared_data / "bcftools_goldens"
    lines = command_lines(folder)
    assert len(lines) == COMPARED
    for line in lines:
        own = genotypes(folder / line["input"])
        is_beside = line["other_inputs"].endswith(".vcf")
        other = genotypes(folder / line["other_inputs"]) if is_beside else own
        sites = [site for site in own if site in other]
        people = [*persons("own:", own, sites), *persons("other:", other, sites)]
        pairs = {frozenset((pair.a, pair.b)): pair for pair in Persons(people).pairs()}
        expected = (folder / line["expected"]).read_text().splitlines()
        rows = [row.split("\t") for row in expected if row.startswith("DCv2")]
        assert rows, line
        for _, one, another, _, _, compared, matching in rows:
            pair = pairs[frozenset((f"own:{one}", f"other:{another}"))]
            assert pair.sites == int(compared), line
            assert round(pair.ibs0 * pair.sites) <= int(compared) - int(matching), line
            assert pair.relation == "unknown", line


def test_reads_of_one_gene_tell_nobody_s_relatives(shared_data: Path) -> None:
    """93 exomes of TP53 alone, of CEU families: 19 SNPs, of which four are common, leave every pair untold."""
    calls = genotypes(shared_data / "iarc_tp53_93exomes" / "freebayes_joint_93.vcf.gz")
    snps = [site for site in calls if site[3] and [len(site[2]), *map(len, site[3])] == [1, 1]]
    people = persons("", calls, snps)
    copies = np.stack([one.copies for one in people])
    known = copies != UNKNOWN
    frequency = np.where(known, copies, 0).sum(axis=0) / 2 / np.maximum(known.sum(axis=0), 1)
    common = (known.sum(axis=0) > 40) & (np.abs(frequency - 0.5) <= 0.45)
    assert (len(people), len(snps), int(common.sum())) == (93, 19, 4)
    pairs = list(Persons(people).pairs())
    assert len(pairs) == 93 * 92 // 2 and {pair.relation for pair in pairs} == {"unknown"}
    assert max(pair.sites for pair in pairs) <= len(snps) < LEAST_SITES
