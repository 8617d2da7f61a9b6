"""Where secrets lie: passwords, tokens and keys by name, and never in the configuration.

A deployment has one place for them. On one machine that is the environment, a folder of files for the platform's
account alone, or the operating system's keyring; in Azure it is Key Vault, which is asked with the platform's managed
identity. An option names a secret where a password would stand (:func:`filled_in`). No secret is repeated in a message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from engine.errors import GenomicsError
from engine.storage import storage_told

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
"""What a secret may be called: as Key Vault has it, so that one deployment's names serve in every place."""
KEYRING = "keyring"
"""Stands for the operating system's keyring where a place is named."""
_SERVICE = "genomics"
_NAMED = re.compile(r"\{secret:([^{}]*)\}")


class SecretError(GenomicsError):
    """A secret or a key is absent, or its place does not answer."""


class Secrets(Protocol):
    """A place of secrets."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def find(self, name: str) -> str | None:
        """A secret, absent where there is none of that name; SecretError where the place does not answer."""

    def keep(self, name: str, secret: str) -> None:
        """Keep a secret under a name, in place of what was there."""

    def forget(self, name: str) -> None:
        """Remove a secret; nothing happens where there is none."""


def secrets_at(place: str | None, folder: Path, variables: Mapping[str, str] = os.environ) -> Secrets:
    """The place that a deployment's option names.

    Args:
        place: ``keyring``, the URL of a Key Vault, or the path of a folder; absent for ``folder``.
        folder: where files lie by default.
        variables: of a deployment on one machine, the environment, which is looked at first.
    """
    if is_vault(place):
        return VaultSecrets(str(place))
    kept: Secrets = KeyringSecrets() if place == KEYRING else FileSecrets(Path(place).expanduser() if place else folder)
    return EnvironmentFirst(variables, kept)


def is_vault(place: str | None) -> bool:
    """Whether a place is a Key Vault's URL; SecretError where it is a URL without TLS."""
    scheme, separator, _ = (place or "").partition("://")
    if separator and scheme != "https":
        raise SecretError(f"{place!r} is no place of secrets", remedy="write https://<vault>.vault.azure.net")
    return bool(separator)


def required(secrets: Secrets, name: str) -> str:
    """A secret that must be there.

    Raises:
        SecretError: it is not, or the place does not answer.
    """
    found = secrets.find(name)
    if found is None:
        raise SecretError(f"there is no secret {name!r} in {secrets.place}", remedy="put it there under that name")
    return found


def filled_in(value: str, secrets: Secrets) -> str:
    """An option's value with ``{secret:NAME}`` replaced by that secret, written as a URL has it.

    Raises:
        SecretError: a secret is not there, or the place does not answer.
    """
    return _NAMED.sub(lambda named: quote(required(secrets, named[1]), safe=""), value)


def has_password(value: str) -> bool:
    """Whether a URL has a password that stands in it as it is."""
    with suppress(ValueError):
        password = urlsplit(value).password
        return bool(password) and not _NAMED.fullmatch(str(password))
    return False


@dataclass(frozen=True)
class FileSecrets:
    """A folder of one file a secret, for its owner alone.

    Attributes:
        folder: made at first use.
    """

    folder: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def find(self, name: str) -> str | None:
        """See :class:`Secrets`; SecretError where others than the owner may read the file."""
        path = self._path(name)
        try:
            mode, text = path.stat().st_mode, path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(
                "the secret cannot be read", file=path, remedy="let the platform's account read it"
            ) from error
        if mode & 0o077:
            raise SecretError(
                "others may read the secret", file=path, remedy=f"chmod 600 {path}, and change the secret"
            )
        return text.removesuffix("\n")

    def keep(self, name: str, secret: str) -> None:
        """See :class:`Secrets`: written whole, or not at all."""
        path = self._path(name)
        with storage_told(path):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(secret)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)

    def forget(self, name: str) -> None:
        """See :class:`Secrets`: overwritten before it is removed, as far as the disk lets."""
        path = self._path(name)
        with storage_told(path), suppress(FileNotFoundError):
            with path.open("r+b") as stream:
                stream.write(bytes(path.stat().st_size))
                stream.flush()
                os.fsync(stream.fileno())
            path.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / _legal(name)


@dataclass(frozen=True)
class KeyringSecrets:
    """The keyring of the operating system: Secret Service, macOS Keychain, Windows Credential Locker.

    Attributes:
        service: under which they are kept there.
    """

    service: str = _SERVICE

    @property
    def place(self) -> str:
        """The keyring."""
        return "the keyring"

    def find(self, name: str) -> str | None:
        """See :class:`Secrets`."""
        with self._told() as keyring:
            found: str | None = keyring.get_password(self.service, _legal(name))
            return found

    def keep(self, name: str, secret: str) -> None:
        """See :class:`Secrets`."""
        with self._told() as keyring:
            keyring.set_password(self.service, _legal(name), secret)

    def forget(self, name: str) -> None:
        """See :class:`Secrets`."""
        with self._told() as keyring:
            if keyring.get_password(self.service, _legal(name)) is not None:
                keyring.delete_password(self.service, name)

    @contextmanager
    def _told(self) -> Iterator[Any]:
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError as error:
            raise _no_library("for the keyring", "keyring") from error
        try:
            yield keyring
        except KeyringError as error:
            raise SecretError(
                f"the keyring does not answer ({type(error).__name__})",
                remedy="unlock it, or keep secrets in a folder: leave GENOMICS_SECRETS unset",
            ) from error


@dataclass(frozen=True)
class EnvironmentFirst:
    """The environment, and another place for what it does not have; a name is written ``SECRET_NAME`` there.

    Attributes:
        variables: the environment.
        kept: the other place, in which alone is written.
    """

    variables: Mapping[str, str] = field(repr=False)
    kept: Secrets

    @property
    def place(self) -> str:
        """Both."""
        return f"the environment or {self.kept.place}"

    def find(self, name: str) -> str | None:
        """See :class:`Secrets`."""
        return self.variables.get(f"SECRET_{_legal(name).upper().replace('-', '_')}") or self.kept.find(name)

    def keep(self, name: str, secret: str) -> None:
        """See :class:`Secrets`."""
        self.kept.keep(name, secret)

    def forget(self, name: str) -> None:
        """See :class:`Secrets`."""
        self.kept.forget(name)


@dataclass(frozen=True)
class VaultSecrets:
    """Azure Key Vault, asked with the platform's identity.

    Attributes:
        url: of the vault.
        credential: who asks; absent for the platform's managed identity.
        options: further ones of ``azure.keyvault.secrets.SecretClient``.
    """

    url: str
    credential: Any = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The vault's URL."""
        return self.url

    def find(self, name: str) -> str | None:
        """See :class:`Secrets`."""
        with vault_told(self.url), _where_there_is_one():
            return self._client.get_secret(_legal(name)).value
        return None

    def keep(self, name: str, secret: str) -> None:
        """See :class:`Secrets`; Key Vault keeps the earlier version beside it."""
        with vault_told(self.url):
            self._client.set_secret(_legal(name), secret)

    def forget(self, name: str) -> None:
        """See :class:`Secrets`; Key Vault can bring it back for as long as its soft delete says."""
        with vault_told(self.url), _where_there_is_one():
            self._client.begin_delete_secret(_legal(name))

    @cached_property
    def _client(self) -> SecretClient:
        with vault_told(self.url):
            from azure.keyvault.secrets import SecretClient

            return SecretClient(self.url, self.credential or signed_in(), **self.options)


def signed_in() -> Any:
    """The platform's identity: managed or workload identity, or whoever signed in on this machine; never a key."""
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise _no_library("that signs in to Azure", "azure") from error
    return DefaultAzureCredential()


@contextmanager
def vault_told(place: str, roles: str = "the roles Key Vault Secrets User and Key Vault Crypto User") -> Iterator[None]:
    """Raise what Key Vault says as an error of ours; that something is not there is passed on.

    Args:
        place: what is asked for, as it is told.
        roles: what an identity needs for it.
    """
    try:
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
    except ImportError as error:
        raise _no_library("for Key Vault", "azure") from error
    try:
        yield
    except ResourceNotFoundError:
        raise
    except HttpResponseError as error:
        if error.status_code not in (401, 403):
            raise _silent(place, f"{error.status_code}") from error
        raise SecretError(
            f"Key Vault does not let this identity do that ({error.status_code})",
            file=place,
            remedy=f"give whom the platform asks as {roles}",
        ) from error
    except (AzureError, ValueError) as error:
        raise _silent(place, type(error).__name__) from error
    except ModuleNotFoundError as error:
        raise _no_library("for Key Vault", "azure") from error


def _where_there_is_one() -> AbstractContextManager[None]:
    """Nothing happens where Key Vault has none of that name; within :func:`vault_told`, which tells of no library."""
    from azure.core.exceptions import ResourceNotFoundError

    return suppress(ResourceNotFoundError)


def _no_library(what: str, extra: str) -> SecretError:
    return SecretError(f"the library {what} is not installed", remedy=f"pip install 'genomics-assets[{extra}]'")


def _silent(place: str, why: str) -> SecretError:
    return SecretError(
        f"Key Vault does not answer ({why})",
        file=place,
        remedy="check its address, its firewall and the private endpoint",
    )


def _legal(name: str) -> str:
    if not NAME.fullmatch(name):
        raise SecretError(
            f"{name!r} is no name of a secret", remedy="use letters, digits and -, at most 100, a letter first"
        )
    return name
