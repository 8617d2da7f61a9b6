"""A deployment's backup: registry, audit log with its anchor, lake and cohort, all as of one moment.

The files of versions are never changed, so that they are copied first, and those that an earlier backup in the same
folder has are linked to it. Then, while no deed is under way, follows what was added since and all that does change. A
manifest with the sha256 of every file is written last: a folder without one is no backup. Keys and passwords are left
out and kept apart, so that the registry of a stolen backup tells nobody who a person is. Bundles that name a person lie
in it as they lie in the lake, in the clear; how many is told.

A backup is restored where nothing is. An audit log that is there and goes on from the backup's is kept: what people
decided since, withdrawals above all, holds again at the next start.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import GenomicsError
from engine.storage import storage_told
from resources.forgetting import NAMES_PERSON

if TYPE_CHECKING:
    from resources.environment import Resources

MANIFEST = "manifest.json"
_REGISTRY, _ANCHOR = "registry/samples.sqlite", "anchor"
_KEPT = ("audit", "cohort")
"""Folders of the data that are kept beside the lake; Dagster's own state and what lies in the landing zone are not."""
_BLOCK = 1 << 20
BEGUN, MADE, RESTORED = "backup begun", "backup made", "backup restored"
"""Kinds of events in the audit log."""
_PLATFORM = "system"
_PATIENCE = 300.0


class BackupError(GenomicsError):
    """A backup cannot be made, or is not whole."""


@dataclass(frozen=True)
class Kept:
    """A file of a backup.

    Attributes:
        name: below the backup's folder.
        bytes: its size.
        sha256: of it, hex.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Made:
    """A backup that was made or restored.

    Attributes:
        folder: where it lies.
        files: how many.
        bytes: of them.
        linked: files that an earlier backup had.
        left_out: what it does not hold, in words.
        naming: bundles in force in it that name a person in the clear.
    """

    folder: Path
    files: int
    bytes: int
    linked: int = 0
    left_out: tuple[str, ...] = ()
    naming: int = 0


def back_up(platform: Resources, to: Path, *, person: str = _PLATFORM) -> Made:
    """Make a backup in a folder of its own below ``to``.

    The audit log has it before anything is copied, and again when it is whole.

    Args:
        platform: of the deployment.
        to: folder for backups.
        person: who makes it.

    Raises:
        BackupError: it would lie within the data, or deeds are under way for too long.
    """
    data, started = platform.settings.data, datetime.now(UTC)
    if to.resolve().is_relative_to(data):
        raise BackupError("a backup does not lie in what it backs up", file=to, remedy="name a folder on another disk")
    folder = to / started.strftime("%Y%m%dT%H%M%SZ")
    platform.audit.record(person, BEGUN, details=_place(folder))
    with storage_told(folder):
        folder.mkdir(parents=True, mode=0o700)
        copies = _Copies(folder, _newest(to, but=folder))
        for one in (one for one in platform.lake.kept() if not one.changes):
            copies.take(one.path, Path("lake", one.name), immutable=True)
        with _at_rest(platform):
            for one in platform.lake.kept():
                copies.take(one.path, Path("lake", one.name), immutable=not one.changes)
            for name in _KEPT:
                for path in _files_below(data / name):
                    copies.take(path, path.relative_to(data))
            for path in _files_below(platform.settings.anchor):
                copies.take(path, Path(_ANCHOR, path.relative_to(platform.settings.anchor)))
            for path in sorted(data.glob("*.yaml")):
                copies.take(path, Path(path.name))
            if isinstance(platform.settings.registry, Path) and platform.settings.registry.exists():
                copies.take_database(platform.settings.registry, Path(_REGISTRY))
        copies.drop_what_went()
        head = platform.audit.head()
        told = {
            "made": started.isoformat(),
            "platform": version("genomics-assets"),
            "audit_entries": head.entries,
            "files": [asdict(one) for one in copies.kept.values()],
        }
        _write_last(folder / MANIFEST, json.dumps(told, indent=1))
    kept = copies.kept.values()
    naming = _naming(platform) if any(name.startswith("lake/") for name in copies.kept) else 0
    made = Made(folder, len(kept), sum(one.bytes for one in kept), copies.linked, tuple(_left_out(platform)), naming)
    _write_down(platform, person, MADE, made)
    return made


def restore(platform: Resources, backup: Path, *, person: str = _PLATFORM) -> Made:
    """Put a backup into the deployment's data folder, every file compared with the manifest first.

    The audit log that is there then has it as its next line.

    Raises:
        BackupError: it is not whole, or something is there that it would replace.
    """
    files = read_manifest(backup)
    data, settings = platform.settings.data, platform.settings
    audit = platform.audit.path
    goes_on = _goes_on(audit, backup / "audit" / audit.name)
    for name in ("lake", "cohort", "registry", *(() if goes_on else ("audit",))):
        if any(_files_below(data / name)):
            raise BackupError(
                "a backup is restored where nothing is", file=data / name, remedy="move the folder away first"
            )
    with storage_told(data):
        for one in files:
            place = Path(one.name)
            if goes_on and place.parts[0] in ("audit", _ANCHOR):
                continue
            target = settings.anchor.joinpath(*place.parts[1:]) if place.parts[0] == _ANCHOR else data / place
            if one.name == _REGISTRY and isinstance(settings.registry, Path):
                target = settings.registry
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(backup / place, target)
    made = Made(backup, len(files), sum(one.bytes for one in files), 0, tuple(_left_out(platform)))
    _write_down(platform, person, RESTORED, made)
    return made


def _write_down(platform: Resources, person: str, what: str, made: Made) -> None:
    """What became of a backup, which its manifest's sha256 tells from any other."""
    digest = _sha256(made.folder / MANIFEST)
    platform.audit.record(person, what, details={**_place(made.folder), "files": made.files, "manifest": digest})


def _place(folder: Path) -> dict[str, str]:
    return {"folder": str(folder.resolve())}


def read_manifest(backup: Path) -> tuple[Kept, ...]:
    """The files of a backup, each read and found to be what the manifest says.

    Raises:
        BackupError: there is no manifest, so that the backup was not finished; or a file is missing or another one.
    """
    try:
        told = json.loads((backup / MANIFEST).read_text())["files"]
        files = tuple(Kept(str(one["name"]), int(one["bytes"]), str(one["sha256"])) for one in told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError("the backup was not finished", file=backup, remedy="restore an earlier one") from error
    for one in files:
        path = backup / one.name
        if not path.resolve().is_relative_to(backup.resolve()) or not path.is_file():
            raise BackupError("a file of the backup is missing", file=path, remedy="restore an earlier one")
        if _sha256(path) != one.sha256:
            raise BackupError("a file of the backup was changed", file=path, remedy="restore an earlier one")
    return files


class _Copies:
    """The files of a backup in the making."""

    def __init__(self, folder: Path, before: Path | None) -> None:
        self.folder, self.before = folder, before
        self.kept: dict[str, Kept] = {}
        self.linked = 0
        self._sources: dict[str, Path] = {}
        self._known = {one.name: one for one in _told(before)} if before else {}

    def take(self, source: Path, name: Path, *, immutable: bool = False) -> None:
        """Copy a file, or link it where the backup before has it; one that was taken already is left."""
        key, target = name.as_posix(), self.folder / name
        if immutable and key in self.kept:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        known = self._known.get(key) if immutable else None
        try:
            if known and known.bytes == source.stat().st_size and self._link(name, target):
                self.kept[key], self.linked = known, self.linked + 1
            else:
                self.kept[key] = Kept(key, *_copy(source, target))
        except FileNotFoundError:  # a version that was superseded meanwhile
            return
        self._sources[key] = source

    def _link(self, name: Path, target: Path) -> bool:
        """Link a file of the backup before; False where that went from it, or the disk has no links: it is copied."""
        if self.before is None:
            return False
        try:
            os.link(self.before / name, target)
        except OSError:
            return False
        return True

    def take_database(self, source: Path, name: Path) -> None:
        """Copy an SQLite file as of one moment, its write-ahead log included."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(source)) as db, closing(sqlite3.connect(target)) as copy:
            db.backup(copy)
        self.kept[name.as_posix()] = Kept(name.as_posix(), target.stat().st_size, _sha256(target))

    def drop_what_went(self) -> None:
        """Leave out versions that were superseded while the rest was copied."""
        for key, source in self._sources.items():
            if key.startswith("lake/") and not source.exists():
                (self.folder / key).unlink(missing_ok=True)
                del self.kept[key]


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


@contextmanager
def _at_rest(platform: Resources) -> Iterator[None]:
    """While no deed is under way and nobody contributes to the cohort."""
    until = time.monotonic() + _PATIENCE
    while True:
        with platform.audit.nobody_acts() as alone:
            if alone:
                with platform.warehouse.at_rest():
                    yield
                return
        if time.monotonic() > until:
            raise BackupError("deeds are under way without an end", remedy="back up when fewer runs go")
        time.sleep(0.05)


def _goes_on(audit: Path, kept: Path) -> bool:
    """Whether a log that is there begins with the backup's, and has more."""
    if not audit.is_file() or not kept.is_file():
        return False
    with audit.open("rb") as own, kept.open("rb") as old:
        while block := old.read(_BLOCK):
            if own.read(len(block)) != block:
                return False
    return True


def _newest(to: Path, *, but: Path) -> Path | None:
    whole = [path.parent for path in to.glob(f"*/{MANIFEST}") if path.parent != but]
    return max(whole, default=None)


def _told(backup: Path) -> list[Kept]:
    told = json.loads((backup / MANIFEST).read_text())["files"]
    return [Kept(**one) for one in told]


def _naming(platform: Resources) -> int:
    receipts = (platform.lake.previous(NAMES_PERSON, sample) for sample in platform.lake.samples())
    return sum(bool(one and one.measures.get("identified")) for one in receipts)


def _left_out(platform: Resources) -> Iterator[str]:
    yield "keys and passwords (secrets/): keep them apart"
    yield "Dagster's own state and the landing zone"
    if not isinstance(platform.settings.registry, Path):
        yield "the registry: its database is backed up by its server (pg_dump)"
    if platform.settings.lake is not None:
        yield "the lake: its container is kept by the storage (versions, soft delete)"


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Size and sha256 of what was copied."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as stream, target.open("wb") as copy:
        while block := stream.read(_BLOCK):
            digest.update(block)
            copy.write(block)
            size += len(block)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(source, target)
    return size, digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_last(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
