"""Who a person is, as it lies in the registry: sealed with a key of that person's own.

The data key is made when somebody first says who the person is, and lies beside the samples as a key-encryption key
wraps it (:mod:`resources.keys`). What is said is sealed by AES-256-GCM under a nonce used once, bound to the person's
pseudonym, so that no row can be moved to another. To forget a person is to remove that one key: from then on a read
fails, of the registry as of every file that was sealed with it.

Rows of earlier releases, which stand there in the clear, are read as they are and sealed at the next start.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from resources.keys import KEY_BYTES, KeyEncryption, Wrapped
from resources.registry.contract import RegistryError
from resources.registry.samples import utc_now
from resources.registry.tables import person_keys, subjects
from resources.secrets import SecretError

SAID = ("mrn", "mrn_system", "name", "family", "given", "birth_date")
"""What is sealed, by column of earlier releases and field of :class:`engine.person.Identity`."""
_CLEARED: dict[str, Any] = dict.fromkeys(SAID, None) | {"given": ()}
_NONCE = 12


def seal_identity(db: Connection, keys: KeyEncryption, subject_id: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a person's row that hold what was said: sealed, and nothing in the clear."""
    text = json.dumps({name: said.get(name) for name in SAID}, sort_keys=True).encode()
    return {**_CLEARED, "sealed": base64.b64encode(seal(key_of(db, keys, subject_id), text, subject_id)).decode()}


def opened_identity(db: Connection, keys: KeyEncryption | None, row: Row[Any]) -> dict[str, Any]:
    """What a person's row says by field, opened where it is sealed.

    Raises:
        RegistryError: the person's key was destroyed, is not there, or does not open it.
    """
    facts: dict[str, Any] = dict(row._mapping)
    text = facts.pop("sealed")
    if text is None:
        return facts
    key = kept_key(db, required_keys(keys), row.subject_id)
    said: dict[str, Any] = json.loads(unseal(key, base64.b64decode(text), row.subject_id))
    return facts | said | {"given": tuple(said["given"] or ())}


def key_of(db: Connection, keys: KeyEncryption, subject_id: str) -> bytes:
    """A person's data key, made where there is none, also of one who was forgotten and is known again."""
    found = db.execute(select(person_keys).where(person_keys.c.subject_id == subject_id)).one_or_none()
    if found and found.wrapped:
        return kept_key(db, keys, subject_id)
    key = secrets.token_bytes(KEY_BYTES)
    values = _as_row(keys.wrap(key)) | {"made": utc_now(), "erased": None}
    if found:
        db.execute(update(person_keys).where(person_keys.c.subject_id == subject_id).values(values))
    else:
        db.execute(insert(person_keys).values(subject_id=subject_id, **values))
    return key


def kept_key(db: Connection, keys: KeyEncryption, subject_id: str) -> bytes:
    """A person's data key; RegistryError where it was destroyed, is not there, or cannot be opened."""
    found = db.execute(select(person_keys).where(person_keys.c.subject_id == subject_id)).one_or_none()
    if found is None or not found.wrapped:
        when = f" on {found.erased[:10]}" if found and found.erased else ""
        raise RegistryError(
            f"the key of {subject_id!r} was destroyed{when}: who the person is cannot be read again",
            remedy="nothing brings it back; if the person agrees anew, say who it is: genomics identify",
        )
    try:
        return keys.unwrap(_wrapped(found))
    except SecretError as error:
        raise RegistryError(error.problem, file=error.file, remedy=error.remedy) from error


def erase(db: Connection, subject_id: str) -> bool:
    """Destroy a person's key, and what an earlier release left in the clear; whether there was either."""
    was_there = is_readable(db, subject_id)
    gone = {"wrapped": None, "wrapped_by": None, "algorithm": None, "erased": utc_now()}
    mine = (person_keys.c.subject_id == subject_id, person_keys.c.wrapped.is_not(None))
    db.execute(update(person_keys).where(*mine).values(gone))
    db.execute(update(subjects).where(subjects.c.subject_id == subject_id).values(_CLEARED | {"identified": None}))
    return was_there


def is_readable(db: Connection, subject_id: str) -> bool:
    """Whether it can be read here who a person is: a key of theirs is there, or a row that an earlier release left."""
    key = select(person_keys.c.subject_id).where(
        person_keys.c.subject_id == subject_id, person_keys.c.wrapped.is_not(None)
    )
    return db.execute(key).first() is not None or bool(clear_rows(db, subject_id))


def wrap_again(db: Connection, keys: KeyEncryption) -> dict[str, int]:
    """Wrap every person's key with the current key-encryption key; how many were wrapped by which other one."""
    current, changed = keys.current, dict[str, int]()
    rows = db.execute(select(person_keys).where(person_keys.c.wrapped_by != current)).all()
    for row in rows:
        values = _as_row(keys.wrap(keys.unwrap(_wrapped(row))))
        db.execute(update(person_keys).where(person_keys.c.subject_id == row.subject_id).values(values))
        changed[row.wrapped_by] = changed.get(row.wrapped_by, 0) + 1
    return changed


def clear_rows(db: Connection, subject_id: str | None = None) -> Sequence[Row[Any]]:
    """Rows of persons whom an earlier release left in the clear: of all, or of one."""
    told = subjects.c.mrn.is_not(None) | subjects.c.name.is_not(None) | subjects.c.family.is_not(None)
    told |= subjects.c.birth_date.is_not(None) | subjects.c.identified.is_not(None)
    query = select(subjects).where(subjects.c.sealed.is_(None), told)
    return db.execute(query if subject_id is None else query.where(subjects.c.subject_id == subject_id)).all()


def seal_rows(db: Connection, keys: KeyEncryption) -> int:
    """Seal what an earlier release left in the clear; of how many persons."""
    rows = clear_rows(db)
    for row in rows:
        values = seal_identity(db, keys, row.subject_id, dict(row._mapping))
        db.execute(update(subjects).where(subjects.c.subject_id == row.subject_id).values(values))
    return len(rows)


def seal(key: bytes, content: bytes, bound_to: str) -> bytes:
    """Content sealed with a key: nonce, then ciphertext and tag of AES-256-GCM over it and what it is bound to."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, bound_to.encode())


def unseal(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """What :func:`seal` sealed; RegistryError where a bit of it, the key or what it is bound to is another."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise RegistryError(
            f"what is sealed of {bound_to!r} was changed, or belongs to somebody else",
            remedy="restore the registry from a backup, and find out who changed it",
        ) from error


def required_keys(keys: KeyEncryption | None) -> KeyEncryption:
    """The keys of the deployment; RegistryError where this registry was opened without."""
    if keys is None:
        raise RegistryError(
            "this registry was opened without keys", remedy="open it through the deployment's resources"
        )
    return keys


def _as_row(wrapped: Wrapped) -> dict[str, Any]:
    return {
        "wrapped": base64.b64encode(wrapped.key).decode(),
        "wrapped_by": wrapped.by,
        "algorithm": wrapped.algorithm,
    }


def _wrapped(row: Row[Any]) -> Wrapped:
    return Wrapped(row.wrapped_by, row.algorithm, base64.b64decode(row.wrapped))
