"""The demo's reference, written where its declaration expects it: FASTA, targets, genes, ClinVar, known sites.

The FASTA has chromosome 20 in full GRCh38 coordinates, masked with N outside the slices. Run as
``python -m demo.reference FOLDER``.
"""

import gzip
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.slices import CONTIG, CONTIG_LENGTH, SLICES

DATA = Path(__file__).with_name("data")
LINE = 100


def read_slices() -> list[str]:
    """The sequence of each slice, in the order of :data:`demo.slices.SLICES`."""
    with gzip.open(DATA / "slices.fa.gz", "rt") as stream:
        entries = stream.read().split(">")[1:]
    sequences = [entry.partition("\n")[2].replace("\n", "") for entry in entries]
    assert [len(sequence) for sequence in sequences] == [len(piece) for piece in SLICES]
    return sequences


def write_reference(folder: Path) -> None:
    """Write every part into ``folder``, each appearing when it is complete; parts that are there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in {
        "demo.fa.gz": _write_fasta,
        "targets.bed": _write_targets,
        "genes.gff3.gz": _copy,
        "clinvar.tsv.gz": _copy,
        "known_sites.vcf.gz": _copy,
    }.items():
        path = folder / name
        if not path.exists():
            making = path.with_name(f".{name}.{os.getpid()}")
            write(making, name)
            making.replace(path)


def _write_fasta(path: Path, _: str) -> None:
    import pysam

    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(f">{CONTIG}\n".encode())
        for part in _lines():
            stream.write(part)


def _lines() -> Iterator[bytes]:
    """The masked chromosome in lines of equal length, a few megabytes at a time."""
    position = 0
    pending = bytearray()
    for piece, sequence in zip(SLICES, read_slices(), strict=True):
        pending += b"N" * (piece.start - position) + sequence.encode()
        position = piece.end
        yield _take_lines(pending)
    pending += b"N" * (CONTIG_LENGTH - position)
    yield _take_lines(pending)
    yield bytes(pending) + b"\n" if pending else b""


def _take_lines(pending: bytearray) -> bytes:
    whole = len(pending) - len(pending) % LINE
    text = b"".join(bytes(pending[i : i + LINE]) + b"\n" for i in range(0, whole, LINE))
    del pending[:whole]
    return text


def _write_targets(path: Path, _: str) -> None:
    path.write_text("".join(f"{CONTIG}\t{piece.start}\t{piece.end}\t{piece.gene}\n" for piece in SLICES))


def _copy(path: Path, name: str) -> None:
    shutil.copyfile(DATA / name, path)


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
