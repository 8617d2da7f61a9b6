"""Where numba keeps compiled kernels, and when it may use them again.

numba compiles a kernel together with the kernels and constants that it imports, yet asks only whether the kernel's
own file has changed: after an update of an imported file it would go on running the old code. Here a kernel's stamp
is the content of its file and of every file of the engine that it imports, directly or not, so that an update
compiles what it touches and nothing else. numba finds these classes by the environment variable that
:mod:`engine` sets.

Processes that need the same kernel at the same time compile it once, see :func:`compiled_once`.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from numba.core import caching

_ROOT = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r"^from (engine[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)


@cache
def source_stamp(path: Path) -> str:
    """Sha256 over the content of a Python file and of all that it imports of the engine at the top of the file."""
    digest = hashlib.sha256()
    for file in sorted(_with_imports(path)):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _with_imports(path: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = {path}
    while waiting:
        file = waiting.pop()
        found.add(file)
        waiting |= imported_files(file) - found
    return found


@cache
def imported_files(path: Path) -> set[Path]:
    """The engine's files that a Python file imports itself: modules, and the packages whose names it takes."""
    files: set[Path] = set()
    for module, names in _IMPORT.findall(path.read_text()):
        place = _ROOT.joinpath(*module.split("."))
        for name in re.findall(r"(\w+)(?: as \w+)?", names):
            candidates = (place / f"{name}.py", place.with_suffix(".py"), place / "__init__.py")
            files |= {next(file for file in candidates if file.exists())}
    return files


@contextmanager
def compiled_once(folder: Path, kernel: str) -> Iterator[None]:
    """While one process compiles a kernel, every other that needs it waits here, and then finds it on disk.

    A process that is killed waits for nobody and nobody for it. In a folder that cannot be written to nothing is kept
    on disk either, and no process waits.

    Args:
        folder: where the kernel is kept.
        kernel: its name there.
    """
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = (folder / f"{kernel}.lock").open("a")
    except OSError:
        yield
        return
    with lock:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):  # closing would not do: a process forked meanwhile holds the file too
                fcntl.flock(lock, fcntl.LOCK_UN)


class _StampedWithImports:
    _py_file: str

    def get_source_stamp(self) -> str:
        """What must be unchanged for a compiled kernel to be used again."""
        return source_stamp(Path(self._py_file))


class UserProvided(_StampedWithImports, caching.UserProvidedCacheLocator):
    """In the folder that ``NUMBA_CACHE_DIR`` names."""


class InTree(_StampedWithImports, caching.InTreeCacheLocator):
    """Beside the source, in ``__pycache__``."""


class UserWide(_StampedWithImports, caching.UserWideCacheLocator):
    """In the user's cache folder, where the source is read-only."""
