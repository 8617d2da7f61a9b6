"""How frequent the alleles of a sample are in populations, counted in bands for a plot.

Many alleles that the source does not know, or few frequent ones, tell of a source of another build or ancestry.
"""

from __future__ import annotations

from pathlib import Path

from engine.duckdb_paths import as_pattern

BANDS = (
    ("below 0.01%", 0.0001),
    ("0.01% to 0.1%", 0.001),
    ("0.1% to 1%", 0.01),
    ("1% to 5%", 0.05),
    ("5% or more", 2.0),
)
"""Each with the frequency below which it lies and above the one before."""
UNKNOWN = "not in the source"


def frequency_bands(annotated: Path) -> dict[str, int]:
    """How many alleles of a table of annotated variants lie in each band, those that the source does not know first.

    Args:
        annotated: Parquet with the column ``frequency``, a fraction.
    """
    import duckdb

    bounds = [bound for _, bound in BANDS[:-1]]
    query = "SELECT frequency IS NULL, len([b FOR b IN $1 IF b <= frequency]) FROM read_parquet($2)"
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT *, count(*) FROM ({query}) AS t(is_unknown, band) GROUP BY ALL", [bounds, as_pattern(annotated)]
        ).fetchall()
    counts = {UNKNOWN: 0} | {name: 0 for name, _ in BANDS}
    for is_unknown, band, count in rows:
        counts[UNKNOWN if is_unknown else BANDS[band][0]] += count
    return counts
