"""A polygenic score of every sample of a cohort, from its tables.

Alleles are matched as they are for one sample (:mod:`engine.risk.score`): by place, both alleles and strand. The tables
have a row for each allele that somebody carries, and tell how many genotypes were called there, not whose: so a place
counts where as good as everybody was called, and what is taken for granted there is counted. Autosomes alone count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import KnowledgeError
from engine.reference.accessions import BARE_CONTIG_SQL
from engine.risk.dosages import Site
from engine.risk.places import Place
from engine.risk.score import LEAST_MATCHED, match
from engine.risk.scored_rows import ScoredAllele
from engine.risk.scoring_file import ScoringFile

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_NOBODY = np.zeros(0)
_ROUNDING = 1e-12
_PLACES = f"""
    CREATE OR REPLACE TEMP TABLE scored_place AS
    WITH known AS (SELECT *, {BARE_CONTIG_SQL} AS bare FROM cohort_allele_frequency),
    people AS (SELECT 2 * count(*) AS genotyped FROM dim_sample)
    SELECT bare, position, any_value(contig) AS contig, min(allele_number) AS called, any_value(genotyped) AS asked,
        list({{'ref': ref, 'alt': alt}} ORDER BY ref, alt) AS alleles
    FROM known JOIN (SELECT DISTINCT bare, position FROM wanted_place) USING (bare, position), people
    WHERE bare NOT IN ('X', 'Y', 'MT')
    GROUP BY bare, position HAVING called >= $1 * asked
"""
_SUMS = """
    WITH carried AS (
        SELECT sample_id, sum(copies * step) AS added
        FROM fct_call JOIN scored_step USING (contig, position, ref, alt) GROUP BY sample_id
    )
    SELECT sample_id, $1 + coalesce(added, 0) AS score
    FROM dim_sample LEFT JOIN carried USING (sample_id) ORDER BY sample_id
"""


@dataclass(frozen=True)
class CohortScore:
    """A score of a cohort.

    Attributes:
        scores: ``sample_id`` and ``score``, one row for each sample in the order of their ids.
        matched: alleles of the score that were counted.
        alleles: of the score.
        flipped: counted ones that the file states on the reverse strand.
        assumed: genotypes, of all samples and counted places, that were not called and are taken for the reference's.
    """

    scores: pd.DataFrame
    matched: int
    alleles: int
    flipped: int
    assumed: int


def score_cohort(
    db: duckdb.DuckDBPyConnection,
    score: ScoringFile,
    *,
    least_called: float = 1.0,
    least_matched: float = LEAST_MATCHED,
) -> CohortScore:
    """Add up.

    Args:
        db: a connection with the cohort's tables ``dim_sample``, ``fct_call`` and ``cohort_allele_frequency``.
        score: what is asked; its weights grow by the same with each copy.
        least_called: share of the genotypes that must have been called at a place for it to count.
        least_matched: share of the score's alleles that must count.

    Raises:
        KnowledgeError: too few count, or the weights are of another kind.
    """
    placed = [one for one in score.alleles if one.contig is not None and one.position is not None]
    _require_additive(score, placed)
    sites, contigs, missing = _sites(db, placed, least_called)
    rows: list[tuple[str, int, str, str, float]] = []
    base, matched, flipped, counted = 0.0, 0, 0, set[Place]()
    for one in placed:
        place = (str(one.contig), int(one.position or 0))
        found = match(one, sites.get(place, []))
        if found is None:
            continue
        matched, flipped = matched + 1, flipped + found.flipped
        counted.add(place)
        none, first, _ = one.weights
        is_reference = found.effect == found.site.ref
        base += one.weights[2] if is_reference else none
        step = none - first if is_reference else first - none
        alternates = found.site.copies if is_reference else [found.effect]
        rows += [(contigs[place], place[1], found.site.ref, alt, step) for alt in alternates]
    if matched < least_matched * score.variants or not score.variants:
        raise KnowledgeError(
            f"of the {score.variants:,} alleles of {score.score_id} {matched:,} were called in the cohort's people",
            remedy="take a score of the cohort's build whose sites were called, or lower least_called or least_matched "
            "knowingly",
        )
    _table(db, "scored_step", "contig VARCHAR, position BIGINT, ref VARCHAR, alt VARCHAR, step DOUBLE", rows)
    scores = db.execute(_SUMS, [base]).df()
    return CohortScore(scores, matched, score.variants, flipped, sum(missing[place] for place in counted))


def _require_additive(score: ScoringFile, alleles: list[ScoredAllele]) -> None:
    if any(abs(one.weights[0] + one.weights[2] - 2 * one.weights[1]) > _ROUNDING for one in alleles):
        raise KnowledgeError(
            f"{score.score_id} has weights that do not grow by the same with each copy",
            remedy="take an additive score: sums over a cohort's tables count copies",
        )


def _sites(
    db: duckdb.DuckDBPyConnection, alleles: list[ScoredAllele], least_called: float
) -> tuple[Mapping[Place, list[Site]], Mapping[Place, str], Mapping[Place, int]]:
    """What the cohort knows at the places of a score, their contigs' names, and genotypes that were not called."""
    places = [(str(one.contig), int(one.position or 0)) for one in alleles]
    _table(db, "wanted_place", "bare VARCHAR, position BIGINT", places)
    db.execute(_PLACES, [least_called])
    sites: dict[Place, list[Site]] = {}
    contigs: dict[Place, str] = {}
    missing: dict[Place, int] = {}
    for bare, position, contig, called, asked, known in db.execute("FROM scored_place").fetchall():
        by_reference: dict[str, Site] = {}
        for allele in known:
            site = by_reference.setdefault(allele["ref"], Site(allele["ref"], {}, _NOBODY))
            site.copies[allele["alt"]] = _NOBODY
        sites[bare, position] = list(by_reference.values())
        contigs[bare, position] = contig
        missing[bare, position] = (asked - called) // 2
    return sites, contigs, missing


def _table(db: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
    """A temporary table of rows, made by column."""
    names = [column.split()[0] for column in columns.split(", ")]
    types = [column.split()[1] for column in columns.split(", ")]
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    if rows:
        values = [list(column) for column in zip(*rows, strict=True)]
        unnested = ", ".join(
            f"unnest(${number}::{kind}[]) AS {column}"
            for number, (column, kind) in enumerate(zip(names, types, strict=True), start=1)
        )
        db.execute(f"INSERT INTO {name} SELECT {unnested}", values)
