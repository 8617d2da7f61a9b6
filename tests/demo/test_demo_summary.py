"""What ``make demo`` says of each person at its end."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.people import PEOPLE
from demo.summary import TOLD, findings_of, tell_findings
from engine.classify.columns import FINDING_COLUMNS
from engine.receipt import Recipe
from engine.tables import arrow_schema
from resources.lake import LocalLake

FINDING = {
    "category": "compound_heterozygote", "gene": "PANK2", "hgvs_c": "T1:c.1A>G", "hgvs_p": None,
    "zygosity": "heterozygous", "origin": "maternal", "phase": "trans", "clinvar_variation_id": "4548",
}  # fmt: skip


def test_what_was_found_is_told_apart_from_what_was_planted(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *others = (person.sample for person in PEOPLE)
    carrier = FINDING | {"category": "carrier", "origin": "unknown", "phase": None}
    tell_findings({first: [FINDING, carrier], second: None} | {sample: [] for sample in others})
    told = capsys.readouterr().out
    assert "found: compound heterozygote  PANK2 T1:c.1A>G, heterozygous, maternal, in trans, ClinVar 4548" in told
    assert "found: carrier                PANK2 T1:c.1A>G, heterozygous, ClinVar 4548" in told
    assert told.count("found: not looked for, the run failed") == 1
    assert told.count("found: nothing to report") == len(others)
    assert all(person.story in told for person in PEOPLE)


def test_what_is_told_is_read_from_the_table_along_the_genome(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake")
    rows = [FINDING | {"contig": "chr20", "position": position, "alt": "A"} for position in (200, 100)]
    schema = arrow_schema(FINDING_COLUMNS)
    rows[0]["gene"] = "LATER"
    table = pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)
    with lake.work("findings", "S1") as work:
        pq.write_table(table, work.folder / "S1.findings.parquet")
        work.publish(records=2, recipe=Recipe(), measures={})
    told = findings_of(lake, "S1")
    assert told is not None and [set(row) for row in told] == [set(TOLD)] * 2
    assert [row["gene"] for row in told] == ["PANK2", "LATER"]
    assert findings_of(lake, "S2") is None
