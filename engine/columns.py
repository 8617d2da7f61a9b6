"""Columns that several tables have: where an allele lies and what it is. Each is stated here and nowhere else."""

from __future__ import annotations

from engine.tables import Column

CONTIG = Column("contig", "VARCHAR", "Contig, as the reference names it", required=True)
POSITION = Column("position", "INTEGER", "1-based position of REF, normalised", "bases", required=True, minimum=1)
REF = Column("ref", "VARCHAR", "Reference bases, normalised", required=True)
ALT = Column("alt", "VARCHAR", "Alternate bases, normalised: one allele a row", required=True)
