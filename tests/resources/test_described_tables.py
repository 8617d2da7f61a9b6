"""A column is stated once: what tells of it, Arrow schema or documentation, is made of the statement."""

from collections import defaultdict

import pyarrow as pa
import pytest

from engine.reads.registration import SampleStatus
from engine.tables import Column, arrow_schema
from genomics_assets.artifacts import ARTIFACTS
from resources.described_tables import described_tables
from resources.registry.tables import METADATA

NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}
COLUMNS = [(table.name, column) for table in described_tables() for column in table.columns]
NARROWER_IN_THE_COHORT = {"genotype_quality"}
"""Rows of the cohort are many: what fits is kept in two bytes."""
OF_A_LANE = ("registry: reads", "position")
"""The one column of that name that is no place on a contig."""


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{table}.{column.name}" for table, column in COLUMNS])
def test_a_number_has_a_unit_and_nothing_else_has(table: str, column: Column) -> None:
    assert bool(column.unit) == (column.type in NUMBERS), f"{table}.{column.name}"


def test_a_name_means_a_number_of_one_unit_in_every_table() -> None:
    units, types = defaultdict(set), defaultdict(set)
    numbers = [(table, column) for table, column in COLUMNS if column.type in NUMBERS]
    for column in (column for table, column in numbers if (table, column.name) != OF_A_LANE):
        units[column.name].add(column.unit)
        types[column.name].add(column.type)
    assert {name for name, found in units.items() if len(found) > 1} == set()
    assert {name for name, found in types.items() if len(found) > 1} == NARROWER_IN_THE_COHORT


def test_an_arrow_schema_is_made_of_the_columns() -> None:
    columns = (Column("depth", "INTEGER", "Reads at the site", "reads"), Column("gene", "VARCHAR", "Gene symbol"))
    schema = arrow_schema(columns)
    assert schema.names == ["depth", "gene"] and schema.types == [pa.int32(), pa.string()]
    assert schema.field("depth").metadata == {b"meaning": b"Reads at the site", b"unit": b"reads"}
    assert schema.field("gene").metadata == {b"meaning": b"Gene symbol"}
    assert arrow_schema(columns, bare=True).field("depth").metadata is None


def test_every_table_of_an_artifact_is_described() -> None:
    described = {tuple(table.columns) for table in described_tables()}
    assert {tuple(one.columns) for one in ARTIFACTS if one.columns} <= described


@pytest.mark.parametrize("table", described_tables(), ids=lambda table: table.name)
def test_every_type_that_a_column_states_is_one_of_arrow(table) -> None:
    assert arrow_schema(table.columns).names == [column.name for column in table.columns]


def test_the_registrys_tables_are_described_by_their_own_statement() -> None:
    described = {table.name: {column.name: column for column in table.columns} for table in described_tables()}
    for table in METADATA.tables.values():
        assert list(described[f"registry: {table.name}"]) == table.columns.keys()
    samples = described["registry: samples"]
    assert samples["status"].values == tuple(SampleStatus) and samples["status"].required
    assert samples["subject_id"].refers_to == "subjects" and samples["ordered_genes"].type == "VARCHAR[]"
    assert samples["secondary_findings_consent"].type == "BOOLEAN" and samples["requested"].unit == "seconds"


def test_copies_and_ploidy_are_said_in_the_same_words_of_a_sample_and_of_the_cohort() -> None:
    told = {
        (column.name, column.meaning, column.unit)
        for table, column in COLUMNS
        if table in ("annotated_variants", "calls", "fct_call") and column.name in ("copies", "ploidy", "dosage")
    }
    assert {name for name, *_ in told} == {"copies", "ploidy"} and len(told) == 2
