"""What the platform noted for itself and trusts again only if it wrote it: small JSON files under a secret key.

A note is kept with a keyed digest (HMAC) of its name and content. The key lies beside the notes, readable by the
account that runs the platform alone. Whoever can write to the lake but is not that account cannot forge a note; a
note that is absent, damaged, forged or moved reads as empty, and what it said is found out anew, at a cost. So a note
may save work, and never decides alone: ``genomics verify`` does without.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_KEY_BYTES = 32


class Seals:
    """The notes of one deployment.

    Args:
        folder: where they lie; made at first use, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = b""

    def read(self, name: str) -> dict[str, Any]:
        """The content written last under a name; empty where there is none that can be trusted."""
        with suppress(OSError, ValueError):
            mac, _, text = self._path(name).read_text("utf-8").partition("\n")
            if hmac.compare_digest(mac, self._mac(name, text)):
                content: dict[str, Any] = json.loads(text)
                return content
        return {}

    def exists(self, name: str) -> bool:
        """Whether there is a note of a name, to be trusted or not."""
        return self._path(name).exists()

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep a content under a name; where nothing can be written, nothing is kept."""
        with suppress(OSError):
            self._put(name, content, sync=False)

    def keep(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep a content under a name, on disk when this returns; OSError where that cannot be."""
        self._put(name, content, sync=True)

    def _put(self, name: str, content: Mapping[str, Any], *, sync: bool) -> None:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        mac = self._mac(name, text)
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            _write_new(temporary, f"{mac}\n{text}".encode(), sync=sync)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _mac(self, name: str, text: str) -> str:
        return hmac.new(self._secret(), f"{name}\n{text}".encode(), hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        """The key, made at first use; OSError where it can be neither read nor made."""
        if not self._key:
            path = self._folder / "key"
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists() or path.stat().st_size != _KEY_BYTES:
                path.unlink(missing_ok=True)
                _write_once(path, secrets.token_bytes(_KEY_BYTES))
            self._key = path.read_bytes()
        return self._key


def _write_new(path: Path, content: bytes, *, sync: bool) -> None:
    """A new file for its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        if sync:
            os.fsync(stream.fileno())


def _write_once(path: Path, content: bytes) -> None:
    """Write a file whole, unless another process was first."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_new(temporary, content, sync=True)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
