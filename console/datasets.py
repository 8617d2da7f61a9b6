"""Commands of datasets of others: ``genomics dataset``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from console.adding import adder
from console.choosing import person
from console.listing import print_table
from console.output import print_json
from engine.cohort.study import allele_of
from engine.ops.datasets import frequencies, take, taken
from engine.receipt import Receipt, Recipe
from resources.environment import Resources

_LEFT_OUT = {
    "repeated": "records of an allele that is there once more; the one called most often is kept",
    "not_sequence": "alleles that are not given as bases",
    "not_passed": "alleles in records that their caller's filters mark",
    "not_called": "alleles at which nobody is called (AN 0)",
    "elsewhere": "contigs that the reference does not have, with their records",
}
"""Measures of an import (:class:`engine.cohort.dataset.DatasetMeasures`) that count what is not taken."""
_HEADER = ("ALLELE", "SOURCE", "COUNT", "NUMBER", "FREQUENCY")


def add_to(group: argparse.ArgumentParser) -> None:
    """The commands below ``genomics dataset``."""
    add = adder(group.add_subparsers(required=True, metavar="COMMAND"))
    imported = add("import", "import a dataset that a YAML file declares", importing)
    imported.add_argument("declaration", type=Path, metavar="YAML", help="of the dataset")
    imported.add_argument("--person", help="who imports it (default: the user logged in)")
    add("list", "list the datasets that were imported", listing)
    asked = add("frequencies", "show how often alleles are seen, by source", showing)
    asked.add_argument("alleles", nargs="+", metavar="ALLELE", help="20-3082707-C-A")
    asked.add_argument("--source", action="append", default=[], help="only this one; may be given again")
    asked.add_argument("--purpose", default="GRU", help="what for (default: GRU)")
    asked.add_argument("--union", action="store_true", help="add up the sources that know an allele besides")
    asked.add_argument("--person", help="who asks (default: the user logged in)")


def importing(platform: Resources, chosen: argparse.Namespace) -> int:
    """Import one, or find it there; who imports it is written to the audit log before it takes force."""

    def announce(recipe: Recipe) -> None:
        details = {name: recipe.parameters[name] for name in ("release", "sha256", "licence", "consent")}
        details |= {"dataset": recipe.parameters["name"]}
        platform.audit.record(person(chosen), "dataset imported", None, details)

    receipt = take(platform, chosen.declaration, announce=announce)
    stated = receipt.recipe.parameters
    if chosen.json:
        print_json(_told(receipt))
    else:
        told = receipt.measures
        print(
            f"{stated['name']}: {receipt.records:,} alleles of {told['samples']:,} samples, licence {stated['licence']}"
        )
        for measure, why in _LEFT_OUT.items():
            if told[measure]:
                print(f"left out: {told[measure]:,} {why}", file=sys.stderr)
    return 0


def listing(platform: Resources, chosen: argparse.Namespace) -> int:
    """List them with what they may be used for."""
    found = [_told(one) for one in taken(platform.lake).values()]
    if chosen.json:
        print_json(found)
    elif found:
        names = ("name", "release", "build", "consent", "licence", "source")
        print_table(
            [tuple(name.upper() for name in names), *(tuple(str(one[name]) for name in names) for one in found)]
        )
    print(f"{len(found):,} datasets", file=sys.stderr)
    return 0


def showing(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show frequencies side by side; the question is written to the audit log first."""
    alleles = [allele_of(one) for one in chosen.alleles]
    details = {"alleles": alleles, "sources": chosen.source, "purpose": chosen.purpose, "union": chosen.union}
    platform.studies.asked(person(chosen), "frequencies", details)
    rows, barred = frequencies(platform.lake, alleles, chosen.purpose, chosen.source, union=chosen.union)
    if chosen.json:
        print_json(rows)
    elif rows:
        print_table([_HEADER, *(tuple(map(_cell, row.values())) for row in rows)])
    for allele in alleles:
        if allele not in {row["allele"] for row in rows}:
            print(f"{allele}: no source knows it", file=sys.stderr)
    if barred and not chosen.source:
        print(f"left out, for their consent does not cover {chosen.purpose}: {', '.join(barred)}", file=sys.stderr)
    return 0


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _told(receipt: Receipt) -> dict[str, object]:
    return {**receipt.recipe.parameters, "data_version": receipt.data_version, **receipt.measures}
