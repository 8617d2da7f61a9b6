"""``genomics dossier``: what a clinic needs to estimate a person's risk of cancer, and CanRisk's file of it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from console.choosing import find, person
from console.output import plain, print_json, require_new
from engine.errors import GenomicsError
from engine.receipt import digest_text
from engine.report.cancer_dossier import ToldStanding, gene_states, sex_of, statements, told_standing
from engine.report.canrisk import Target, filled, new_family, read_family
from engine.report.exon_coverage import read_exon_coverage
from resources.environment import Resources
from resources.said_before import statement_of

WRITTEN = "CanRisk file written"
"""Kind of an event in the audit log."""


def dossier(platform: Resources, chosen: argparse.Namespace) -> int:
    """Tell the state of CanRisk's genes and scores, and write the file that the clinic loads where one is named."""
    sample = find(platform, chosen.sample)
    said = statement_of(platform, sample)
    coverage = platform.gate.require("exon_coverage", sample)
    exons = read_exon_coverage(platform.lake.path(coverage, f"{sample}.exon_coverage.parquet"))
    states, standings = gene_states(said, exons), _standings(platform, sample, chosen.score)
    told = statements(said, states, standings)
    if chosen.canrisk:
        require_new(chosen.canrisk)
        sex = sex_of(said)
        given = read_family(chosen.family) if chosen.family else new_family(Target(sex, chosen.age, chosen.born))
        results = {one.gene: one.result for one in states}
        text = filled(given, sex, results, [one.standing for one in standings], chosen.family)
        platform.audit.record(person(chosen), WRITTEN, sample, {"digest": digest_text(text), "statement": said.digest})
        _write(chosen.canrisk, text)
    if chosen.json:
        print_json({"sample": sample, "statement": said.digest, "genes": [asdict(one) for one in states],
                    "scores": [asdict(one) for one in standings], "statements": told})  # fmt: skip
        return 0
    for line in (*(one.line for one in states), *(one.line for one in standings), *told):
        print(plain(line))
    if chosen.canrisk and not chosen.family:
        missing = [what for what, value in (("age", chosen.age), ("year of birth", chosen.born)) if value is None]
        print(f"{chosen.canrisk}: to be entered in CanRisk: {', '.join((*missing, 'the family'))}")
    return 0


def _standings(platform: Resources, sample: str, asked: list[str]) -> list[ToldStanding]:
    """Of the scores that the command names, by cancer."""
    if not asked:
        return []
    receipt = platform.gate.require("polygenic_scores", sample)
    path = platform.lake.path(receipt, f"{sample}.polygenic_scores.json")
    found = []
    for one in asked:
        cancer, _, score_id = one.partition("=")
        if cancer not in ("BC", "OC", "PC") or not score_id:
            raise GenomicsError(f"{one!r} names no score", remedy="write BC=PGS000001; BC, OC or PC is the cancer")
        found.append(told_standing(path, cancer, score_id))  # type: ignore[arg-type]
    return found


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
