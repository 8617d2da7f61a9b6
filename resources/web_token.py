"""The token of the web UI: a file that the platform's account alone can read, made when it is first asked for.

The door asks for it (:mod:`portal.door`); who starts the server prints it in the address that a person opens.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from engine.errors import GenomicsError
from resources.environment import Settings

PORTAL = "/portal"
"""Path of the clinicians' portal on the same server."""
_LENGTH = 43
"""Characters of 32 random bytes in URL-safe base64."""


class TokenError(GenomicsError):
    """The file of the token does not hold one."""


def token_file(settings: Settings) -> Path:
    """Where the token of this deployment lies."""
    return settings.data / "web" / "token"


def web_token(settings: Settings) -> str:
    """The token of this deployment; made when it is first asked for, in a file for its owner alone."""
    path = token_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        _create(path)
    token = path.read_text().strip()
    if len(token) < _LENGTH or not token.isascii():
        raise TokenError("the file holds no token of the web UI", remedy="remove it, and start again", file=path)
    path.chmod(0o600)
    return token


def web_address(settings: Settings, port: int, path: str = "/") -> str:
    """What a person opens: the web UI's URL with the token, or that of another path of the same server."""
    return f"http://127.0.0.1:{port}{path}?{urlencode({'token': web_token(settings)})}"


def _create(path: Path) -> None:
    """Whole or not at all, also where two servers start at once."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
