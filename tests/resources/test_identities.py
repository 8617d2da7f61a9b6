"""Who the persons are: said and looked up on a person's word, and named nowhere but in registry and bundle."""

from __future__ import annotations

import ast
import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.errors import GateError
from engine.person import Identity
from resources.audit import AuditLog
from resources.environment import PROJECT, Settings, build_resources
from resources.identities import DESTROYED, IDENTIFIED, LOOKED_UP, ROTATED, Identities
from resources.keys import LocalKeyEncryption
from resources.recovery import recover
from resources.registry import RegistryError, SampleRegistry
from resources.secrets import FileSecrets, SecretError
from tests.builders.sheets import entry

ADA = Identity(
    "P-S1",
    mrn="H-4711",
    mrn_system="urn:oid:1.2.3.4",
    family="Example",
    given=("Ada", "Mary"),
    birth_date="1970-01-31",
)
REASON = "the hospital told it with the order"


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    registry = SampleRegistry(tmp_path / "samples.sqlite", LocalKeyEncryption(FileSecrets(tmp_path / "keys")))
    registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    return Identities(registry, AuditLog(tmp_path / "audit.jsonl"))


def test_an_identity_is_kept_with_who_assigned_its_number_and_when_it_was_said(identities: Identities) -> None:
    assert identities.identified("P-S1") is None
    identities.identify(ADA, person="Dr Example", reason=REASON)
    found = identities.look_up("P-S1", who="Dr Example", purpose="the report")
    assert (found.mrn, found.mrn_system, found.family, found.given) == (
        "H-4711",
        "urn:oid:1.2.3.4",
        "Example",
        ADA.given,
    )
    assert found.identified == identities.identified("P-S1")


def test_each_look_and_each_word_is_written_down_and_neither_names_the_person(identities: Identities) -> None:
    identities.identify(ADA, person="Dr Example", reason=REASON)
    identities.look_up("P-S1", who="Dr Look", purpose="a question of the ward", sample="S1")
    told = {entry.event.what: entry.event for entry in identities.audit.entries()}
    assert told[IDENTIFIED].who == "Dr Example" and "mrn" in told[IDENTIFIED].details["fields"]
    assert (told[LOOKED_UP].who, told[LOOKED_UP].sample) == ("Dr Look", "S1")
    log = identities.audit.path.read_text()
    assert not [word for word in ("H-4711", 'Example",', "Ada", "Mary", "1970-01-31") if word in log]


def test_a_look_that_cannot_be_written_down_is_not_answered(
    identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities.identify(ADA, person="Dr Example", reason=REASON)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(identities.audit, "record", full)
    with pytest.raises(OSError, match="No space left"):
        identities.look_up("P-S1", who="Dr Look", purpose="a question of the ward")


def test_an_unknown_subject_is_refused(identities: Identities) -> None:
    with pytest.raises(RegistryError, match="not registered"):
        identities.identify(Identity("P9", mrn="1"), person="Dr Example", reason=REASON)
    assert identities.identified("P9") is None


def test_who_is_forgotten_stays_so_when_an_old_registry_comes_back(tmp_path: Path) -> None:
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    platform.registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    platform.identities.identify(ADA, person="Dr Example", reason=REASON)
    file = tmp_path / "data" / "registry" / "samples.sqlite"
    with sqlite3.connect(file) as db, sqlite3.connect(tmp_path / "backup.sqlite") as backup:
        db.backup(backup)
    platform.decisions.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    assert platform.identities.forget("P-S1", person="Dr Example", reason="consent was withdrawn")
    for name in ("samples.sqlite-wal", "samples.sqlite-shm"):
        (file.parent / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.sqlite", file)
    assert platform.registry.identity("P-S1").family == "Example"
    told = recover(platform)
    assert any("P-S1 was forgotten by Dr Example" in line for line in told) and recover(platform) == ()
    with pytest.raises(RegistryError, match="was destroyed"):
        platform.registry.identity("P-S1")


def test_forgetting_and_rotating_want_a_person_and_a_reason(identities: Identities) -> None:
    for act in (
        lambda: identities.forget("P-S1", person="Dr Example", reason="no"),
        lambda: identities.rotate_keys(person="", reason=REASON),
        lambda: identities.destroy_key("local:x", person="Dr Example", reason=""),
    ):
        with pytest.raises(GateError, match="needs a person and a reason"):
            act()


def test_a_rotation_is_written_down(identities: Identities) -> None:
    identities.identify(ADA, person="Dr Example", reason=REASON)
    before = identities.registry.current_key()
    after = identities.rotate_keys(person="Dr Example", reason="the yearly rotation")
    identities.destroy_key(before, person="Dr Example", reason="the yearly rotation")
    told = [entry.event for entry in identities.audit.entries()]
    assert [one.details["current"] for one in told if one.what == ROTATED] == [after]
    assert [one.details["key"] for one in told if one.what == DESTROYED] == [before]
    assert identities.registry.identity("P-S1").family == "Example"


def test_a_key_that_is_none_is_refused_before_anything_is_written_or_removed(identities: Identities) -> None:
    """Other secrets lie in the same folder; and what is written down, every start would try to complete."""
    identities.identify(ADA, person="Dr Example", reason=REASON)
    current = identities.registry.current_key()
    secrets = FileSecrets(identities.audit.path.parent / "keys")
    secrets.keep("database", "top secret")
    written = identities.audit.head()
    for by in (
        *("database", "local:database", "key-encryption-current", "local:key-encryption-current"),
        *(current, current.removeprefix("local:"), "local:key-encryption-0000", "../keys/database"),
    ):
        with pytest.raises((RegistryError, SecretError)):
            identities.destroy_key(by, person="Dr Example", reason=REASON)
        with pytest.raises((RegistryError, SecretError)):
            identities.registry.destroy_key("local:database")
    assert secrets.find("database") == "top secret" and identities.registry.identity("P-S1").family == "Example"
    assert identities.audit.head() == written and identities.audit.open_intents() == []


def test_who_was_forgotten_is_not_sealed_anew_out_of_a_registry_that_kept_persons_in_the_clear(tmp_path: Path) -> None:
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    platform.registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    platform.decisions.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    platform.identities.forget("P-S1", person="Dr Example", reason="consent was withdrawn")
    with platform.registry.database.writing() as db:
        db.exec_driver_sql("UPDATE subjects SET family = 'Example', given = '[\"Ada\"]'")
    assert platform.registry.identity("P-S1").family == "Example", "as an earlier release had it"
    told = recover(platform)
    assert any("P-S1 was forgotten by Dr Example" in line for line in told) and recover(platform) == ()
    found = platform.registry.identity("P-S1")
    assert (found.family, found.given, platform.registry.key_counts()) == (None, (), {})


def test_a_start_takes_nothing_off_the_disk_where_everybody_is_forgotten_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL writes two tables anew for that, which nobody reads meanwhile; every command is a start."""
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    platform.registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    platform.identities.identify(ADA, person="Dr Example", reason=REASON)
    platform.decisions.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    platform.identities.forget("P-S1", person="Dr Example", reason="consent was withdrawn")
    purged: list[str] = []
    monkeypatch.setattr(type(platform.registry.database), "purge", lambda _: purged.append("again"))
    assert recover(platform) == () and purged == []


def test_no_other_code_asks_the_registry_who_a_person_is() -> None:
    asking = {
        path.relative_to(PROJECT).as_posix()
        for package in ("resources", "console", "engine", "genomics_assets", "portal", "demo")
        for path in (PROJECT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "identity"
        if "registry" in ast.unparse(node.func.value)
    }
    assert asking == {"resources/identities.py"}
