"""Every variant in what was asked about that is not reported, and why not: one table, a row a variant.

Reasons stand in the order in which they are asked: the first that holds is told. Of genes that nobody asked about, and
of those that the person does not want to hear of, nothing stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.classify.candidates import CLASSIFIED
from engine.classify.decision import CAUSES_DISEASE
from engine.classify.phase import TOLD
from engine.classify.question import Question
from engine.duckdb_paths import as_pattern
from engine.tables import Column, arrow_schema

SUFFIX = ".unreported.parquet"
REASONS: Mapping[str, str] = {
    "part of a reported change": "it is told as a part of a change that is reported",
    "judged by the laboratory": "a person of the laboratory judged it benign, likely benign or uncertain",
    "not reportable": "ClinVar or the laboratory calls it pathogenic; its genotype, the gene's rule or the carrier "
    "option leaves it out",
    "failed filter": "the call did not pass its filters",
    "benign in ClinVar": "ClinVar calls it benign or likely benign",
    "conflicting in ClinVar": "ClinVar's submitters disagree",
    "no great effect": "neither a truncation, splice site, lost start nor a changed protein is predicted",
    "uncertain": "the criteria that data decide do not make it likely pathogenic",
    "not classified": "no gene was asked about, and ClinVar has not decided",
}
"""Why a variant is not reported, and what that means, in the order in which it is asked."""
_TAKEN = (
    *("sample_id", "allele", "contig", "position", "ref", "alt", "filter", "gene", "transcript", "consequence"),
    *("impact", "hgvs_g", "hgvs_c", "hgvs_p", "clinvar_variation_id", "clinvar_classification"),
)
_ANNOTATED = {column.name: column for column in ANNOTATED_COLUMNS}
UNREPORTED_COLUMNS = (
    *(_ANNOTATED[name] for name in _TAKEN),
    Column("reason", "VARCHAR", "Why it is not reported", required=True, values=tuple(REASONS)),
    Column("explanation", "VARCHAR", "The same in a sentence, with what was found", required=True),
    Column("acmg_class", "VARCHAR", "Class by points of the criteria that data decide; absent where none were asked"),
    Column("acmg_points", "INTEGER", "Their points", "points"),
    Column("acmg_criteria", "VARCHAR", "Criteria met, as CODE=STRENGTH joined by semicolons"),
)
_BATCH = 100_000


def write_unreported(
    annotated: Path,
    question: Question,
    left_out: frozenset[str],
    looked_at: Iterable[Mapping[str, Any]],
    path: Path,
) -> int:
    """Write the table with columns :data:`UNREPORTED_COLUMNS`; returns its rows.

    Args:
        annotated: Parquet of the annotated variants.
        question: what was asked about.
        left_out: genes that an open question does not ask about.
        looked_at: findings with their ``category``, those that are kept, ``withheld``, ``not_reportable`` and
            ``unlisted`` alike.
        path: of the table.
    """
    import duckdb
    import pyarrow.parquet as pq

    schema = arrow_schema(UNREPORTED_COLUMNS)
    rows = 0
    with duckdb.connect() as db, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        db.register("verdicts", _verdicts(looked_at))
        values: dict[str, Any] = {"annotated": as_pattern(annotated), "asked": list(question.genes)}
        if question.is_open:
            values["left_out"] = sorted(left_out)
        told = db.sql(_QUERY.format(asked=_OPEN if question.is_open else _ORDERED), params=values)
        for batch in told.to_arrow_reader(_BATCH):
            writer.write_batch(batch.cast(schema))
            rows += batch.num_rows
    return rows


_ORDERED = "list_has_any(list_append(list_transform(v.consequences, lambda one: one.gene), v.gene), $asked::VARCHAR[])"
_OPEN = f"({_ORDERED} OR (v.gene IS NOT NULL AND NOT list_contains($left_out::VARCHAR[], v.gene)))"
_REASON = f"""
    CASE
        WHEN w.verdict = 'part' THEN 'part of a reported change'
        WHEN w.decided_class IS NOT NULL AND w.decided_class NOT IN {CAUSES_DISEASE} THEN 'judged by the laboratory'
        WHEN v.clinvar_classification IN {TOLD} OR w.decided_class IS NOT NULL THEN 'not reportable'
        WHEN v.filter NOT IN ('PASS', '.') THEN 'failed filter'
        WHEN v.clinvar_classification IN ('benign', 'likely_benign') THEN 'benign in ClinVar'
        WHEN v.clinvar_classification = 'conflicting' THEN 'conflicting in ClinVar'
        WHEN v.impact NOT IN {CLASSIFIED} THEN 'no great effect'
        WHEN w.verdict IS NOT NULL THEN 'uncertain'
        ELSE 'not classified'
    END
"""
_MEANINGS = ", ".join(f"('{reason}', '{meaning.replace(chr(39), chr(39) * 2)}')" for reason, meaning in REASONS.items())
_QUERY = f"""
    WITH meanings(reason, meaning) AS (VALUES {_MEANINGS}),
    judged AS (
        SELECT {", ".join(f"v.{name}" for name in _TAKEN)}, {_REASON} AS reason,
               w.acmg_class, w.acmg_points, w.acmg_criteria
        FROM read_parquet($annotated) AS v LEFT JOIN verdicts AS w USING (allele)
        WHERE {{asked}} AND coalesce(w.verdict, '') NOT IN ('kept', 'withheld')
    )
    SELECT {", ".join(_TAKEN)}, reason,
           CASE
               WHEN reason = 'failed filter' THEN meaning || ' (' || filter || ')'
               WHEN reason = 'no great effect' THEN meaning || ' (' || replace(consequence, '&', ', ') || ')'
               WHEN reason = 'uncertain' AND acmg_criteria <> ''
                   THEN meaning || ' (' || acmg_criteria || ', ' || coalesce(acmg_points || ' points', 'benign') || ')'
               ELSE meaning
           END AS explanation,
           acmg_class, acmg_points::INTEGER AS acmg_points, acmg_criteria
    FROM judged JOIN meanings USING (reason)
    ORDER BY contig, position, ref, alt
"""


def _verdicts(looked_at: Iterable[Mapping[str, Any]]) -> Any:
    """What became of each allele that was looked at; the records that a reported change is made of are parts of it."""
    import pyarrow as pa

    told: dict[str, dict[str, Any]] = {}
    for finding in looked_at:
        kept = finding["category"] not in ("withheld", "not_reportable", "unlisted")
        verdict = "kept" if kept else "withheld" if finding["category"] == "withheld" else "left out"
        met = ";".join(f"{one['code']}={one['strength']}" for one in finding["acmg_criteria"])
        told[finding["allele"]] = {
            "allele": finding["allele"],
            "verdict": verdict,
            "decided_class": finding["decided_class"],
            "acmg_class": finding["acmg_class"],
            "acmg_points": finding["acmg_points"],
            "acmg_criteria": met,
        }
        if finding["members"] and verdict != "left out":
            part = "part" if kept else "withheld"
            empty = {
                "verdict": part,
                "decided_class": None,
                "acmg_class": None,
                "acmg_points": None,
                "acmg_criteria": "",
            }
            for member in finding["members"]:
                told.setdefault(member, {"allele": member} | empty)
    schema = pa.schema(
        [(name, pa.string()) for name in ("allele", "verdict", "decided_class", "acmg_class")]
        + [("acmg_points", pa.int32()), ("acmg_criteria", pa.string())]
    )
    return pa.Table.from_pylist(list(told.values()), schema=schema)
