"""The demo's reference, written where its declaration expects it: FASTA, targets, genes, ClinVar, known sites, panel.

The panel of sites at which samples are told apart is made of the frequencies: common variants of one population, so
that it tells nothing of ancestry.

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
PANEL = "identity_panel"
COMMON = 0.05
"""Frequency from which a variant is a site of the panel."""


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
    write_panel(folder / PANEL, folder)
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


def write_panel(folder: Path, scratch: Path, *, within: tuple[int, int] = (0, CONTIG_LENGTH)) -> None:
    """Write the panel's three files as VerifyBamID2 has them, of the common SNPs within a stretch."""
    sites: dict[str, list[str]] = {".bed": [], ".UD": [], ".mu": []}
    for position, ref, alt, frequency in _common_sites():
        if within[0] <= position < within[1]:
            sites[".bed"].append(f"{CONTIG}\t{position}\t{position + 1}\t{ref}\t{alt}\n")
            sites[".UD"].append("0\n")
            sites[".mu"].append(f"{CONTIG}:{position + 1}_{ref}/{alt} {2 * frequency:.6g}\n")
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, lines in sites.items():
        making = scratch / f".{PANEL}{suffix}.{os.getpid()}"
        making.write_text("".join(lines))
        making.replace(folder / f"europeans-300{suffix}")


def _common_sites() -> Iterator[tuple[int, str, str, float]]:
    """0-based place, both bases and frequency of each single-base variant that is common."""
    with gzip.open(DATA / "frequencies.vcf.gz", "rt") as stream:
        for line in stream:
            if line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            frequency = float(dict(item.partition("=")[::2] for item in fields[7].split(";"))["AF"].split(",")[0])
            if len(fields[3]) == len(fields[4]) == 1 and COMMON <= frequency <= 1 - COMMON:
                yield int(fields[1]) - 1, fields[3], fields[4], frequency


def _version() -> str:
    """Digest of everything that the reference is made from."""
    digest = hashlib.sha256(repr((CONTIG, CONTIG_LENGTH, LINE, SLICES, PANEL, COMMON)).encode())
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
