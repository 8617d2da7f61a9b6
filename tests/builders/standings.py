"""Cases as the platform knows them, for dashboards, of statements that the report's own code makes; and a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.cohort.columns import FREQUENCY_COLUMNS, typed_table
from engine.dashboards.snapshot import CaseStanding, write_snapshot
from engine.receipt import Measure
from engine.report.issue import SignOut
from engine.report.risk import StatedRisk
from engine.report.statement import Statement
from tests.builders.annotated import variant
from tests.builders.people import person
from tests.builders.statements import sign_out, statement

WARD, OTHER_WARD = "ward 3", 'ward "4"'
"""The second as no team should be called: a name that both DAX and file systems read otherwise."""


def standing(
    sample: str,
    said: Statement | None,
    *steps: SignOut,
    month: str = "2026-10",
    team: str = WARD,
    coverage: float | None = 30.0,
    held: bool = False,
    **facts: Any,
) -> CaseStanding:
    """A case with these facts."""
    measures: dict[str, dict[str, Measure]] = {}
    if coverage is not None:
        measures = {
            "raw_reads": {"q30_fraction": 0.92},
            "aligned_reads": {"mean_coverage": coverage, "fraction_20x": 0.9, "duplicate_fraction": 0.1},
            "identity": {"freemix": 0.0 if month == "2026-11" else 0.001, "mean_coverage": 99.0},
        }
    return CaseStanding(
        sample=sample,
        person=person(sample, **facts),
        teams=(team,),
        registered=f"{month}-15T10:00:00+00:00",
        statement=said,
        held=held,
        steps=steps,
        measures=measures,
        aligned=f"{month}-16T10:00:00+00:00" if coverage is not None else None,
    )


def several(folder: Path) -> list[CaseStanding]:
    """Seven cases: carriers, a positive one amended, one with a secondary finding, an empty one, one held, one new."""
    carrier = statement(folder / "1", variant("PANK2"))
    second = statement(folder / "2", variant("PANK2"), variant("PRNP", 4_000_000))
    whole = statement(
        folder / "3", variant("PANK2", genotype="1/1", copies=2, ref_depth=0, alt_depth=30),
        risks=[StatedRisk("PGS1", "stature", 1.5, 9, 10, z=1.4, population="EUR"), StatedRisk("PGS2", "x", None, 1, 9)],
    )  # fmt: skip
    agreed = {"secondary_findings_consent": True}
    secondary = statement(folder / "4", variant("TP53", 3_100_000), **agreed)
    empty = statement(folder / "5")
    return [
        standing("a", carrier, sign_out(carrier, "preliminary"), panel="neuro"),
        standing("b", second, sign_out(second), month="2026-11", team=OTHER_WARD, coverage=20.0),
        standing("c", whole, sign_out(whole), sign_out(whole, "amended", minute=5), coverage=40.0),
        standing("d", secondary, month="2026-11", **agreed),
        standing("e", empty, team=OTHER_WARD, coverage=25.0, **agreed),
        standing("f", None, held=True, coverage=3.0),
        standing("g", None, coverage=None, month="2026-11"),
    ]


def frequencies(path: Path) -> Path:
    """A cohort's table of frequencies with alleles in four bands."""
    alleles = (("C", 0.0005), ("G", 0.001), ("CA", 0.01), ("T", 0.3), ("T", 1.0))
    rows = [
        ("20", 1000 + number, "A", alt, 1, 2000, share, 1, 0, 0) for number, (alt, share) in enumerate(alleles)
    ]  # fmt: skip
    pq.write_table(typed_table(rows, FREQUENCY_COLUMNS), path)
    return path


def snapshot(folder: Path) -> Path:
    """Folder of a snapshot of the seven cases."""
    made = folder / "snapshot"
    made.mkdir()
    write_snapshot(several(folder / "cases"), frequencies(folder / "frequencies.parquet"), made)
    return made
