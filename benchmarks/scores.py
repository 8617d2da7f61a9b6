"""``python -m benchmarks.scores``: what polygenic scores cost, from scores of 77 variants to one of 6.9 million.

The large score is made up, of places nine bases apart on chromosome 20. It is added up twice: from calls that have a
genotype at each of its places, as imputation gives them, and from calls at every twentieth, with a gVCF that says the
rest is reference. Told are user and system CPU seconds and the peak of memory of ``genomics-engine score``. The
PGS Catalog's scores are read and added up beside calls that are read once, some times over: a score's CPU seconds.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pysam

from benchmarks.annotation import CONTIG, LENGTH, REFERENCE
from benchmarks.inputs import RESULTS, SHARED, indexed_reference
from benchmarks.measure import run
from engine.files.bgzf import BgzfWriter
from engine.risk.genotypes import read_dosages
from engine.risk.score import score_samples, wanted
from engine.risk.scoring_file import read_scoring_file

_APART = 9
_CALLED = 20
_CHUNK = 100_000
_TIMES = 20
_COLUMNS = (
    "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\thm_source\thm_rsID\thm_chr\thm_pos"
)


def main() -> None:
    """Make the inputs, add up and print the table."""
    options = _options()
    folder: Path = options.folder / "scores"
    folder.mkdir(parents=True, exist_ok=True)
    fasta = indexed_reference(REFERENCE, folder)
    made = _Made(folder, fasta, options.variants)
    print("| score | calls | user s | system s | peak MB |\n|---|---|---|---|---|")
    engine = ["genomics-engine", "score", "--quiet", "--score", str(made.score), "--output", str(folder / "out.tsv")]
    known = ["--gvcf", str(made.gvcf), "--reference", str(fasta)]
    for name, command in {
        "at each of its places": [*engine, "--input", str(made.imputed)],
        "at every twentieth, and a gVCF": [*engine, "--input", str(made.called), *known],
    }.items():
        cost = run(command, folder / "log.txt")
        print(
            f"| {options.variants:,} | {name} | {cost.user:.1f} | {cost.system:.1f} | {cost.peak_mb:,.0f} |", flush=True
        )
    for path in sorted((SHARED / "pgs").glob("PGS*_hmPOS_GRCh38.txt.gz")):
        variants, seconds = _seconds(path, made.called)
        print(f"| {path.name}, {variants:,} | read before | {seconds:.4f} | | |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scores", description=__doc__)
    parser.add_argument("--variants", type=int, default=6_900_000, help="of the score that is made up (%(default)s)")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where to write")
    return parser.parse_args()


def _seconds(path: Path, calls: Path) -> tuple[int, float]:
    """Variants of a score, and the CPU seconds that reading it and adding it up take."""
    dosages = read_dosages(calls, *wanted([read_scoring_file(path)]))
    started = time.process_time()
    for _ in range(_TIMES):
        score = read_scoring_file(path)
        score_samples(score, dosages, least_matched=0)
    return score.variants, (time.process_time() - started) / _TIMES


class _Made:
    """A score that is made up, and calls for it."""

    def __init__(self, folder: Path, fasta: Path, variants: int) -> None:
        self.score, self.gvcf = folder / f"{variants}.txt.gz", folder / f"{variants}.g.vcf.gz"
        self.imputed, self.called = folder / f"{variants}.imputed.vcf.gz", folder / f"{variants}.called.vcf.gz"
        if self.called.exists():
            return
        with pysam.FastaFile(str(fasta)) as sequences:
            sequence = sequences.fetch(CONTIG).upper()
        letters = np.frombuffer(sequence.encode(), np.uint8)
        starts = np.flatnonzero(letters != ord("N"))
        starts = starts[:: max(min(_APART, len(starts) // variants), 1)][:variants]
        chance = np.random.default_rng(1)
        weights, genotypes = chance.normal(0, 0.01, len(starts)), chance.integers(0, 3, len(starts))
        with gzip.open(self.score, "wt", compresslevel=1) as out:
            out.write(
                f"#pgs_id=MADE_UP\n#genome_build=GRCh37\n#HmPOS_build=GRCh37\n#variants_number={len(starts)}\n{_COLUMNS}\n"
            )
            out.writelines(_rows(starts, weights, sequence))
        _write_calls(self.imputed, starts, genotypes, sequence)
        _write_gvcf(self.gvcf)
        _write_calls(self.called, starts[::_CALLED], genotypes[::_CALLED], sequence)


def _alternate(ref: str) -> str:
    return "CGTA"["ACGT".index(ref)] if ref in "ACGT" else "A"


def _rows(starts: np.ndarray, weights: np.ndarray, sequence: str) -> Iterator[str]:
    for start, weight in zip(starts.tolist(), weights.tolist(), strict=True):
        place, ref = f"{CONTIG}\t{start + 1}", sequence[start]
        yield f"rs{start}\t{place}\t{_alternate(ref)}\t{ref}\t{weight:.6g}\tENSEMBL\trs{start}\t{place}\n"


def _write_calls(vcf: Path, starts: np.ndarray, genotypes: np.ndarray, sequence: str) -> None:
    with BgzfWriter(vcf, level=1) as out:
        out.write(_header().encode())
        for first in range(0, len(starts), _CHUNK):
            part = slice(first, first + _CHUNK)
            out.write("".join(_records(starts[part], genotypes[part], sequence)).encode())


def _records(starts: np.ndarray, genotypes: np.ndarray, sequence: str) -> Iterator[str]:
    for start, one in zip(starts.tolist(), genotypes.tolist(), strict=True):
        alleles, call = f"{sequence[start]}\t{_alternate(sequence[start])}", ("0/0", "0/1", "1/1")[one]
        yield f"{CONTIG}\t{start + 1}\t.\t{alleles}\t50\tPASS\t.\tGT:GQ\t{call}:40\n"


def _write_gvcf(gvcf: Path) -> None:
    """Blocks of a hundred bases."""
    with BgzfWriter(gvcf, level=1) as out:
        out.write(_header().encode())
        for start in range(0, LENGTH - 100, 100):
            out.write(
                f"{CONTIG}\t{start + 1}\t.\tN\t<NON_REF>\t.\t.\tEND={start + 100}\tGT:DP:GQ\t0/0:30:50\n".encode()
            )


def _header() -> str:
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "made_up"])
    return f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n{columns}\n"


if __name__ == "__main__":
    main()
