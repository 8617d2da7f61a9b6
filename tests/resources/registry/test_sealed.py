"""Who a person is lies sealed in the registry; without the person's key nothing and nobody reads it again.

Each test runs on both databases, some with keys of this machine and of Key Vault.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.keys import KeyEncryption, LocalKeyEncryption, VaultKeyEncryption, Wrapped
from resources.registry import RegistryError, SampleRegistry
from resources.registry.registry import open_database
from resources.secrets import FileSecrets, SecretError
from tests.builders.key_vault import asker, key_vault
from tests.builders.sheets import entry

ADA = {"mrn": "MRN-4711", "mrn_system": "urn:oid:1.2.3.4", "birth_date": "1970-01-31", "name": None}
TELLING = ("MRN-4711", "Beispielhuber", "Kunigundula", "1970-01-31", "S3VuaWd1bmR1bGE")  # the last is Base64


@pytest.fixture(params=["files", "vault"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyEncryption]:
    if request.param == "files":
        yield LocalKeyEncryption(FileSecrets(tmp_path / "keys"))
        return
    if not shutil.which("openssl") or "postgres" in request.node.callspec.params.values():
        pytest.skip("openssl is not installed, or the other database is tried with keys of this machine")
    with key_vault(tmp_path) as running:
        yield VaultKeyEncryption(running.key(), asker(), running.options)


@pytest.fixture
def sealed(location: Path | str, keys: KeyEncryption, zone: Path) -> SampleRegistry:
    """A registry that knows who P1 is, and has P2."""
    registry = SampleRegistry(location, keys)
    registry.register(
        [entry(zone, "S1", subject_id="P1"), entry(zone, "S2", subject_id="P2")], sheet="a.csv", sheet_digest="0"
    )
    registry.identify("P1", family="Beispielhuber", given=("Kunigundula",), **ADA)
    return registry


def everything_in(location: Path | str) -> str:
    """Every byte of the file and its log, or every row of the database's tables."""
    if isinstance(location, Path):
        return "".join(path.read_bytes().decode("latin-1") for path in location.parent.iterdir())
    with open_database(location).reading() as db:
        tables = db.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars().all()
        return "".join(str([*map(tuple, db.exec_driver_sql(f'SELECT * FROM "{table}"'))]) for table in tables)


def test_what_is_kept_tells_nobody_who_the_person_is(sealed: SampleRegistry, location: Path | str) -> None:
    assert sealed.identity("P1").family == "Beispielhuber"
    kept = everything_in(location)
    assert "P1" in kept and [word for word in TELLING if word in kept] == []


def test_each_person_has_a_key_of_their_own(sealed: SampleRegistry) -> None:
    sealed.identify("P2", family="Zweite", given=(), **ADA)
    assert sealed.person_key("P1") != sealed.person_key("P2") and len(sealed.person_key("P1")) == 32
    assert list(sealed.key_counts().values()) == [2]


def test_a_row_that_is_moved_to_another_person_is_refused(sealed: SampleRegistry, location: Path | str) -> None:
    sealed.identify("P2", family="Zweite", given=(), **ADA)
    with open_database(location).writing() as db:
        for table, column in (("subjects", "sealed"), ("person_keys", "wrapped")):
            value = f"(SELECT {column} FROM {table} WHERE subject_id = 'P1')"
            db.exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE subject_id = 'P2'")
    with pytest.raises(RegistryError, match="was changed, or belongs to somebody else"):
        sealed.identity("P2")


def test_a_person_who_is_forgotten_is_read_by_nobody_again(sealed: SampleRegistry, location: Path | str) -> None:
    before = everything_in(location)
    wrapped = wrapped_in(location)
    assert wrapped in before
    sealed.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    assert sealed.forget_person("P1")
    with pytest.raises(RegistryError, match=r"the key of 'P1' was destroyed on .* cannot be read again"):
        sealed.identity("P1")
    with pytest.raises(RegistryError, match="was destroyed"):
        sealed.person_key("P1")
    assert wrapped not in everything_in(location), "not in a page or the log either"
    assert not sealed.forget_person("P1") and sealed.forgotten("P1") and sealed.identified("P1") is None


def wrapped_in(location: Path | str) -> str:
    with open_database(location).reading() as db:
        return str(db.exec_driver_sql("SELECT wrapped FROM person_keys WHERE subject_id = 'P1'").scalar_one())


def test_nobody_is_forgotten_of_whom_a_sample_takes_part(sealed: SampleRegistry) -> None:
    with pytest.raises(RegistryError, match="samples of the person take part: S1"):
        sealed.forget_person("P1")
    assert sealed.identity("P1").mrn == "MRN-4711"


def test_who_agrees_anew_gets_another_key(sealed: SampleRegistry) -> None:
    first = sealed.person_key("P1")
    sealed.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    sealed.forget_person("P1")
    sealed.identify("P1", family="Neu", given=(), **ADA)
    assert sealed.identity("P1").family == "Neu" and sealed.person_key("P1") != first
    assert sealed.forgotten("P1") is None


def test_a_rotation_wraps_every_key_anew_and_loses_nobody(sealed: SampleRegistry, keys: KeyEncryption) -> None:
    before, key = keys.current, sealed.person_key("P1")
    after = sealed.rotate_keys()
    assert after != before and sealed.key_counts() == {after: 1}
    assert sealed.person_key("P1") == key and sealed.identity("P1").family == "Beispielhuber"


def test_what_an_earlier_key_wrapped_is_opened_by_it_until_it_is_destroyed(keys: KeyEncryption) -> None:
    wrapped = keys.wrap(b"k" * 32)
    before = keys.current
    assert wrapped.by == before
    keys.rotate()
    assert keys.unwrap(wrapped) == b"k" * 32
    with pytest.raises(SecretError, match="is not opened by"):
        keys.unwrap(Wrapped(keys.current, wrapped.algorithm, wrapped.key))
    with pytest.raises(SecretError, match="is the key that wraps now"):
        keys.destroy(keys.current)
    keys.destroy(before)
    with pytest.raises(SecretError):
        keys.unwrap(wrapped)


def test_a_backup_from_before_tells_nothing_once_its_key_is_destroyed(
    sealed: SampleRegistry, keys: KeyEncryption, location: Path | str, tmp_path: Path
) -> None:
    if not isinstance(location, Path):
        pytest.skip("a backup of a database server is not made here")
    sealed.samples()
    with sqlite3.connect(location) as db, sqlite3.connect(tmp_path / "backup.sqlite") as backup:
        db.backup(backup)
    restored = SampleRegistry(tmp_path / "backup.sqlite", keys)
    assert restored.identity("P1").family == "Beispielhuber"
    before = keys.current
    with pytest.raises(SecretError, match="is the key that wraps now"):
        SampleRegistry(tmp_path / "none.sqlite", keys).destroy_key(before)
    sealed.rotate_keys()
    sealed.withdraw("S1", person="Dr Example", reason="consent was withdrawn")
    sealed.forget_person("P1")
    sealed.destroy_key(before)
    with pytest.raises(RegistryError):
        restored.identity("P1")


def test_a_key_that_still_wraps_is_not_destroyed(sealed: SampleRegistry, keys: KeyEncryption) -> None:
    before = keys.current
    keys.rotate()
    with pytest.raises(RegistryError, match="still wraps the keys of 1 persons"):
        sealed.destroy_key(before)


def test_a_row_does_not_decide_which_vault_is_asked(sealed: SampleRegistry, location: Path | str) -> None:
    with open_database(location).writing() as db:
        db.exec_driver_sql("UPDATE person_keys SET wrapped_by = 'https://evil.example.org/keys/persons/1'")
    with pytest.raises(RegistryError, match=r"wrapped by https://evil\.example\.org.* which is none of"):
        sealed.identity("P1")


def test_what_an_earlier_release_left_in_the_clear_is_read_and_sealed(
    location: Path | str, keys: KeyEncryption, zone: Path
) -> None:
    registry = SampleRegistry(location, keys)
    registry.register([entry(zone, "S1", subject_id="P1")], sheet="a.csv", sheet_digest="0")
    with open_database(location).writing() as db:
        db.exec_driver_sql(
            "UPDATE subjects SET family = 'Beispielhuber', mrn = 'MRN-4711', given = '[\"Kunigundula\"]'"
        )
    before = registry.identity("P1")
    assert before.given == ("Kunigundula",) and "Beispielhuber" in everything_in(location)
    assert (registry.seal_identities(), registry.seal_identities()) == (1, 0)
    assert registry.identity("P1") == before
    assert [word for word in TELLING if word in everything_in(location)] == []


def test_without_keys_no_identity_is_taken_or_told(sealed: SampleRegistry, location: Path | str) -> None:
    without = SampleRegistry(location)
    with pytest.raises(RegistryError, match="opened without keys"):
        without.identify("P1", family="X", given=(), **ADA)
    with pytest.raises(RegistryError, match="opened without keys"):
        without.identity("P1")


def test_wrapping_asks_nobody_and_every_opening_is_in_the_vaults_own_log(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    with key_vault(tmp_path) as running:
        keys = VaultKeyEncryption(running.key(), asker(), running.options)
        wrapped = keys.wrap(b"k" * 32)
        assert not [asked for asked in running.asked if "wrapkey" in asked]
        keys.unwrap(wrapped)
        assert [asked for asked in running.asked if asked.endswith("/unwrapkey")]


def test_rotating_needs_a_role_that_wrapping_does_not_and_says_which(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    with key_vault(tmp_path) as running:
        keys = VaultKeyEncryption(running.key(), asker(), running.options)
        running.denied = {"keys/persons/rotate"}
        wrapped = keys.wrap(b"k" * 32)
        with pytest.raises(SecretError, match=r"\(403\).*the role Key Vault Crypto Officer on this key"):
            keys.rotate()
        assert keys.current == wrapped.by and keys.unwrap(wrapped) == b"k" * 32
