"""Runs of homozygosity, by the hidden Markov model of ``bcftools roh``, and what share of the autosomes they are.

Long runs are stretches inherited twice from one ancestor (consanguinity), or twice from one parent.

Source: Narasimhan et al., Bioinformatics 2016, doi:10.1093/bioinformatics/btw044.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from engine.errors import ToolError, VariantFileError
from engine.files.variant_lines import require_variants
from engine.htslib import run_bcftools
from engine.reference.accessions import bare_contig

GENOTYPE_QUALITY: Final = 30
"""Phred, given to every genotype where its likelihoods are not used (``-G30``, as bcftools advises)."""
FREQUENCY: Final = 0.4
"""Of the alternate allele where none is known (``--AF-dflt``)."""
LONG: Final = 1_000_000
"""Bases from which a run is told; shorter ones everybody has."""
LEAST_MARKERS: Final = 100
"""Variants in a run, below which it is told by too little."""

LEAST_VARIANTS: Final = 5_000
"""Of a sample, below which its targets are too small to tell of runs."""


@dataclass(frozen=True)
class Run:
    """A stretch without heterozygous variants.

    Attributes:
        contig: where.
        start: 0-based.
        end: one past the last base.
        markers: variants in it.
        quality: mean Phred of its variants being homozygous by descent.
    """

    contig: str
    start: int
    end: int
    markers: int
    quality: float


def find_runs(variants: Path, *, is_judged: bool = False) -> list[Run]:
    """Find a sample's runs, of whatever length.

    Args:
        variants: VCF or BCF of one sample, bgzip.
        is_judged: whether its records are known to be sound, as those of the lake are.

    Raises:
        VariantFileError: the file is damaged, not sorted or not of one sample, a call is none of its record, an
            autosome has genotypes of more than two copies, or bcftools wrote something else than runs.
    """
    if not is_judged:
        require_variants(variants)
    with TemporaryDirectory(prefix="roh-") as folder:
        told, output = Path(folder) / "told.bcf", Path(folder) / "runs.txt"
        options = (f"-G{GENOTYPE_QUALITY}", "--AF-dflt", str(FREQUENCY))
        autosomes = _autosomes(variants)
        if not autosomes:
            return []
        try:
            # roh ends on a genotype of one copy, as chrX and chrM have them.
            run_bcftools("view", "-t", ",".join(autosomes), "-e", 'GT="hap"', "-O", "u", "-o", str(told), str(variants))
            run_bcftools("roh", "-Or", *options, "-o", str(output), str(told))
        except ToolError as error:
            raise VariantFileError(
                f"no runs can be found: a record is damaged or out of order, or of more than two copies"
                f" ({error.problem})",
                file=variants,
                remedy="sort the file (bcftools sort), or call the sample again",
            ) from error
        return read_runs(output)


def _autosomes(variants: Path) -> list[str]:
    """Names of the autosomes in the header of a file of one sample."""
    import pysam

    with pysam.VariantFile(str(variants)) as opened:
        samples = list(opened.header.samples)
        if len(samples) != 1:
            raise VariantFileError(
                f"it has the calls of {len(samples)} samples, and runs are one's",
                file=variants,
                remedy="give each sample's calls by themselves (bcftools view -s SAMPLE)",
            )
        return [name for name in opened.header.contigs if bare_contig(name).isdecimal()]


def read_runs(path: Path) -> list[Run]:
    """The rows ``RG`` of what bcftools wrote: sample, contig, first and last base, length, markers, quality."""
    runs = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.startswith("#") or not line.startswith("RG"):
            continue
        try:
            _, _, contig, first, last, _, markers, quality = line.split("\t")
            runs.append(Run(contig, int(first) - 1, int(last), int(markers), float(quality)))
        except ValueError:
            raise VariantFileError(
                "this is no run of homozygosity", file=path, place=f"line {number}", remedy="report it as a fault"
            ) from None
    return runs


def told_runs(runs: Sequence[Run]) -> list[Run]:
    """Runs of autosomes that are long and of many variants."""
    return [
        run
        for run in runs
        if run.end - run.start >= LONG and run.markers >= LEAST_MARKERS and bare_contig(run.contig).isdecimal()
    ]


def share_of_autosomes(runs: Sequence[Run], lengths: Mapping[str, int]) -> float:
    """The share of the autosomes' bases in runs: 1/16 for a child of first cousins, on average."""
    whole = sum(length for contig, length in lengths.items() if bare_contig(contig).isdecimal())
    return sum(run.end - run.start for run in runs) / whole if whole else 0.0
