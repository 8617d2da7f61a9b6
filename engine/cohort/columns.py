"""The columns of what a sample contributes to the cohort: name, Arrow type and meaning, in order.

The Delta tables, the empty tables that stand in before the first contribution, and the catalogue read these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

Columns = tuple[tuple[str, str, str], ...]

BIN = 1_000_000
"""Bases a bin, by which readers prune."""

CALL_COLUMNS: Columns = (
    ("sample_id", "string", "Pseudonym of the sample."),
    ("contig", "string", "Contig as in the reference."),
    ("bin", "int32", "Position divided by one million, for pruning."),
    ("position", "int32", "1-based position of the first base of ref, left-aligned."),
    ("ref", "string", "Reference allele, normalised."),
    ("alt", "string", "Alternate allele, normalised; one row an allele."),
    ("dosage", "int8", "Copies of alt that the sample carries."),
    ("copies", "int8", "Copies of the locus that were called."),
    ("genotype_quality", "int16", "Phred-scaled confidence in the genotype."),
    ("depth", "int32", "Reads that were informative for the genotype."),
    ("alt_depth", "int32", "Reads that support alt."),
)
MISSING_COLUMNS: Columns = (
    ("sample_id", "string", "Pseudonym of the sample."),
    ("contig", "string", "Contig as in the reference."),
    ("start", "int32", "0-based first base."),
    ("end", "int32", "One past the last base."),
    ("copies", "int8", "How many of the two copies counted for every sample were not called here."),
)
SAMPLE_COLUMNS: Columns = (
    ("sample_id", "string", "Pseudonym of the sample."),
    ("sex", "string", "As on the sample sheet."),
    ("family_id", "string", "Pseudonym of the family; absent where none was given."),
    ("father_id", "string", "Sample id of the father; absent where none was given."),
    ("mother_id", "string", "Sample id of the mother; absent where none was given."),
    ("reference", "string", "Name of the reference bundle."),
    ("caller", "string", "Name of the variant caller."),
    ("calls_version", "string", "Digest of the rows that the sample contributed."),
)
MEASURE_COLUMNS: Columns = (
    ("sample_id", "string", "Pseudonym of the sample."),
    ("asset", "string", "Asset that was measured."),
    ("measure", "string", "Name of the measure in the asset's receipt."),
    ("value", "float64", "Its value."),
)
TABLES: Mapping[str, Columns] = {
    "calls": CALL_COLUMNS,
    "missing": MISSING_COLUMNS,
    "samples": SAMPLE_COLUMNS,
    "measures": MEASURE_COLUMNS,
}
"""Columns of each Delta table of the cohort."""


def typed_table(rows: Iterable[tuple[object, ...]], columns: Columns) -> pa.Table:
    """An Arrow table of those columns; each row has a value for every column, ``None`` where it is absent."""
    import pyarrow as pa

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind, _ in columns])
    given = list(rows)
    values = list(zip(*given, strict=True)) if given else [()] * len(schema)
    return pa.table([pa.array(v, field.type) for v, field in zip(values, schema, strict=True)], schema=schema)
