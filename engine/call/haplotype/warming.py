"""Compiling the caller's kernels ahead of time, so that a first sample does not wait for it.

A made-up contig with a SNP and two indels is called in every way there is; numba keeps what it compiled for that
beside the modules, or where ``NUMBA_CACHE_DIR`` says. Takes a minute or two once, a second when it is done.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from engine.call.haplotype.caller import call_haplotypes
from engine.call.haplotype.records import Emission
from engine.call.ploidy import PloidyPart
from engine.progress import Progress
from engine.reference.intervals import Interval

_CONTIG, _LENGTH, _READ = "1", 3_000, 100
_EMISSIONS: tuple[Emission, ...] = ("gvcf", "bp", "vcf")


def compile_kernels() -> int:
    """Compile everything a call needs; returns how many variants the made-up sample was found to have."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fasta, reads = _write_sample(folder)
        calls = 0
        for ploidy in (2, 1):
            for emit in _EMISSIONS:
                summary = call_haplotypes(
                    reads,
                    fasta,
                    folder / "calls.vcf.gz",
                    parts=[PloidyPart(Interval(_CONTIG, 0, _LENGTH), ploidy)],
                    emit=emit,
                    progress=Progress("compiling", total=_LENGTH, unit="bases"),
                )
                calls = max(calls, summary.calls)
        return calls


def _write_sample(folder: Path) -> tuple[Path, Path]:
    import pysam

    letters = random.Random(1).choices("ACGT", k=_LENGTH)
    fasta, reads = folder / "reference.fa", folder / "reads.bam"
    fasta.write_text(f">{_CONTIG}\n{''.join(letters)}\n")
    pysam.faidx(str(fasta))
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": [{"SN": _CONTIG, "LN": _LENGTH}],
        "RG": [{"ID": "1", "SM": "sample"}],
    }
    with pysam.AlignmentFile(str(reads), "wb", header=header) as bam:
        for number, start in enumerate(range(0, _LENGTH - _READ - 10, 5)):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.flag, read.mapping_quality = f"r{number}", 16 * (number % 2), 60
            read.reference_id, read.reference_start = 0, start
            bases, read.cigarstring = _read(letters, start, changed=number % 4 < 2)
            read.query_sequence = bases
            read.query_qualities = pysam.qualitystring_to_array("F" * len(bases))
            read.set_tag("RG", "1")
            bam.write(read)
    pysam.index(str(reads))
    return fasta, reads


def _read(letters: list[str], start: int, *, changed: bool) -> tuple[str, str]:
    """Bases and CIGAR of a read, of the changed copy of the contig or of the other."""
    end = start + _READ
    bases = letters[start:end]
    if not changed:
        return "".join(bases), f"{_READ}M"
    if start <= 500 < end:
        bases[500 - start] = "A" if bases[500 - start] != "A" else "C"
    for place, kind in ((1_500, "I"), (2_300, "D")):
        before = place - start
        if 10 < before < _READ - 10 and kind == "I":
            return "".join([*bases[:before], "T", "G", *bases[before:]]), f"{before}M2I{_READ - before}M"
        if 10 < before < _READ - 10:
            return "".join([*bases[:before], *bases[before + 3 :]]), f"{before}M3D{_READ - before - 3}M"
    return "".join(bases), f"{_READ}M"
