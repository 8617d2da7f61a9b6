"""Which versions do the work: of installed packages and of the engine's own code, as receipts record them.

>>> versions("pysam", code=("reads",)).keys()
dict_keys(['engine.reads', 'pysam'])
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ENGINE = Path(__file__).parent


def versions(*packages: str, code: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions by name, ordered by name.

    Args:
        packages: installed distributions.
        code: folders of the engine, whose version is a digest of their source: a changed line is another tool.
    """
    found = {name: version(name) for name in packages} | {f"engine.{name}": code_digest(name) for name in code}
    return dict(sorted(found.items()))


@cache
def code_digest(folder: str) -> str:
    """The first 12 hex digits of a sha256 over an engine folder's source and data files, nested folders included."""
    digest = hashlib.sha256()
    for path in sorted((ENGINE / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ENGINE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
