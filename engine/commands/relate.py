"""``genomics-engine relate``: how the persons of some gVCFs are related."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, staged
from engine.commands.options import UsageError, add_command, say, warn

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.identity.genotypes import Genotypes
    from engine.identity.relatedness import Pair

HEADER = ("a", "b", "kinship", "ibs0", "relation", "sites")


def add_relate(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "relate",
        _relate,
        "tell how persons are related, and whether two are one, from their gVCFs",
        "--gvcf A.g.vcf.gz --gvcf B.g.vcf.gz --sites SITES.vcf.gz --output PAIRS.tsv",
        reference=False,
    )
    parser.add_argument(
        "--gvcf", type=Path, action="append", required=True, metavar="A.g.vcf.gz", help="of one sample; repeat"
    )
    parser.add_argument(
        "--sites", type=Path, required=True, metavar="SITES.vcf.gz", help="common SNPs, some thousand or more"
    )
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="PAIRS.tsv", help=f"table: {', '.join(HEADER)} (default: -)"
    )


def _relate(options: argparse.Namespace) -> None:
    if len(options.gvcf) < 2:
        raise UsageError("give --gvcf twice or more")
    from engine.identity.genotypes import read_genotypes, read_sites
    from engine.identity.relatedness import LEAST_SITES, Persons

    sites = read_sites(options.sites)
    if sites.left_out:
        say(options, f"{sites.left_out:,} records of {options.sites} are no single-base variants of autosomes")
    persons = _named([read_genotypes(gvcf, sites) for gvcf in options.gvcf], options.gvcf)
    for person in persons:
        say(options, f"{person.sample}: {person.known:,} of {len(sites):,} sites are known")
    pairs = list(Persons(persons).pairs())
    unknown = sum(pair.relation == "unknown" for pair in pairs)
    if unknown:
        warn(f"{unknown:,} of {len(pairs):,} pairs have fewer than {LEAST_SITES} sites known of both: no relation told")
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in (HEADER, *map(_row, pairs))))


def _named(persons: list[Genotypes], files: list[Path]) -> list[Genotypes]:
    """Samples of one name are told apart by their files."""
    count = Counter(person.sample for person in persons)
    return [
        replace(person, sample=f"{person.sample} ({file.name})") if count[person.sample] > 1 else person
        for person, file in zip(persons, files, strict=True)
    ]


def _row(pair: Pair) -> tuple[str, ...]:
    kinship = "" if pair.kinship is None else f"{pair.kinship:.5f}"
    return pair.a, pair.b, kinship, f"{pair.ibs0:.5f}", pair.relation, str(pair.sites)
