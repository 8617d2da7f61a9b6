"""Columns that several tables have: where an allele lies, what it is, and how often and how well it was seen.

Each is stated here and nowhere else; a table that promises more of one, such as that it is always there, replaces that.
"""

from __future__ import annotations

from engine.tables import Column

CONTIG = Column("contig", "VARCHAR", "Contig, as the reference names it", required=True)
POSITION = Column("position", "INTEGER", "1-based position of REF, normalised", "bases", required=True, minimum=1)
REF = Column("ref", "VARCHAR", "Reference bases, normalised", required=True)
ALT = Column("alt", "VARCHAR", "Alternate bases, normalised: one allele a row", required=True)
COPIES = Column("copies", "TINYINT", "Copies of the allele in the genotype", "copies", minimum=0, maximum=2)
PLOIDY = Column("ploidy", "TINYINT", "Alleles in the genotype", "copies", minimum=0, maximum=2)
DEPTH = Column("depth", "INTEGER", "Reads at the site (DP); absent where the caller gave none", "reads", minimum=0)
ALT_DEPTH = Column(
    "alt_depth", "INTEGER", "Reads that carry the allele; absent where the caller gave none", "reads", minimum=0
)
GENOTYPE_QUALITY = Column(
    "genotype_quality",
    "INTEGER",
    "Confidence in the genotype (GQ); absent where the caller gave none",
    "Phred",
    minimum=0,
)
