"""What was learnt of files, kept on disk for the next process, as long as the files are untouched.

A fact is kept with the file's size, times of change and inode, and is used again only while all of them are the same.
The cache is one JSON file, replaced as a whole: several processes may write it, the last one wins and nothing is
wrong. A cache that is absent, damaged or cannot be written costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

Signature = tuple[int, ...]
_SETTLED = 2_000_000_000
"""Nanoseconds after which a second change of a file shows in its times, on the coarsest file systems too."""


def signature(facts: os.stat_result) -> Signature:
    """What of a file's status changes whenever its content does: size, times of change, device and inode.

    The time of the inode's change (``ctime``) cannot be set back as that of the content can.
    """
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_dev, facts.st_ino


class FileFacts:
    """Facts by key in one file, written to the first of some places that lets itself be written.

    Args:
        places: where the file may lie, in order of preference.
        learner: names the code that learns; what other code learnt is not used.
    """

    def __init__(self, places: Sequence[Path], learner: str) -> None:
        self._places = places
        self._learner = learner
        self._kept = next(filter(None, (_read(place, learner) for place in _newest_first(places))), {})
        self._changed = False

    def of(self, key: str, seen: Signature, learn: Callable[[], Any]) -> Any:
        """The fact kept under ``key`` if it was learnt of a file with this signature; otherwise learnt now.

        Args:
            key: names the file and the kind of fact.
            seen: signature of the file, taken before it is read.
            learn: reads the file; gives what JSON can hold.
        """
        kept = self._kept.get(key)
        if kept is not None and kept[0] == list(seen):
            return kept[1]
        fact = learn()
        # A file changed a moment ago may change once more without a new time: it is looked at again next time.
        if time.time_ns() - max(seen[1:3]) > _SETTLED:
            self._kept[key] = [list(seen), fact]
            self._changed = True
        return fact

    def save(self) -> None:
        """Write what was learnt, if anything was."""
        if self._changed:
            text = _sealed(json.dumps(self._kept, separators=(",", ":")), self._learner)
            any(_written(place, text) for place in self._places)
            self._changed = False


def cache_places(folder: Path, name: str) -> tuple[Path, ...]:
    """Beside the source, in ``__pycache__``; or in the user's cache folder, where the source is read-only."""
    tag = f"{name}.{sys.implementation.cache_tag}.json"
    places = [folder / "__pycache__" / tag]
    with suppress(RuntimeError):  # a user without a home has no such folder
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        places.append(home / "genomics-assets" / str(folder).strip("/").replace("/", "-") / tag)
    return tuple(places)


def _newest_first(places: Sequence[Path]) -> list[Path]:
    return sorted((place for place in places if place.is_file()), key=lambda place: -place.stat().st_mtime_ns)


def _sealed(text: str, learner: str) -> str:
    """The text below its digest, by which a damaged file, or one of other code, is told."""
    return f"{hashlib.sha256(f'{learner}{text}'.encode()).hexdigest()}\n{text}"


def _read(place: Path, learner: str) -> dict[str, list[Any]]:
    with suppress(OSError, ValueError):
        sealed = place.read_text()
        text = sealed.partition("\n")[2]
        if sealed == _sealed(text, learner):
            facts: dict[str, list[Any]] = json.loads(text)
            return facts
    return {}


def _written(place: Path, text: str) -> bool:
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text)
        temporary.replace(place)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return False
    return True
