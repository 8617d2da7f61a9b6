"""Where the measurements find real data, and where they write."""

from __future__ import annotations

import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("GENOMICS_SHARED_DATA", _PROJECT.parent / "shared" / "data"))
"""Folder of real human data beside the checkout."""
RESULTS = _PROJECT / "benchmarks" / "results"
"""What git ignores."""


def plain_reference(fasta: Path, folder: Path) -> Path:
    """An uncompressed copy, which every program reads."""
    import pysam

    plain = folder / "reference.fa"
    if not plain.exists():
        partial = plain.with_suffix(".partial")
        with pysam.FastaFile(str(fasta)) as sequences, partial.open("w") as out:
            for name in sequences.references:
                sequence = sequences.fetch(name)
                out.write(f">{name}\n")
                out.writelines(sequence[start : start + 100] + "\n" for start in range(0, len(sequence), 100))
        partial.replace(plain)
    return plain


def indexed_reference(fasta: Path, folder: Path) -> Path:
    """The same with the index beside it that programs look bases up by."""
    import pysam

    plain = plain_reference(fasta, folder)
    if not plain.with_name(f"{plain.name}.fai").exists():
        pysam.faidx(str(plain))
    return plain
