"""A registry of an earlier release becomes a current one, and nothing that it held is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from engine.person import Identity, Person, Sex
from engine.reads.lane import Lane
from engine.reads.registration import RegisteredSample, SampleStatus
from resources.registry import Override, RegistryError, SampleRegistry
from resources.registry.migrations import VERSION_TABLE, revisions
from resources.registry.registry import open_database
from resources.registry.tables import METADATA
from tests.builders.sheets import entry

PROJECT = Path(__file__).resolve().parents[3]
FIRST_RELEASE = """
CREATE TABLE subjects (
    subject_id TEXT PRIMARY KEY,
    sex TEXT NOT NULL,
    mrn TEXT,
    name TEXT,
    birth_date TEXT
) STRICT;
CREATE TABLE samples (
    sample_id TEXT PRIMARY KEY,
    subject_id TEXT NOT NULL REFERENCES subjects,
    sex TEXT NOT NULL,
    family_id TEXT,
    father_id TEXT,
    mother_id TEXT,
    phenotype TEXT NOT NULL,
    order_id TEXT,
    secondary_findings_consent INTEGER NOT NULL,
    sheet TEXT NOT NULL,
    sheet_digest TEXT NOT NULL,
    content TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    requested REAL,
    registered TEXT NOT NULL,
    withdrawn TEXT
) STRICT;
CREATE INDEX samples_of_subject ON samples (subject_id);
CREATE INDEX samples_of_family ON samples (family_id) WHERE family_id IS NOT NULL;
CREATE INDEX samples_of_father ON samples (father_id) WHERE father_id IS NOT NULL;
CREATE INDEX samples_of_mother ON samples (mother_id) WHERE mother_id IS NOT NULL;
CREATE INDEX samples_waiting ON samples (status, registered);
CREATE TABLE reads (
    sample_id TEXT NOT NULL REFERENCES samples,
    position INTEGER NOT NULL,
    mate INTEGER NOT NULL,
    lane TEXT NOT NULL,
    path TEXT NOT NULL,
    md5 TEXT,
    bytes INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    sha256 TEXT,
    PRIMARY KEY (sample_id, position, mate)
) STRICT, WITHOUT ROWID;
CREATE TABLE contents (
    sample_id TEXT NOT NULL REFERENCES samples,
    content TEXT NOT NULL,
    PRIMARY KEY (sample_id, content)
) STRICT, WITHOUT ROWID;
CREATE TABLE digests (
    sha256 TEXT PRIMARY KEY,
    sample_id TEXT NOT NULL REFERENCES samples,
    lane TEXT NOT NULL,
    mate INTEGER NOT NULL,
    recorded TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE overrides (
    sample_id TEXT NOT NULL REFERENCES samples,
    asset TEXT NOT NULL,
    check_name TEXT NOT NULL,
    data_version TEXT NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    recorded TEXT NOT NULL
) STRICT;
CREATE INDEX overrides_of_sample ON overrides (sample_id);
CREATE TABLE refusals (
    sheet TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    problem TEXT NOT NULL,
    remedy TEXT NOT NULL,
    PRIMARY KEY (sheet, sample_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    number INTEGER PRIMARY KEY,
    recorded TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    event TEXT NOT NULL,
    details TEXT NOT NULL
) STRICT;
CREATE INDEX history_of_sample ON history (sample_id);
"""
"""The tables as release 0.1.0 made them; PRAGMA user_version was 1."""
SECOND_SCHEMA = """
ALTER TABLE samples ADD COLUMN ordered_genes TEXT NOT NULL DEFAULT '';
ALTER TABLE samples ADD COLUMN panel TEXT;
ALTER TABLE subjects ADD COLUMN family TEXT;
ALTER TABLE subjects ADD COLUMN given TEXT NOT NULL DEFAULT '[]';
"""
CONTENT, EARLIER, SHEET = "c" * 64, "b" * 64, "d" * 64
REGISTERED = "2026-11-01T10:00:00.000001+00:00"
HELD = {
    "subjects": [("P1", "female", "123", "Ada Example", "1970-01-31"), ("P2", "unknown", None, None, None)],
    "samples": [
        ("KID", "P1", "female", "F1", "DAD", None, "HP:0001250;HP:0001263", "ORD-7", 1, "a/monday.csv", SHEET, CONTENT,
         3, "done", 1790000000.25, REGISTERED, None),
        ("DAD", "P2", "unknown", None, None, None, "", None, 0, "a/monday.csv", SHEET, EARLIER,
         1, "waiting", None, "2026-11-01T10:00:00.000002+00:00", "2026-11-02T10:00:00.000000+00:00"),
    ],
    "reads": [
        (name, lane, mate, f"L00{lane + 1}", f"/landing/{name}_{lane}_R{mate}.fastq", "9" * 32 if mate == 1 else None,
         5_000_000_000, 1_790_000_000_123_456_789, "f" * 64, "1" * 64 if name == "KID" else None)
        for name, lanes in (("KID", 2), ("DAD", 1)) for lane in range(lanes) for mate in (1, 2)
    ],
    "contents": [("KID", EARLIER), ("KID", CONTENT), ("DAD", EARLIER)],
    "digests": [("1" * 64, "KID", "L001", 1, "2026-11-01T11:00:00.000000+00:00")],
    "overrides": [
        ("KID", "raw_reads", "q30_fraction", "v2", "dr.jones", "a later hour, but first", "2026-11-03T00:00:00+00:00"),
        ("KID", "gvcf", "coverage", "v1", "dr.who", "an earlier hour, but second", "2026-11-02T00:00:00+00:00"),
    ],
    "refusals": [("a/tuesday.csv", "KID", 7, "duplicate sample id", "give another id")],
    "history": [
        (1, "2026-11-01T10:00:00+00:00", "KID", "new", '{"sheet": "a/monday.csv"}'),
        (2, "2026-11-01T12:00:00+00:00", "KID", "done", '{"attempt": 3}'),
        (9, "2026-11-02T10:00:00+00:00", "DAD", "withdrawn", '{"person": "dr.jones", "reason": "asked for it"}'),
    ],
}  # fmt: skip


@pytest.fixture(params=[1, 2])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that an earlier release made and used."""
    path = tmp_path / "samples.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(FIRST_RELEASE)
        if request.param == 2:
            db.executescript(SECOND_SCHEMA)
        for table, rows in HELD.items():
            columns = ", ".join(_columns_of_first_release(table))
            places = ", ".join("?" * len(rows[0]))
            db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)
        db.execute(f"PRAGMA user_version = {request.param}")
    db.close()
    return path


def _columns_of_first_release(table: str) -> list[str]:
    with sqlite3.connect(":memory:") as db:
        db.executescript(FIRST_RELEASE)
        return [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]


def test_every_row_of_an_earlier_release_is_there_afterwards(earlier: Path) -> None:
    SampleRegistry(earlier).samples()
    with sqlite3.connect(earlier) as db:
        for table, rows in HELD.items():
            columns = ", ".join(_columns_of_first_release(table))
            assert sorted(db.execute(f"SELECT {columns} FROM {table}"), key=str) == sorted(rows, key=str), table


def test_it_is_read_as_it_was_meant(earlier: Path) -> None:
    registry = SampleRegistry(earlier)
    kid = Person(
        "P1", Sex.FEMALE, family_id="F1", father_id="DAD", phenotype=("HP:0001250", "HP:0001263"), order_id="ORD-7",
        secondary_findings_consent=True,
    )  # fmt: skip
    lanes = tuple(
        Lane(f"L00{lane + 1}", Path(f"/landing/KID_{lane}_R1.fastq"), Path(f"/landing/KID_{lane}_R2.fastq"), "9" * 32)
        for lane in range(2)
    )
    assert registry.sample("KID") == RegisteredSample(
        "KID",
        kid,
        lanes,
        "a/monday.csv",
        SHEET,
        CONTENT,
        3,
        SampleStatus.DONE,
        REGISTERED,
        None,
    )
    assert registry.withdrawn() == ("DAD",) and registry.take_waiting(9) == ()
    assert registry.identity("P1") == Identity("P1", Sex.FEMALE, "123", "Ada Example", birth_date="1970-01-31")
    assert registry.overrides("KID") == tuple(Override(*row) for row in HELD["overrides"])
    assert [(each.event, each.details) for each in registry.history("KID")] == [
        ("new", {"sheet": "a/monday.csv"}),
        ("done", {"attempt": 3}),
    ]
    (refusal,) = registry.refusals("a/tuesday.csv")
    assert (refusal.sample, refusal.place, refusal.remedy) == ("KID", "line 7", "give another id")


def test_it_is_used_on(earlier: Path, tmp_path: Path) -> None:
    registry, zone = SampleRegistry(earlier), tmp_path / "landing"
    sister = entry(zone, "SIS", family_id="F1", ordered_genes=("PANK2",))
    assert registry.register([sister], sheet="b.csv", sheet_digest=SHEET).new == ("SIS",)
    assert [each.sample_id for each in registry.family_of("KID").others] == ["SIS"]
    registry.override_gate("KID", "gvcf", "coverage", "v3", person="dr.jones", reason="a third one")
    assert [each.data_version for each in registry.overrides("KID")] == ["v2", "v1", "v3"]
    assert registry.retry("KID", person="dr.jones").attempt == 4


def differences(location: Path | str) -> list[Any]:
    with open_database(location).reading() as db:
        context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE})
        return [each for each in compare_metadata(context, METADATA) if not _is_row_number(each)]


def _is_row_number(difference: Any) -> bool:
    """The first release did not say that its row numbers are never null; SQLite sees to it."""
    return isinstance(difference, list) and difference[0][:4] == ("modify_nullable", None, "history", "number")


def test_the_revisions_lead_to_the_tables_as_declared(location: Path | str) -> None:
    assert differences(location) == []


def test_so_they_do_from_an_earlier_release(earlier: Path) -> None:
    assert differences(earlier) == []


def test_a_file_made_anew_and_one_brought_up_to_date_are_the_same(earlier: Path, tmp_path: Path) -> None:
    def declared(path: Path) -> dict[str, list[Any]]:
        SampleRegistry(path).samples()
        with sqlite3.connect(path) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {
                table: [
                    sorted((*row[1:3], row[3] or row[5] > 0) for row in db.execute(f"PRAGMA table_info({table})")),
                    sorted(row[2:4] for row in db.execute(f"PRAGMA foreign_key_list({table})")),
                    sorted(row[1:5] for row in db.execute(f"PRAGMA index_list({table})") if row[3] == "c"),
                    [row[3:] for row in db.execute(f"PRAGMA table_list({table})")],
                ]
                for table in tables
            }

    assert declared(earlier) == declared(tmp_path / "new.sqlite")


def test_several_that_open_an_earlier_file_at_once_find_it_up_to_date(earlier: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [each.sample_id for each in SampleRegistry(earlier).samples()], range(8)))
    assert found == [["DAD", "KID"]] * 8


def test_what_cannot_be_brought_up_to_date_stays_as_it_was(earlier: Path) -> None:
    with sqlite3.connect(earlier) as db:
        db.execute("CREATE TABLE deliveries (mine TEXT)")
        before = list(db.iterdump()), db.execute("PRAGMA user_version").fetchone()
    for _ in range(2):
        with pytest.raises(RegistryError, match="table deliveries already exists") as caught:
            SampleRegistry(earlier).samples()
        assert caught.value.file == str(earlier)
    with sqlite3.connect(earlier) as db:
        assert (list(db.iterdump()), db.execute("PRAGMA user_version").fetchone()) == before


def test_a_platform_from_before_alembic_leaves_a_current_file_alone(tmp_path: Path) -> None:
    """It compares the number in the file's header with 1, and refuses what is higher."""
    path = tmp_path / "samples.sqlite"
    SampleRegistry(path).samples()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (int(revisions()[-1]),) > (1,)


def test_a_registry_of_a_newer_platform_is_refused(registry: SampleRegistry, location: Path | str) -> None:
    registry.samples()
    is_file = isinstance(location, Path)
    newer = "PRAGMA user_version = 999" if is_file else f"UPDATE {VERSION_TABLE} SET version_num = 999"
    with open_database(location).writing() as db:
        db.exec_driver_sql(newer)
    with pytest.raises(RegistryError, match=f"schema 999, this platform knows {len(revisions())}"):
        SampleRegistry(location).samples()


def test_alembic_is_not_imported_for_a_registry_that_is_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "samples.sqlite"
    SampleRegistry(path).samples()
    told = (
        "import sys; from pathlib import Path; from resources.registry import SampleRegistry;"
        "SampleRegistry(Path(sys.argv[1])).samples(); print('alembic' in sys.modules)"
    )
    for file, imported in ((path, "False"), (tmp_path / "new.sqlite", "True")):
        command = [sys.executable, "-c", told, str(file)]
        assert (
            subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip() == imported
        )


def test_revisions_are_numbered_without_a_gap() -> None:
    assert revisions() == tuple(f"{number:04}" for number in range(1, len(revisions()) + 1))
