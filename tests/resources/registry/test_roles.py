"""The platform's role in PostgreSQL: it does all that the platform does, and changes no table and no person's word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pg8000.dbapi
import pytest
from sqlalchemy import Table

from resources.registry import RegistryError, SampleRegistry, tables
from resources.registry.migrations import VERSION_TABLE
from resources.registry.roles import ONLY_ADDED, rights
from resources.registry.tables import METADATA
from resources.secrets import FileSecrets
from tests.builders.postgres import PASSWORD, QUOTED, PostgresServer
from tests.builders.sheets import entry

KNOWN = {"mrn": "77", "mrn_system": "urn:oid:1.2.3.4", "birth_date": "1958-03-17", "name": None}
INSUFFICIENT = "42501"
"""SQLSTATE: insufficient privilege."""


@pytest.fixture
def limited(postgres_server: PostgresServer, tmp_path: Path) -> tuple[SampleRegistry, str]:
    """The registry as the platform's role opens it, after its owner has made the tables; and the database."""
    from resources.keys import LocalKeyEncryption

    url = postgres_server.new_database()
    database = url.partition("@/")[2].partition("?")[0]
    SampleRegistry(url).samples()
    role = f"platform_{database}"
    postgres_server.query(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    command = [sys.executable, "-m", "resources.registry.roles", role]
    for statement in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(";\n"):
        if statement:
            postgres_server.query(statement, database)
    theirs = url.replace(f"tests:{QUOTED}", f"{role}:{QUOTED}")
    return SampleRegistry(theirs, LocalKeyEncryption(FileSecrets(tmp_path / "keys"))), database


def refused(server: PostgresServer, database: str, statement: str) -> str:
    """SQLSTATE of what the role is told."""
    with pg8000.dbapi.connect(
        f"platform_{database}", password=PASSWORD, database=database, unix_sock=str(server.socket)
    ) as db:
        with pytest.raises(pg8000.dbapi.DatabaseError) as error:
            db.cursor().execute(statement)
        return error.value.args[0]["C"]


def test_samples_are_registered_persons_sealed_and_forgotten(
    limited: tuple[SampleRegistry, str], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    registry, database = limited
    registry.register([entry(tmp_path, "S1")], sheet="sheet.csv", sheet_digest="d")
    (sample,) = registry.samples()
    subject = sample.person.subject_id
    registry.identify(subject, family="Beispielhuber", given=("Kunigunde",), **KNOWN)
    assert registry.identity(subject).family == "Beispielhuber"
    registry.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    before = postgres_server.query("SELECT pg_relation_filenode('person_keys')", database)
    assert registry.forget_person(subject)
    after = postgres_server.query("SELECT pg_relation_filenode('person_keys')", database)
    assert after != before, "what held the key was not written anew"
    with pytest.raises(RegistryError):
        registry.identity(subject)


def test_no_table_is_altered_emptied_or_dropped_and_nobodys_word_removed(
    limited: tuple[SampleRegistry, str], postgres_server: PostgresServer
) -> None:
    _, database = limited
    assert METADATA.tables.keys() >= ONLY_ADDED
    statements = [
        statement
        for table in (*METADATA.tables, VERSION_TABLE)
        for statement in (f"DROP TABLE {table}", f"TRUNCATE {table}", f"ALTER TABLE {table} ADD COLUMN more text")
    ]
    for statement in (*statements, *(f"DELETE FROM {table}" for table in ONLY_ADDED)):
        assert refused(postgres_server, database, statement) == INSUFFICIENT, statement


def test_nor_is_a_table_made_or_the_schemas_version_written(
    limited: tuple[SampleRegistry, str], postgres_server: PostgresServer
) -> None:
    _, database = limited
    for statement in ("CREATE TABLE mine (a int)", f"UPDATE {VERSION_TABLE} SET version_num = '1'"):
        assert refused(postgres_server, database, statement) == INSUFFICIENT


def test_no_program_of_ours_changes_or_removes_what_is_only_added_to() -> None:
    """Else the platform's role could not do what the platform does."""
    known = {name: table.name for name, table in vars(tables).items() if isinstance(table, Table)}
    assert known.keys() >= {"overrides", "samples"}
    code = "".join(path.read_text() for path in Path(tables.__file__).parent.glob("*.py"))
    changed = {known[name] for name in re.findall(r"\b(?:update|delete)\((\w+)\)", code) if name in known}
    assert "samples" in changed and not changed & ONLY_ADDED


@pytest.mark.parametrize("role", ['x"; DROP TABLE samples; --', "", "Platform"])
def test_a_role_whose_name_could_be_something_else_is_refused(role: str) -> None:
    with pytest.raises(RegistryError, match="no name of a role"):
        rights(role)
