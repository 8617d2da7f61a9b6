"""Builders of what a laboratory drops: FASTQ pairs, sample sheets, and the entries that a sheet gives."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.person import Person
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry


def write_pair(folder: Path, stem: str, content: str = "") -> tuple[Path, Path]:
    """Two small FASTQ files whose bases follow from the stem and ``content``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{stem}_R1.fastq", folder / f"{stem}_R2.fastq"
    for mate, path in enumerate(paths, 1):
        letters = hashlib.sha256(f"{stem}{content}{mate}".encode()).hexdigest()
        bases = "".join("ACGT"[int(letter, 16) % 4] for letter in letters)
        path.write_text(f"@{stem}:1 {mate}:N:0:1\n{bases}\n+\n{'I' * len(bases)}\n")
    return paths


def entry(folder: Path, sample_id: str, *stems: str, **facts: Any) -> SampleEntry:
    """An entry of a sheet with one lane for each stem (the sample id where none is given), its files written."""
    lanes = tuple(
        Lane(f"L{number:03}", *write_pair(folder, stem)) for number, stem in enumerate(stems or (sample_id,), 1)
    )
    return said_anew(SampleEntry(sample_id, Person(f"P-{sample_id}"), lanes, line=2), **facts)


def said_anew(said: SampleEntry, **facts: Any) -> SampleEntry:
    """The entry with other facts, of the person or of the row."""
    own = {name: value for name, value in facts.items() if hasattr(said, name)}
    person = {name: value for name, value in facts.items() if name not in own}
    return replace(said, **{"person": replace(said.person, **person)} | own)
