"""Cohorts of real people from public files of many samples: what each would have contributed, and the tables of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cyvcf2 import VCF

from engine.cohort.columns import BIN, STRATUM_COLUMNS, TABLES, typed_table
from engine.tables import arrow_schema


def people(shared: Path) -> dict[str, dict[str, str]]:
    """Of each of the 2,504 people of the 1000 Genomes Project ``gender``, ``population`` and ``superpopulation``."""
    with (shared / "pca_panel" / "1kgp_2504_populations.csv").open() as rows:
        return {row["sample"]: row for row in csv.DictReader(rows)}


Strata = list[tuple[str, str, str]]


def samples_of(vcfs: Sequence[Path]) -> list[str]:
    """Ids of the people in several files, file by file."""
    return [name for vcf in vcfs for name in VCF(str(vcf)).samples]


def contributed(vcfs: Sequence[Path], folder: Path, sexes: dict[str, str], strata: Strata) -> dict[str, list[str]]:
    """Parquet files of the Delta tables, as the log would list them; alleles of a site with several are split.

    The files have the same sites, each of other people.
    """
    names = samples_of(vcfs)
    calls: list[tuple[str, int, str, str, np.ndarray, np.ndarray]] = []
    missing: list[tuple[object, ...]] = []
    for first, record in _records(vcfs):
        alleles = record.genotype.array()[:, :-1]
        for number, alt in enumerate(record.ALT, 1):
            copies = (alleles == number).sum(axis=1)
            (carriers,) = np.nonzero(copies)
            if len(carriers) and set(alt) <= set("ACGT"):
                calls.append((record.CHROM, record.POS, record.REF, alt, first + carriers, copies[carriers]))
        for person in np.nonzero((alleles < 0).any(axis=1))[0]:
            missing.append((names[first + person], record.CHROM, record.POS - 1, record.POS, 2))
    carried = np.array([len(carriers) for *_, carriers, _ in calls])
    position = np.repeat([call[1] for call in calls], carried)
    columns = [
        pa.array(names).take(pa.array(np.concatenate([call[4] for call in calls]))),
        *(_repeated([call[0] for call in calls], carried), position // BIN, position),
        *(_repeated([call[column] for call in calls], carried) for column in (2, 3)),
        np.concatenate([call[5] for call in calls]),
        *(np.full(len(position), value) for value in (2, 60, 30, 15, 15, 99, 0, 900)),
    ]
    schema = arrow_schema(TABLES["calls"], bare=True)
    rows = [pa.array(column).cast(field.type) for column, field in zip(columns, schema, strict=True)]
    facts = [(name, sexes[name], None, None, None, "GRCh37", "published", "1") for name in names]
    written = {
        "calls": pa.table(rows, schema=schema),
        "no_calls": typed_table(missing, TABLES["no_calls"]),
        "samples": typed_table(facts, TABLES["samples"]),
        "measures": typed_table([(name, "raw_reads", "pairs", 1.0) for name in names], TABLES["measures"]),
        "strata": typed_table(strata, STRATUM_COLUMNS),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in written.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in written}


def read_copies(vcfs: Sequence[Path]) -> tuple[list[str], dict[tuple[str, int, str, str], np.ndarray]]:
    """People of several files, and what each has of every allele of a single base (int8, -1 where a copy is unknown).

    The files have the same sites, each of other people.
    """
    found: dict[tuple[str, int, str, str], np.ndarray] = {}
    names = samples_of(vcfs)
    for first, record in _records(vcfs):
        alleles = record.genotype.array()[:, :-1]
        if len(record.REF) == 1 and len(record.ALT) == 1 and len(record.ALT[0]) == 1:
            place = (record.CHROM, record.POS, record.REF, record.ALT[0])
            copies = np.where((alleles < 0).any(axis=1), -1, (alleles == 1).sum(axis=1))
            everybody = found.setdefault(place, np.full(len(names), -1, np.int8))
            everybody[first : first + len(copies)] = copies
    return names, found


def _records(vcfs: Sequence[Path]) -> Iterator[tuple[int, Any]]:
    """Each record with the number of the first person of its file."""
    first = 0
    for vcf in vcfs:
        opened = VCF(str(vcf))
        yield from ((first, record) for record in opened)
        first += len(opened.samples)


def tables_of(vcfs: Sequence[Path], folder: Path, sexes: dict[str, str], strata: Strata) -> Path:
    """Folder of the cohort's tables, as dbt makes them of such rows (tests/engine/cohort/test_frequencies.py)."""
    files, made = contributed(vcfs, folder / "delta", sexes, strata), folder / "cohort"
    made.mkdir(parents=True)
    with duckdb.connect() as db:
        for name, (file,) in files.items():
            db.read_parquet(file).create_view(name)
        for name, query in _TABLES.items():
            db.execute(f"COPY ({query}) TO '{made}/{name}.parquet'")
            db.read_parquet(str(made / f"{name}.parquet")).create_view(name)
    return made


_TABLES = {
    "dim_sample": "SELECT * FROM samples",
    "sample_stratum": "SELECT * FROM strata",
    "fct_call": "SELECT *, CASE WHEN copies = ploidy THEN 'hom' ELSE 'het' END AS zygosity FROM calls",
    "cohort_allele_frequency": """
        WITH lost AS (SELECT contig, "end" AS position, sum(missing_copies) AS lost FROM no_calls GROUP BY ALL)
        SELECT contig, position, ref, alt, sum(copies) AS allele_count,
            2 * any_value(people) - any_value(coalesce(lost, 0)) AS allele_number,
            allele_count / allele_number AS allele_frequency, count(*) AS carriers,
            count(*) FILTER (copies = 2) AS homozygotes, 0 AS hemizygotes
        FROM calls LEFT JOIN lost USING (contig, position), (SELECT count(*) AS people FROM samples)
        GROUP BY ALL""",
}


def _repeated(values: list[str], counts: np.ndarray) -> pa.Array:
    return pa.array(values).take(pa.array(np.repeat(np.arange(len(values)), counts)))
