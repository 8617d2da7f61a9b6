"""What was found to stand under later knowledge than it was made with, without having been made again.

A confirmation speaks of one version of one artifact, and of one part of the knowledge: made with this release, found to
stand under that one. It holds for nothing else: another version, or another release, is looked at anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.receipt import Receipt, Recipe
from engine.tables import Column, arrow_schema, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

CONFIRMATIONS = "knowledge_confirmations"
"""The artifact that holds the confirmations in force, of all samples: one publication confirms many samples."""
FILE = "confirmations.parquet"
TOUCHED_FILE = "touched.parquet"
TOUCHED_COLUMNS = (
    Column("sample_id", "VARCHAR", "Sample id", required=True, unique=True),
    Column("why", "VARCHAR", "What of the knowledge it reads has changed, in words", required=True),
)


@dataclass(frozen=True)
class Confirmation:
    """One artifact of one sample that stands under a later release than the one it was made with.

    Attributes:
        sample_id: pseudonym of the sample.
        asset: name of the artifact.
        data_version: of the artifact.
        part: of the knowledge.
        made_with: data version of the part that the artifact was made with.
        stands_under: data version of the part that it was found to stand under.
        release_before: what people call the first of them.
        release_after: what people call the second.
        confirmed: UTC time, ISO 8601 to the second.
        code: digest of the code that found it.
    """

    sample_id: str
    asset: str
    data_version: str
    part: str
    made_with: str
    stands_under: str
    release_before: str
    release_after: str
    confirmed: str
    code: str


CONFIRMATION_COLUMNS = (
    Column("sample_id", "VARCHAR", "Sample id", required=True),
    Column("asset", "VARCHAR", "Name of the artifact", required=True),
    Column("data_version", "VARCHAR", "Data version of the artifact", required=True),
    Column("part", "VARCHAR", "Part of the knowledge", required=True),
    Column("made_with", "VARCHAR", "Data version of the part that it was made with", required=True),
    Column("stands_under", "VARCHAR", "Data version of the part that it was found to stand under", required=True),
    Column("release_before", "VARCHAR", "What people call the first of them", required=True),
    Column("release_after", "VARCHAR", "What people call the second", required=True),
    Column("confirmed", "VARCHAR", "UTC time, ISO 8601", required=True),
    Column("code", "VARCHAR", "Digest of the code that found it", required=True),
)
assert tuple(column.name for column in CONFIRMATION_COLUMNS) == tuple(field.name for field in fields(Confirmation))


def write_confirmations(confirmations: pa.Table, path: Path) -> None:
    """Write a table of them as Parquet, in its order."""
    import pyarrow.parquet as pq

    pq.write_table(confirmations, path, compression="zstd")


def read_confirmations(path: Path) -> pa.Table:
    """The table that :func:`write_confirmations` wrote."""
    return read_rows(path).cast(arrow_schema(CONFIRMATION_COLUMNS, bare=True))


def confirmations_in(rows: pa.Table, sample: str | None = None) -> list[Confirmation]:
    """The confirmations of a table, of one sample or of all."""
    import pyarrow.compute as pc

    chosen = rows if sample is None else rows.filter(pc.equal(rows["sample_id"], sample))
    return [Confirmation(**row) for row in chosen.to_pylist()]


def write_touched(touched: Mapping[str, str], path: Path) -> None:
    """Write why samples are touched, by sample, as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"sample_id": sample, "why": why} for sample, why in sorted(touched.items())]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(TOUCHED_COLUMNS)), path, compression="zstd")


def read_touched(path: Path) -> list[tuple[str, str]]:
    """Samples with why they are touched, as :func:`write_touched` wrote them."""
    return [(row["sample_id"], row["why"]) for row in read_rows(path).to_pylist()]


def as_made(recipe: Recipe, receipt: Receipt, confirmations: Sequence[Confirmation]) -> Recipe:
    """The recipe with every part under which the artifact is confirmed to stand as it was when it was made.

    Args:
        recipe: of what would be made now.
        receipt: of what is published.
        confirmations: of the artifact.
    """
    inputs, knowledge, made = dict(recipe.inputs), dict(recipe.knowledge), receipt.recipe
    for one in confirmations:
        if confirms(one, receipt) and inputs.get(one.part) == one.stands_under:
            inputs[one.part] = one.made_with
            if one.part in made.knowledge:
                knowledge[one.part] = made.knowledge[one.part]
    return replace(recipe, inputs=inputs, knowledge=knowledge)


def confirms(confirmation: Confirmation, receipt: Receipt) -> bool:
    """Whether it speaks of this version of the artifact, made with that release."""
    return (
        confirmation.data_version == receipt.data_version
        and receipt.recipe.inputs.get(confirmation.part) == confirmation.made_with
    )
