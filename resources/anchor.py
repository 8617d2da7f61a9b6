"""The audit log's anchor: how far the log had come, kept outside of it, so that a log that lost its end is found.

A chain of digests shows every change but one: whoever takes lines off its end, or empties, deletes or rewrites it as a
whole, leaves a sound chain. The anchor is the number of entries and the digest of the last, under a seal
(:mod:`resources.seals`) whose key lies beside it: it can be put back or removed, but not forged without that key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.storage import storage_told
from resources.seals import Seals

_NAME = "audit"


@dataclass(frozen=True)
class AuditHead:
    """How far the log had come: the number of entries and the sha256 of the last one.

    Attributes:
        entries: lines of the log.
        digest: sha256 of the last line, hex.
        end: bytes of the log up to and with that line; it says where to look, and decides nothing.
    """

    entries: int
    digest: str
    end: int = field(default=0, compare=False)


class Anchor:
    """Where the head of one log is kept.

    Args:
        folder: made at first use, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seals = Seals(folder)

    def exists(self) -> bool:
        """Whether the log was ever anchored here."""
        return self._seals.exists(_NAME)

    def read(self) -> AuditHead | None:
        """The head kept last; absent where there is none that can be trusted."""
        kept = self._seals.read(_NAME)
        return AuditHead(kept["entries"], kept["digest"], kept["end"]) if kept else None

    def move(self, head: AuditHead) -> None:
        """Keep a head in place of the one before; StorageError where it cannot be."""
        with storage_told(self.folder):
            self._seals.keep(_NAME, {"entries": head.entries, "digest": head.digest, "end": head.end})
