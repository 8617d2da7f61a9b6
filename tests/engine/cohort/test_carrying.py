"""Who carries what: by name, gene, class and zygosity, compared with rows that were looked through one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.annotate.columns import CLINVAR_COLUMNS
from engine.cohort.carrying import Sources, carriers_of
from engine.cohort.columns import TABLES, typed_table
from engine.cohort.study import define
from engine.reanalysis.carried import CARRIED_COLUMNS
from engine.tables import Column, arrow_schema

A1, A2, A3 = ("20", 100, "A", "G"), ("20", 200, "C", "T"), ("20", 300, "CT", "C")
X1, M1, M2 = ("X", 50, "A", "G"), ("MT", 70, "A", "G"), ("MT", 90, "C", "T")
CALLS = {
    "het": [(A1, 1, 2)],
    "hom": [(A1, 2, 2)],
    "two": [(A1, 1, 2), (A2, 1, 2)],
    "benign": [(A3, 2, 2)],
    "son": [(X1, 1, 1)],
    "daughter": [(X1, 1, 2)],
    "anybody": [(M1, 1, 1), (M2, 1, 1)],
}
GENES = {
    A1: ("AVP", True),
    A2: ("AVP", True),
    A3: ("AVP", False),
    X1: ("DMD", True),
    M1: ("ND1", True),
    M2: ("ND1", True),
}
CLINVAR = {A1: "pathogenic", A3: "benign", X1: "uncertain_significance"}
MANY = {"genes": ["AVP"]}


def write(path: Path, rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> Path:
    schema = arrow_schema(columns, bare=True)
    pq.write_table(pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema), path)
    return path


def named(allele: tuple[str, int, str, str]) -> dict[str, Any]:
    return dict(zip(("contig", "position", "ref", "alt"), allele, strict=True))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("lab [1]")
    calls = [
        (
            sample,
            "chrM" if allele[0] == "MT" else f"chr{allele[0]}",
            0,
            *allele[1:],
            copies,
            ploidy,
            60,
            30,
            15,
            15,
            99,
            0,
            900,
        )
        for sample, carried in CALLS.items()
        for allele, copies, ploidy in carried
    ]
    pq.write_table(typed_table(calls, TABLES["calls"]), folder / "calls.parquet")
    carried = [
        {"sample_id": sample, "made": "1", "hit": GENES[allele][1], "looked_at": False, "genes": [GENES[allele][0]]}
        | named(allele)
        for sample, its in CALLS.items()
        for allele, *_ in its
    ]
    write(folder / "carried.parquet", carried, CARRIED_COLUMNS)
    clinvar = [{"classification": told, "genes": ["AVP"]} | named(allele) for allele, told in CLINVAR.items()]
    write(folder / "clinvar.parquet", clinvar, CLINVAR_COLUMNS)
    return Sources(
        [str(folder / "calls.parquet")],
        [str(folder / "carried.parquet")],
        folder / "clinvar.parquet",
        {"20-200-C-T": "pathogenic", "20-300-CT-C": "likely_pathogenic"},
    )


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"variants": ["20-100-A-G"]}, ["het", "hom", "two"]),
        ({"variants": ["chr20-100-A-G"], "zygosities": ["hom"]}, ["hom"]),
        ({"variants": ["20-100-A-G"], "zygosities": ["het"]}, ["het", "two"]),
        ({"variants": ["20-100-A-T"]}, []),
        (MANY, ["het", "hom", "two"]),
        (MANY | {"zygosities": ["biallelic"]}, ["hom", "two"]),
        ({"genes": ["DMD"]}, ["daughter", "son"]),
        ({"genes": ["DMD"], "zygosities": ["hemi"]}, ["son"]),
        ({"genes": ["DMD"], "zygosities": ["biallelic"]}, ["son"]),
        ({"genes": ["ND1"], "zygosities": ["hemi"]}, []),
        ({"genes": ["ND1"], "zygosities": ["biallelic"]}, []),
        ({"variants": ["MT-70-A-G"]}, ["anybody"]),
        ({"classes": ["p"]}, ["het", "hom", "two"]),
        ({"classes": ["p"], "variants": ["20-200-C-T"]}, ["two"]),
        ({"classes": ["b"]}, []),
        ({"classes": ["lp"], **MANY}, ["benign"]),
        ({"classes": ["vus"]}, ["daughter", "son"]),
        ({"classes": ["p"], "genes": ["DMD"]}, []),
        ({"variants": ["20-300-CT-C"], **MANY}, ["benign"]),
    ],
)
def test_those_are_found_who_carry_it(sources: Sources, criteria: dict[str, list[str]], expected: list[str]) -> None:
    assert sorted(carriers_of(define("study", "HMB", **criteria), sources)) == expected


def test_without_calls_and_without_knowledge_nobody_carries_anything(sources: Sources) -> None:
    asked = define("study", "HMB", genes=["AVP"], classes=["p"])
    assert carriers_of(asked, Sources([])) == frozenset()
    assert carriers_of(asked, Sources(sources.calls)) == frozenset()
