"""Who may read what is kept, and what it tells: a whole deployment made under umask 000 is looked through byte by byte.

Nothing is open to others than owner and group; nobody's name, birth date or record number stands anywhere but in the
bundle, and sealed in the registry; subject and order stand where the docs say; and a withdrawn sample leaves what all
samples share.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from resources.environment import build_resources
from tests.builders.deployment import Delivery, Deployment, tiny_deployment, write_reads, write_sheet

pytestmark = pytest.mark.slow

STAYS, LEAVES = Delivery("demo-unrelated-1"), Delivery("demo-unrelated-2", sample="LEAVES-0000002")
IDENTITY = {
    "mrn": "MRN-7711223",
    "name": "Kunigunde Beispielhuber",
    "family": "Beispielhuber",
    "birth_date": "1958-03-17",
}
TELLING = ("Beispielhuber", "Kunigunde", "7711223", "1958-03-17", "19580317", "17.03.1958")
"""What would tell who the person is, however it is written."""
PRINTED = "printed"
"""Folder of what the jobs said to who started them."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two samples run to their reports, one of them of a person whose identity is known, and the cohort."""
    before = os.umask(0)
    try:
        made = tiny_deployment(tmp_path_factory.mktemp("open"))
        made.prepare()
        for delivery in (STAYS, LEAVES):
            write_reads(made.settings.landing, delivery)
        write_sheet(made.settings.landing / "sheet.csv", [STAYS.row(), LEAVES.row()])
        made.register()
        build_resources(made.settings).registry.identify(
            f"subject-of-{STAYS.sample_id}", given=("Kunigunde",), **IDENTITY
        )
        os.umask(0)
        (made.folder / PRINTED).mkdir()
        for job, sample in (("knowledge", None), ("sample", STAYS), ("sample", LEAVES), ("cohort", None)):
            done = made.execute(job, sample.sample_id if sample else None)
            assert done.returncode == 0, done.stderr[-6000:]
            (made.folder / PRINTED / f"{job}.{sample.sample_id if sample else ''}").write_text(
                done.stdout + done.stderr
            )
        yield made
    finally:
        os.umask(before)


def texts(path: Path) -> Iterator[bytes]:
    """What a file says: as it lies there, and unpacked where it is packed."""
    content = path.read_bytes()
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"PAR1":
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(number).to_dict() for number in range(file.num_row_groups)]
        yield f"{file.read().to_pydict()} {groups} {file.metadata.metadata}".encode()
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    if content.startswith(b"SQLite format 3"):
        yield from rows_of(path)


def rows_of(database: Path) -> Iterator[bytes]:
    """Every row of every table, which in the file may be torn over pages; what Dagster keeps packed is unpacked."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield b" ".join(zlib.decompress(one) if is_zlib(one) else str(one).encode() for one in row)


def is_zlib(value: object) -> bool:
    return isinstance(value, bytes) and value[:2] == b"\x78\x9c"


def files_that_tell(folder: Path, *words: str) -> set[str]:
    """Files below a folder in which one of the words stands by itself, relative to it; their names as well."""
    alternatives = "|".join(re.escape(word) for word in words)
    told = re.compile(rf"(?<![A-Za-z0-9_-])(?:{alternatives})(?![A-Za-z0-9_-])".encode())
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(told.search(text) for text in (path.name.encode(), *texts(path)))
    }


def test_no_file_or_folder_is_open_to_others_whatever_the_umask(deployment: Deployment) -> None:
    data, landing = deployment.settings.data, deployment.settings.landing
    found = [path for path in (data, *data.rglob("*")) if path.lstat().st_mode & 0o007]
    delivered = [path for path in found if path.parent == landing and path.name.endswith((".fastq.gz", ".csv"))]
    assert [path for path in found if path not in delivered] == []
    assert len(list((data / "dagster_home").rglob("*.db"))) > 4 and len(list((data / "lake").rglob("*.bam"))) == 2


def test_a_search_finds_what_is_packed(tmp_path: Path) -> None:
    import pyarrow as pa

    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x Kunigunde y"))
    pq.write_table(pa.table({"name": ["Beispielhuber"] * 9}), tmp_path / "b.parquet", compression="zstd")
    (tmp_path / "c.txt").write_text("AKunigundeB")
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x", "Kunigunde " * 9)
    for name, value in (("e.db", zlib.compress(b"x Kunigunde y")), ("f.db", "-" * 5000 + " Kunigunde " + "-" * 5000)):
        with closing(sqlite3.connect(tmp_path / name)) as connection, connection:
            connection.execute("CREATE TABLE kept (value)")
            connection.execute("INSERT INTO kept VALUES (?)", [value])
    assert files_that_tell(tmp_path, *TELLING) == {"a.gz", "b.parquet", "d.npz", "e.db", "f.db"}


def test_who_a_person_is_stands_in_the_bundle_alone_and_sealed_in_the_registry(deployment: Deployment) -> None:
    """Not in other artifacts, receipts, Delta tables and logs, Dagster's event database and metadata, audit, seals."""
    telling = files_that_tell(deployment.settings.data, *TELLING)
    bundles = {name for name in telling if name.startswith(f"lake/samples/{STAYS.sample_id}/fhir_bundle/")}
    assert telling == bundles == {name for name in bundles if name.endswith(".fhir.json")} != set()
    registry = build_resources(deployment.settings).registry
    assert registry.identity(f"subject-of-{STAYS.sample_id}").family == IDENTITY["family"]


def test_what_the_jobs_print_tells_nobody(deployment: Deployment) -> None:
    printed = deployment.folder / PRINTED
    assert len(files_that_tell(printed, STAYS.sample_id)) == 1, "it is what they said"
    assert files_that_tell(printed, *TELLING) == set()


def test_in_the_bundle_the_patient_alone_tells_who_it_is(deployment: Deployment, tmp_path: Path) -> None:
    """Not the narratives of other resources, nor the report that goes along."""
    lake = deployment.lake
    receipt = lake.require("fhir_bundle", STAYS.sample_id)
    bundle = json.loads(
        lake.path(receipt, next(one.name for one in receipt.files if one.name.endswith(".fhir.json"))).read_text()
    )
    attached = 0
    for number, entry in enumerate(bundle["entry"]):
        resource = entry["resource"]
        file = tmp_path / f"{resource['resourceType']}.{number}"
        file.write_text(json.dumps(resource, ensure_ascii=False))
        for data in re.findall(r'"data": "([A-Za-z0-9+/=]+)"', file.read_text()):
            file.with_name(f"{file.name}.{(attached := attached + 1)}").write_bytes(base64.b64decode(data))
    assert attached and {name.split(".")[0] for name in files_that_tell(tmp_path, *TELLING)} == {"Patient"}


def test_subject_and_order_stand_where_the_documents_say(deployment: Deployment) -> None:
    row = STAYS.row()
    found = files_that_tell(deployment.settings.data, row["subject_id"], row["order_id"])
    own = [f"lake/samples/{STAYS.sample_id}/{artifact}/" for artifact in REPORTS]
    documented = ("landing/sheet.csv", "registry/", "audit/audit.jsonl", *own)
    assert [name for name in found if not name.startswith(documented)] == []
    assert any(name.startswith(documented[-1]) for name in found)


REPORTS = ("statement", "clinical_report", "fhir_bundle")
"""Artifacts that name subject and order, by purpose: they go to who ordered (docs/data-layout.md)."""


def test_a_withdrawn_sample_leaves_what_all_samples_share(deployment: Deployment) -> None:
    data = deployment.settings.data
    gone = LEAVES.sample_id
    shared = ("cohort/", "lake/shared/cohort_tables/", "lake/shared/data_docs/")
    assert {shared[n] for n in range(3) for name in files_that_tell(data, gone) if name.startswith(shared[n])} == set(
        shared
    )
    done = deployment.run("genomics", "withdraw", gone, "--reason", "consent was taken back", "--person", "Dr Mendel")
    assert done.returncode == 0, done.stderr
    assert [name for name in files_that_tell(data, gone) if name.startswith("cohort/")] == []
    rebuilt = deployment.execute("cohort")
    assert rebuilt.returncode == 0, rebuilt.stderr[-6000:]
    allowed = (
        f"lake/samples/{gone}/",
        f"lake/.work/{gone}.",
        "landing/",
        "registry/",
        "audit/",
        "dagster_home/",
        "lake/shared/data_docs/history/",
    )
    assert [name for name in files_that_tell(data, gone) if not name.startswith(allowed)] == []
    assert files_that_tell(data / "cohort", STAYS.sample_id), "the other one is still there"
