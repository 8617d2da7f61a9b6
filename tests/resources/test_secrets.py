"""Secrets are found where the deployment keeps them, for nobody else, and none stands in an option or a message."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from resources.environment import Settings, SettingsError
from resources.secrets import (
    EnvironmentFirst,
    FileSecrets,
    KeyringSecrets,
    SecretError,
    Secrets,
    VaultSecrets,
    filled_in,
    required,
    secrets_at,
)
from tests.builders.key_vault import KeyVault, asker, key_vault

PASSWORD = "p@ss/w%rd:1"


class InMemory(keyring.backend.KeyringBackend):
    """A keyring as a desktop has one; on a server there is none to ask."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVault]:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    with key_vault(tmp_path) as running:
        yield running


@pytest.fixture(params=["folder", "keyring", "vault"])
def secrets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secrets]:
    """Every place, empty."""
    if request.param == "folder":
        yield FileSecrets(tmp_path / "secrets")
    elif request.param == "vault":
        running: KeyVault = request.getfixturevalue("vault")
        yield VaultSecrets(running.url, asker(), running.options)
    else:
        before = keyring.get_keyring()
        keyring.set_keyring(InMemory())
        yield KeyringSecrets()
        keyring.set_keyring(before)


def test_every_place_keeps_replaces_and_forgets(secrets: Secrets) -> None:
    assert secrets.find("registry-password") is None
    secrets.keep("registry-password", "old")
    secrets.keep("registry-password", PASSWORD)
    assert (secrets.find("registry-password"), secrets.find("other")) == (PASSWORD, None)
    secrets.forget("registry-password")
    secrets.forget("registry-password")
    assert secrets.find("registry-password") is None


@pytest.mark.parametrize("name", ["", "../key", "a/b", "1st", "a b", "ü", "x" * 101])
def test_every_place_refuses_what_is_no_name(secrets: Secrets, name: str) -> None:
    for act in (secrets.find, secrets.forget, lambda it: secrets.keep(it, "x")):
        with pytest.raises(SecretError, match="is no name of a secret"):
            act(name)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path / "secrets")
    secrets.keep("key", PASSWORD)
    path = tmp_path / "secrets" / "key"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o640)
    with pytest.raises(SecretError, match="others may read the secret") as caught:
        secrets.find("key")
    assert PASSWORD not in str(caught.value)


def test_a_forgotten_file_is_overwritten_first(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.keep("key", PASSWORD)
    os.link(tmp_path / "key", tmp_path / "another-name-of-its-bytes")
    secrets.forget("key")
    assert (tmp_path / "another-name-of-its-bytes").read_bytes() == bytes(len(PASSWORD))


def test_the_environment_is_looked_at_first(tmp_path: Path) -> None:
    kept = FileSecrets(tmp_path)
    kept.keep("smtp-password", "from the file")
    secrets = EnvironmentFirst({"SECRET_SMTP_PASSWORD": "from the environment"}, kept)
    assert secrets.find("smtp-password") == "from the environment"
    assert EnvironmentFirst({}, kept).find("smtp-password") == "from the file"


def test_what_the_vault_does_not_allow_is_told_with_what_to_do(vault: KeyVault) -> None:
    vault.denied.add("forbidden")
    with pytest.raises(SecretError, match=r"does not let this identity do that \(403\).*Key Vault Secrets User"):
        VaultSecrets(vault.url, asker(), vault.options).find("forbidden")
    with pytest.raises(SecretError, match=r"does not let this identity do that \(401\)"):
        VaultSecrets(vault.url, type(asker())(), vault.options).find("anything")  # a token for the storage


def test_a_vault_that_is_not_there_is_told_at_once(vault: KeyVault) -> None:
    with pytest.raises(SecretError, match="Key Vault does not answer"):
        VaultSecrets("https://127.0.0.1:9", asker(), vault.options).find("key")


def test_without_the_library_of_a_place_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("azure.core.exceptions", "keyring"):
        monkeypatch.setitem(sys.modules, module, None)
    for place, extra in (("https://v.vault.azure.net", "azure"), ("keyring", "keyring")):
        for act in (secrets_at(place, tmp_path, {}).find, secrets_at(place, tmp_path, {}).forget):
            with pytest.raises(SecretError, match=rf"is not installed.*genomics-assets\[{extra}\]"):
                act("key")


def test_without_a_keyring_the_message_says_what_to_do() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[attr-defined]
    try:
        with pytest.raises(SecretError, match="the keyring does not answer"):
            KeyringSecrets().find("key")
    finally:
        keyring.set_keyring(before)


def test_an_option_names_the_place(tmp_path: Path) -> None:
    assert isinstance(secrets_at("https://v.vault.azure.net", tmp_path), VaultSecrets)
    assert secrets_at("keyring", tmp_path).place == "the environment or the keyring"
    assert secrets_at(None, tmp_path / "a").place.endswith("a")
    with pytest.raises(SecretError, match="is no place of secrets"):
        secrets_at("http://v.vault.azure.net", tmp_path)


def test_a_secret_is_filled_in_as_a_url_has_it(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.keep("db", PASSWORD)
    assert filled_in("postgresql://me:{secret:db}@h/d", secrets) == "postgresql://me:p%40ss%2Fw%25rd%3A1@h/d"
    with pytest.raises(SecretError, match="there is no secret 'other'"):
        filled_in("postgresql://me:{secret:other}@h/d", secrets)
    with pytest.raises(SecretError, match="there is no secret 'none'"):
        required(secrets, "none")


def test_the_deployments_options_name_secrets(tmp_path: Path) -> None:
    variables = {
        "GENOMICS_DATA": str(tmp_path),
        "GENOMICS_REGISTRY": "postgresql://me:{secret:db}@h/d",
        "SECRET_DB": "word",
    }
    settings = Settings.from_environment(variables)
    assert settings.registry == "postgresql://me:word@h/d" and "word" not in repr(settings)


@pytest.mark.parametrize("option", ["GENOMICS_REGISTRY", "GENOMICS_NOTIFY_SMTP"])
def test_in_azure_a_password_in_an_option_is_refused_and_not_repeated(tmp_path: Path, option: str) -> None:
    variables = {
        "GENOMICS_DATA": str(tmp_path),
        "GENOMICS_ENV": "azure",
        "GENOMICS_LAKE": "https://a.blob.core.windows.net/lake",
        option: "postgresql://me:hunter2@h/d",
    }
    with pytest.raises(SettingsError, match=f"{option} has a password in it") as caught:
        Settings.from_environment(variables)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["https://v/secrets/a", "http://v/keys/a", "https://v/keys/a/version", "keys/a"])
def test_a_key_is_named_by_its_url_without_a_version(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="GENOMICS_KEYS is"):
        Settings.from_environment({"GENOMICS_DATA": str(tmp_path), "GENOMICS_KEYS": key})
