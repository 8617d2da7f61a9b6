"""Keys that lock keys: what a person's data is sealed with is kept locked itself, by a key that lies elsewhere.

Every person has a data key (:mod:`resources.registry.sealed`). It is kept only as a key-encryption key wraps it, with
that key's full id beside it: after a rotation what the earlier one wrapped is opened with the earlier one. On one
machine the key-encryption keys lie in a place of secrets (:mod:`.secrets`), and wrap after RFC 3394; in Azure they are
RSA keys of Key Vault that never leave it, and wrap by RSA-OAEP-256. Wrapping needs the public half alone and happens
here, so that the vault's own log shows unwrapping only.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from resources.secrets import SecretError, Secrets, required, signed_in, vault_told

if TYPE_CHECKING:
    from azure.keyvault.keys import KeyClient

KEY_BYTES = 32
"""Of every symmetric key: AES-256."""
_NAMED, _LOCAL = "key-encryption-", "local:"
_CURRENT = f"{_NAMED}current"
_AES_WRAP, _RSA_WRAP = "AES-KW-256", "RSA-OAEP-256"


@dataclass(frozen=True)
class Wrapped:
    """A key as it is kept.

    Attributes:
        by: full id, version included, of the key that wraps it.
        algorithm: by which.
        key: the wrapped key.
    """

    by: str
    algorithm: str
    key: bytes


class KeyEncryption(Protocol):
    """What wraps the keys of persons."""

    @property
    def current(self) -> str:
        """Full id of the key that wraps now; one is made where there is none."""

    def wrap(self, key: bytes) -> Wrapped:
        """Lock a key with the current key-encryption key."""

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """The key, opened with the key-encryption key that wrapped it.

        Raises:
            SecretError: that one is gone, is another vault's, or does not open it.
        """

    def rotate(self) -> str:
        """Make another key-encryption key the current one; its id. Earlier ones still open what they wrapped."""

    def require_earlier(self, by: str) -> None:
        """SecretError unless an earlier key-encryption key of this place is there under that full id."""

    def destroy(self, by: str) -> None:
        """End an earlier key-encryption key: what it wrapped, in whichever backup, is opened by nobody again.

        Nothing happens where it is ended already.

        Raises:
            SecretError: it is the current one, or none of this place.
        """


@dataclass(frozen=True)
class LocalKeyEncryption:
    """Key-encryption keys in a place of secrets of this machine.

    Attributes:
        secrets: the place.
    """

    secrets: Secrets

    @property
    def current(self) -> str:
        """See :class:`KeyEncryption`."""
        return self.secrets.find(_CURRENT) or self.rotate()

    def wrap(self, key: bytes) -> Wrapped:
        """See :class:`KeyEncryption`."""
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        by = self.current
        return Wrapped(by, _AES_WRAP, aes_key_wrap(self._key(by), key))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """See :class:`KeyEncryption`."""
        from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

        _require(wrapped, of=_LOCAL, algorithm=_AES_WRAP, place=self.secrets.place)
        try:
            return aes_key_unwrap(self._key(wrapped.by), wrapped.key)
        except (InvalidUnwrap, ValueError) as error:
            raise _not_opened(wrapped.by) from error

    def rotate(self) -> str:
        """See :class:`KeyEncryption`."""
        name = f"{_NAMED}{uuid.uuid4().hex}"
        self.secrets.keep(name, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        self.secrets.keep(_CURRENT, f"{_LOCAL}{name}")
        return f"{_LOCAL}{name}"

    def require_earlier(self, by: str) -> None:
        """See :class:`KeyEncryption`."""
        self._refuse_other(by)
        self._key(by)

    def destroy(self, by: str) -> None:
        """See :class:`KeyEncryption`."""
        self._refuse_other(by)
        self.secrets.forget(by.removeprefix(_LOCAL))

    def _refuse_other(self, by: str) -> None:
        """Other secrets lie in the same place, which no id of a key may name."""
        _refuse_current(by, self.current)
        if not by.startswith(f"{_LOCAL}{_NAMED}") or f"{_LOCAL}{_CURRENT}" == by:
            raise _no_key(by, self.secrets.place)

    def _key(self, by: str) -> bytes:
        return base64.b64decode(required(self.secrets, by.removeprefix(_LOCAL)))


@dataclass(frozen=True)
class VaultKeyEncryption:
    """An RSA key of Azure Key Vault, in versions.

    Attributes:
        url: of the key, without a version: ``https://<vault>.vault.azure.net/keys/<name>``.
        credential: who asks; absent for the platform's managed identity.
        options: further ones of the clients of ``azure.keyvault.keys``.
    """

    url: str
    credential: Any = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def current(self) -> str:
        """See :class:`KeyEncryption`; the key itself is made where the vault is, not here."""
        return str(self._asked(lambda keys: keys.get_key(self._name)).id)

    def wrap(self, key: bytes) -> Wrapped:
        """See :class:`KeyEncryption`."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm

        found = self._asked(lambda keys: keys.get_key(self._name))
        wrapped = self._asked(lambda _: self._with(found).wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key))
        return Wrapped(str(found.id), _RSA_WRAP, wrapped.encrypted_key)

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """See :class:`KeyEncryption`. The vault named in the id is asked only where it is this one."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm

        _require(wrapped, of=f"{self.url}/", algorithm=_RSA_WRAP, place=self.url)
        opened = self._asked(
            lambda _: self._with(wrapped.by).unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped.key), by=wrapped.by
        )
        return bytes(opened.key)

    def rotate(self) -> str:
        """See :class:`KeyEncryption`."""
        # Crypto User, which is enough for all else, may not: learn.microsoft.com, Azure built-in roles for security.
        officer = "the role Key Vault Crypto Officer on this key, or rotate as a person who has it (az login)"
        return str(self._asked(lambda keys: keys.rotate_key(self._name), roles=officer).id)

    def require_earlier(self, by: str) -> None:
        """See :class:`KeyEncryption`."""
        version = self._earlier_version(by)
        self._asked(lambda keys: keys.get_key(self._name, version), by=by)

    def destroy(self, by: str) -> None:
        """See :class:`KeyEncryption`. Key Vault deletes no single version: it is disabled, for nobody to use."""
        version = self._earlier_version(by)
        self._asked(lambda keys: keys.update_key_properties(self._name, version, enabled=False), by=by)

    def _earlier_version(self, by: str) -> str:
        _refuse_current(by, self.current)
        version = by.removeprefix(f"{self.url}/")
        if not by.startswith(f"{self.url}/") or not version or "/" in version:
            raise _no_key(by, self.url)
        return version

    @property
    def _name(self) -> str:
        return self.url.rpartition("/")[2]

    @cached_property
    def _signed_in(self) -> Any:
        return self.credential or signed_in()

    @cached_property
    def _client(self) -> KeyClient:
        from azure.keyvault.keys import KeyClient

        parts = urlsplit(self.url)
        return KeyClient(f"{parts.scheme}://{parts.netloc}", self._signed_in, **self.options)

    def _with(self, key: Any) -> Any:
        from azure.keyvault.keys.crypto import CryptographyClient

        return CryptographyClient(key, self._signed_in, **self.options)

    def _asked(self, ask: Callable[[KeyClient], Any], by: str | None = None, **told: str) -> Any:
        with vault_told(self.url, **told):
            from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

            try:
                return ask(self._client)
            except ResourceNotFoundError as error:
                raise SecretError(
                    "there is no such key in Key Vault", file=by or self.url, remedy="create it, or restore it there"
                ) from error
            except HttpResponseError as error:
                if by and error.status_code == 400:
                    raise _not_opened(by) from error
                raise


def key_encryption(place: str | None, secrets: Secrets) -> KeyEncryption:
    """What wraps keys in a deployment.

    Args:
        place: URL of a key of Key Vault; absent for keys that lie among the secrets.
        secrets: the deployment's place of secrets.
    """
    return VaultKeyEncryption(place.rstrip("/")) if place else LocalKeyEncryption(secrets)


def _require(wrapped: Wrapped, *, of: str, algorithm: str, place: str) -> None:
    """A row of the database must not decide which address is asked."""
    if not wrapped.by.startswith(of) or wrapped.algorithm != algorithm:
        raise SecretError(
            f"a person's key is wrapped by {wrapped.by} ({wrapped.algorithm}), which is none of {place}",
            remedy="let GENOMICS_KEYS name the place of that key",
        )


def _refuse_current(by: str, current: str) -> None:
    if by == current:
        raise SecretError(f"{by} is the key that wraps now", remedy="rotate first: genomics keys --rotate")


def _no_key(by: str, place: str) -> SecretError:
    return SecretError(f"{by!r} is no key of {place}", remedy="name one as genomics keys shows it")


def _not_opened(by: str) -> SecretError:
    return SecretError(f"a person's key is not opened by {by}", remedy="restore registry and keys from one backup")
