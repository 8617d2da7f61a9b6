"""The manifest of a sample's reads: which files, of which lane, with which content. It is what ``raw_reads`` publishes.

Read files are large and stay where they landed, or are given a second name in the lake; the manifest says where and
lets a later step see that they are still what was verified. Verifying is done in :mod:`engine.reads.intake`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from engine.errors import FastqError
from engine.reads.conventions import QualityEncoding
from engine.reads.file_digests import FileDigests
from engine.reads.lane import Lane
from engine.receipt import canonical_json
from engine.reference.build import link_or_copy

MANIFEST = "reads.json"


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
    """
    encodings = {lane.name: lane.quality_encoding for lane in lanes}
    entries = []
    for file in files:
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


def read_manifest(folder: Path, *, base: Path) -> tuple[Lane, ...]:
    """The lanes of a manifest, in its order, their files present with their sizes.

    Raises:
        FastqError: a file is gone or has another size than when it was verified.
    """
    entries = json.loads((folder / MANIFEST).read_text())
    paths: dict[str, dict[int, Path]] = {}
    encodings: dict[str, QualityEncoding] = {}
    for entry in entries:
        path = (folder if entry["place"] == "lake" else base) / entry["file"]
        if not path.is_file() or path.stat().st_size != entry["bytes"]:
            raise FastqError(
                f"the file is not there as it was verified, with {entry['bytes']:,} bytes",
                file=path,
                remedy="put it back, or register the sample again with the files there are",
            )
        paths.setdefault(entry["lane"], {})[entry["mate"]] = path
        encodings[entry["lane"]] = QualityEncoding(entry.get("quality_encoding", QualityEncoding.DETECT))
    return tuple(Lane(lane, mates[1], mates[2], quality_encoding=encodings[lane]) for lane, mates in paths.items())


def read_digests(folder: Path) -> dict[str, str]:
    """sha256 by file name: what every later artifact of the sample traces back to."""
    entries = json.loads((folder / MANIFEST).read_text())
    return {Path(entry["file"]).name: entry["sha256"] for entry in entries}
