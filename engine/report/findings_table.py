"""Findings as a table for people: one row a variant, every cell a line of plain text.

What stands in it was partly written by others (ClinVar's condition names, a caller's filters, a laboratory's gene
names): who shows it shows it as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.report.wording import Finding, kind, name, notes, protein_change, sentence, tier
from engine.tables import Column

COLUMNS = (
    Column("gene", "VARCHAR", "Symbol of the gene."),
    Column("c.", "VARCHAR", "HGVS name on the transcript; on the genome where there is none."),
    Column("p.", "VARCHAR", "What becomes of the protein."),
    Column("zygosity", "VARCHAR", "How many of the person's copies carry it."),
    Column("class", "VARCHAR", "ClinVar's classification, in plain words."),
    Column("condition", "VARCHAR", "Conditions meant, with mode of inheritance."),
    Column("why", "VARCHAR", "Why it is told, and what speaks against taking it at its word."),
)


def table_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """A row for each finding, along the genome, by the names of :data:`COLUMNS`."""
    return [{column: _line(value) for column, value in _row(finding).items()} for finding in findings]


def _row(finding: Finding) -> dict[str, str]:
    reference, _, change = name(finding).rpartition(":")
    named = [f"Named on {reference}."] if reference else []
    return {
        "gene": str(finding["gene"] or ""),
        "c.": change,
        "p.": protein_change(finding),
        "zygosity": str(finding["zygosity"]),
        "class": tier(finding),
        "condition": "; ".join(map(_condition, finding["conditions"])),
        "why": " ".join((f"{sentence(finding)} ({kind(finding)}).", *notes(finding), *named)),
    }


def _line(text: str) -> str:
    """What cannot be printed, and line breaks, as spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _condition(condition: Mapping[str, object]) -> str:
    mode = condition.get("inheritance")
    return f"{condition['name']} ({mode})" if mode and mode != "unknown" else str(condition["name"])
