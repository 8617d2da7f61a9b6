"""The manifest of a sample's reads: which files, of which lane, with which content. It is what ``raw_reads`` publishes.

Read files are large and stay where they landed, or are given a second name in the lake; the manifest says where and
lets a later step see that they are still what was verified. Verifying is done in :mod:`engine.reads.intake`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import FastqError
from engine.files.text import read_text
from engine.reads.conventions import QualityEncoding
from engine.reads.file_digests import FileDigests
from engine.reads.lane import Lane
from engine.receipt import canonical_json, describe_file
from engine.reference.build import link_or_copy

MANIFEST = "reads.json"
_REMEDY = "put the file back as it was delivered; if the change is meant, materialize raw_reads again with recompute"


def write_manifest(
    lanes: Sequence[Lane], files: Sequence[FileDigests], folder: Path, *, base: Path, copy: bool
) -> None:
    """Write ``reads.json`` into ``folder``, and with ``copy`` the files beside it.

    Args:
        lanes: of the sample.
        files: every verified file of the sample.
        folder: the artifact's folder.
        base: the landing zone; a file's place is kept relative to it.
        copy: whether the files are linked or copied into ``folder``, and used from there.

    Raises:
        FastqError: a file does not lie in the landing zone.
    """
    encodings = {lane.name: lane.quality_encoding for lane in lanes}
    entries = []
    for file in files:
        require_landed(file.path, base)
        name = f"{file.lane}_R{file.mate}.fastq{'.gz' if file.path.suffix == '.gz' else ''}"
        if copy:
            link_or_copy(file.path, folder / name)
        place = name if copy else file.path.relative_to(base).as_posix()
        entries.append(
            {
                "lane": file.lane,
                "mate": file.mate,
                "file": place,
                "place": "lake" if copy else "landing zone",
                "bytes": file.bytes,
                "sha256": file.sha256,
                "quality_encoding": encodings[file.lane],
            }
        )
    (folder / MANIFEST).write_text(canonical_json(entries, indent=2) + "\n")


def read_manifest(folder: Path, *, base: Path, sha256: Callable[[Path], str] | None = None) -> tuple[Lane, ...]:
    """The lanes of a manifest, in its order, their files the very ones that were verified.

    Args:
        folder: the artifact's folder.
        base: the landing zone.
        sha256: gives a file's digest, from memory where it can; absent: every file is read.

    Raises:
        FastqError: the manifest is damaged, or a file is gone, lies elsewhere now, or has another content than when it
            was verified.
    """
    digest = sha256 or (lambda path: describe_file(path).sha256)
    paths: dict[str, dict[int, Path]] = {}
    encodings: dict[str, QualityEncoding] = {}
    for entry in _entries(folder):
        home = folder if entry["place"] == "lake" else base
        path = require_landed(home / entry["file"], home)
        if path.stat().st_size != entry["bytes"] or digest(path) != entry["sha256"]:
            raise FastqError(
                f"the file has changed since it was verified, with {entry['bytes']:,} bytes and sha256 "
                f"{entry['sha256'][:12]}",
                file=path,
                remedy=_REMEDY,
            )
        paths.setdefault(entry["lane"], {})[entry["mate"]] = path
        encodings[entry["lane"]] = _encoding(folder, entry)
    for lane, mates in paths.items():
        if set(mates) != {1, 2}:
            raise _damaged(folder, f"lane {lane} has no file for either mate")
    return tuple(Lane(lane, mates[1], mates[2], quality_encoding=encodings[lane]) for lane, mates in paths.items())


def require_landed(path: Path, zone: Path) -> Path:
    """The path of a read file as given, if it is a regular file that lies in a folder itself.

    A file that was registered may have been replaced since: by a link to a file that nobody delivered.

    Raises:
        FastqError: there is no such file, or it lies outside the folder, by way of a symbolic link.
    """
    if not path.is_file():
        raise FastqError("there is no such file any more", file=path, remedy=_REMEDY)
    if not path.resolve().is_relative_to(zone.resolve()):
        raise FastqError(f"the file is a link to {path.resolve()}, outside the landing zone", file=path, remedy=_REMEDY)
    return path


def read_digests(folder: Path) -> dict[str, str]:
    """sha256 by file name: what every later artifact of the sample traces back to."""
    entries = _entries(folder)
    return {Path(entry["file"]).name: entry["sha256"] for entry in entries}


_KINDS: dict[str, type] = {"lane": str, "mate": int, "file": str, "place": str, "bytes": int, "sha256": str}


def _entries(folder: Path) -> list[dict[str, Any]]:
    """The manifest's entries, each whole."""
    try:
        entries = json.loads(read_text(folder / MANIFEST, error=FastqError))
    except ValueError as error:
        raise _damaged(folder, str(error)) from None
    if not isinstance(entries, list) or not entries:
        raise _damaged(folder, "it lists no files")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or any(type(entry.get(key)) is not kind for key, kind in _KINDS.items()):
            raise _damaged(folder, f"its entry {number} is not {', '.join(_KINDS)}")
    return entries


def _encoding(folder: Path, entry: dict[str, Any]) -> QualityEncoding:
    try:
        return QualityEncoding(entry.get("quality_encoding", QualityEncoding.DETECT))
    except ValueError as error:
        raise _damaged(folder, str(error)) from None


def _damaged(folder: Path, problem: str) -> FastqError:
    return FastqError(
        f"the manifest of the reads is damaged: {problem}",
        file=folder / MANIFEST,
        remedy="verify the sample's reads again (raw_reads with recompute)",
    )
