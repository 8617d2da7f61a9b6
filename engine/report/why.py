"""Why a variant is, or is not, in a sample's report: the answer to one question about one variant.

The variant is named by its key (``20-3910800-CT-C``, also with colons and with ``chr``) or by its HGVS name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.call.gvcf import is_called
from engine.duckdb_paths import as_pattern, looking_up
from engine.errors import VariantFileError
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval
from engine.report.wording import headline

_KEY = re.compile(r"(?:chr)?([0-9]{1,2}|X|Y|MT?|[A-Za-z0-9_.]+)[-:]([0-9]+)[-:]([ACGTN]+)[-:>]([ACGTN]+)")


@dataclass(frozen=True)
class Answer:
    """What became of a variant.

    Attributes:
        variant: its key, or what was asked for where it is in no table.
        outcome: ``reported``, ``not reported``, ``not asked about``, ``not carried``, ``not called`` or ``not found``.
        explanation: in a sentence.
        row: of the table that tells of it, absent where none does.
    """

    variant: str
    outcome: str
    explanation: str
    row: Mapping[str, Any] | None = None


def why(asked: str, findings: Path, unreported: Path, annotated: Path, gvcf: Path) -> Answer:
    """The answer.

    Args:
        asked: a variant's key or HGVS name.
        findings: table of the findings.
        unreported: table of what was asked about and is not reported.
        annotated: Parquet of the annotated variants.
        gvcf: with index.

    Raises:
        VariantFileError: it is no name of a variant.
    """
    found = _KEY.fullmatch(asked.strip())
    key = _key_of(asked)
    if row := _row(findings, asked, key):
        return Answer(row["allele"], "reported", headline(row), row)
    if row := _row(unreported, asked, key):
        return Answer(row["allele"], "not reported", f"{row['reason']}: {row['explanation']}", row)
    if row := _row(annotated, asked, key):
        named = f"{row['gene']} was" if row["gene"] else "no gene was hit there, and intergenic places were"
        return Answer(row["allele"], "not asked about", f"it was called; {named} not asked about")
    if found is None or (contig := _contigs(gvcf).get(bare_contig(found[1]))) is None:
        return Answer(asked, "not found", "no call of the sample has that name")
    start = int(found[2]) - 1
    if is_called(gvcf, Interval(contig, start, start + len(found[3]))):
        return Answer(key or asked, "not carried", "the place was called, and the sample does not carry the allele")
    return Answer(key or asked, "not called", "too little was seen there to say whether the sample carries it")


def find_call(annotated: Path, asked: str) -> tuple[str, list[str]] | None:
    """The allele of that name that a sample carries, and the alleles as called that it is made of, or a part of.

    Args:
        annotated: Parquet of the annotated variants.
        asked: a variant's key or HGVS name.

    Raises:
        VariantFileError: it is no name of a variant.
    """
    names = ("allele", "hgvs_g", "hgvs_c", "hgvs_p")
    wanted = _key_of(asked) or asked.strip()
    with looking_up() as db:
        own = " OR ".join(f"{name} = $1" for name in names)
        within = " OR ".join(
            f"list_contains([one.{name} FOR one IN coalesce({many}, [])], $1)"
            for many in ("compounds", "known_parts")
            for name in names
        )
        query = f"SELECT * FROM read_parquet($2) WHERE {own} OR {within} LIMIT 1"
        found = db.sql(query, params=[wanted, as_pattern(annotated)]).to_arrow_table().to_pylist()
    for row in found:
        if wanted in [row[name] for name in names]:
            return row["allele"], [row["allele"]]
        for one in (*(row["compounds"] or ()), *(row["known_parts"] or ())):
            if wanted in [one[name] for name in names]:
                return one["allele"], list(one["members"] or [row["allele"]])
    return None


def _key_of(asked: str) -> str | None:
    """The key that was written; absent where an HGVS name was. VariantFileError where it is neither."""
    found = _KEY.fullmatch(asked.strip())
    if found is None and not re.search(r":[cgmnp]\.", asked):
        raise VariantFileError(
            f"{asked!r} is no name of a variant",
            remedy="write contig-position-ref-alt (20-3910800-CT-C), or an HGVS name (PANK2-201:c.1561G>A)",
        )
    return f"{bare_contig(found[1])}-{found[2]}-{found[3]}-{found[4]}" if found else None


def _contigs(gvcf: Path) -> dict[str, str]:
    """A contig's own name by its name without ``chr``."""
    import pysam

    with pysam.VariantFile(str(gvcf)) as file:
        return {bare_contig(name): name for name in file.header.contigs}


def _row(table: Path, asked: str, key: str | None) -> dict[str, Any] | None:
    """The first row of that key or name."""
    import duckdb

    with looking_up() as db:
        rows = db.read_parquet(as_pattern(table))
        names = ["allele"] if key else ["hgvs_g", "hgvs_c", "hgvs_p"]
        value = duckdb.ConstantExpression(key or asked.strip())
        condition = duckdb.ColumnExpression(names[0]) == value
        for name in names[1:]:
            condition = condition | (duckdb.ColumnExpression(name) == value)
        found: list[dict[str, Any]] = rows.filter(condition).limit(1).to_arrow_table().to_pylist()
    return found[0] if found else None
