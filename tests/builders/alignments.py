"""Small BAM files for tests: reads cut from a sequence, written sorted and indexed, in a line or two."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

from engine.reference.bundle import Contig


@dataclass(frozen=True)
class SmallReference:
    """A FASTA of a few made-up contigs and what a caller needs to know of it."""

    fasta: Path
    contigs: tuple[Contig, ...]
    sequences: dict[str, str]


def random_sequence(length: int, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def write_reference(folder: Path, sequences: dict[str, str]) -> SmallReference:
    fasta = folder / "reference.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in sequences.items()))
    pysam.faidx(str(fasta))
    contigs = tuple(
        Contig(name, len(sequence), hashlib.md5(sequence.encode()).hexdigest()) for name, sequence in sequences.items()
    )
    return SmallReference(fasta, contigs, sequences)


@dataclass(frozen=True)
class Haplotype:
    """One copy of a contig: the sequence and the edits (0-based position, REF, ALT) that made it."""

    contig: str
    reference: str
    edits: tuple[tuple[int, str, str], ...] = ()

    def read(self, start: int, length: int) -> tuple[str, str]:
        """Bases and CIGAR of a read that starts at reference position ``start``."""
        bases, cigar, position = "", [], start
        edits = {place: (ref, alt) for place, ref, alt in self.edits}
        while len(bases) < length and position < len(self.reference):
            ref, alt = edits.get(position, (self.reference[position],) * 2)
            shared = min(len(ref), len(alt))
            bases += alt
            cigar += ["M"] * shared + ["I"] * (len(alt) - shared) + ["D"] * (len(ref) - shared)
            position += len(ref)
        while cigar and cigar[-1] in "ID":
            bases, cigar = (bases[:-1] if cigar[-1] == "I" else bases), cigar[:-1]
        return bases, _run_lengths(cigar)


def _run_lengths(operators: Sequence[str]) -> str:
    runs: list[list[object]] = []
    for operator in operators:
        if runs and runs[-1][1] == operator:
            runs[-1][0] = int(str(runs[-1][0])) + 1
        else:
            runs.append([1, operator])
    return "".join(f"{count}{operator}" for count, operator in runs)


def write_bam(
    path: Path,
    reference: SmallReference,
    haplotypes: Sequence[Haplotype],
    *,
    sample: str = "S1",
    length: int = 100,
    step: int = 10,
    starts: Sequence[int] | None = None,
    quality: int = 35,
    mapq: int = 60,
    read_group: bool = True,
    sort_order: str = "coordinate",
) -> Path:
    """Cover each haplotype with reads of alternating strand every ``step`` bases (or at ``starts``)."""
    header = {
        "HD": {"VN": "1.6", "SO": sort_order},
        "SQ": [{"SN": contig.name, "LN": contig.length, "M5": contig.md5} for contig in reference.contigs],
    }
    if read_group:
        header["RG"] = [{"ID": "1", "SM": sample, "PL": "ILLUMINA", "LB": sample}]
    reads = []
    for copy, haplotype in enumerate(haplotypes):
        tid = [contig.name for contig in reference.contigs].index(haplotype.contig)
        places = starts if starts is not None else range(copy * step // 2, len(haplotype.reference) - length, step)
        for number, start in enumerate(places):
            bases, cigar = haplotype.read(start, length)
            if bases:
                reads.append((tid, start, f"r{copy}.{number}", 16 * ((number // 2 + copy) % 2), bases, cigar))
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        for tid, start, name, flag, bases, cigar in sorted(reads):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.flag, read.reference_id, read.reference_start = name, flag, tid, start
            read.mapping_quality, read.cigarstring = mapq, cigar
            read.query_sequence = bases
            read.query_qualities = pysam.qualitystring_to_array(chr(33 + quality) * len(bases))
            if read_group:
                read.set_tag("RG", "1")
            bam.write(read)
    if sort_order == "coordinate":
        pysam.index(str(path))
    return path


def damaged_bam(reads: Path, folder: Path) -> Path:
    """A copy with one byte in its midst turned round, ``damaged.bam``, beside the index of the whole one."""
    damaged, content = folder / "damaged.bam", bytearray(reads.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    Path(f"{damaged}.bai").write_bytes(Path(f"{reads}.bai").read_bytes())
    return damaged
