"""The demo's reference, written where its declaration expects it: FASTA, targets, genes, ClinVar, known sites.

The FASTA has chromosome 20 in full GRCh38 coordinates, masked with N outside the slices. Run as
``python -m demo.reference FOLDER``.
"""

import gzip
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.slices import CONTIG, CONTIG_LENGTH, SLICES

DATA = Path(__file__).with_name("data")
LINE = 100
FASTA = "demo.fa.gz"
TARGETS = "targets.bed"
COPIED = ("genes.gff3.gz", "clinvar.tsv.gz", "known_sites.vcf.gz", "frequencies.vcf.gz")
_STAMP = ".demo-reference"


def read_slices(path: Path = DATA / "slices.fa.gz") -> list[str]:
    """The sequence of each slice, in the order of :data:`demo.slices.SLICES`."""
    with gzip.open(path, "rt") as stream:
        entries = stream.read().split(">")[1:]
    return [entry.partition("\n")[2].replace("\n", "") for entry in entries]


def write_reference(folder: Path) -> dict[str, Path]:
    """Write every part into ``folder``, each appearing when it is complete, and return the parts by file name.

    A second call with the same data leaves the files alone.
    """
    paths = {name: folder / name for name in (FASTA, TARGETS, *COPIED)}
    stamp, version = folder / _STAMP, _version()
    if all(path.exists() for path in (*paths.values(), stamp)) and stamp.read_text() == version:
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    for path in paths.values():
        making = path.with_name(f".{path.name}.{os.getpid()}")
        if path.name == FASTA:
            _write_fasta(making)
        elif path.name == TARGETS:
            _write_targets(making)
        else:
            shutil.copyfile(DATA / path.name, making)
        making.replace(path)
    stamp.write_text(version)
    return paths


def _version() -> str:
    """Digest of everything that the reference is made from."""
    digest = hashlib.sha256(repr((CONTIG, CONTIG_LENGTH, LINE, SLICES)).encode())
    for name in ("slices.fa.gz", *COPIED):
        digest.update((DATA / name).read_bytes())
    return digest.hexdigest()


def _write_fasta(path: Path) -> None:
    import pysam

    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(f">{CONTIG}\n".encode())
        for part in _lines():
            stream.write(part)


def _lines() -> Iterator[bytes]:
    """The masked chromosome in lines of equal length, a few megabytes at a time."""
    position, pending = 0, ""
    for piece, sequence in zip(SLICES, read_slices(), strict=True):
        text = pending + "N" * (piece.start - position) + sequence
        whole = len(text) - len(text) % LINE
        yield _in_lines(text[:whole])
        position, pending = piece.end, text[whole:]
    yield _in_lines(pending + "N" * (CONTIG_LENGTH - position))


def _in_lines(text: str) -> bytes:
    return "".join(f"{text[i : i + LINE]}\n" for i in range(0, len(text), LINE)).encode()


def _write_targets(path: Path) -> None:
    path.write_text("".join(f"{CONTIG}\t{piece.start}\t{piece.end}\t{piece.gene}\n" for piece in SLICES))


if __name__ == "__main__":
    for part in write_reference(Path(sys.argv[1])).values():
        print(part)
