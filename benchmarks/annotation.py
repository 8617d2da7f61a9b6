"""``python -m benchmarks.annotation``: how fast variants are annotated, beside csq alone and ``bcftools annotate``.

The 78,086 variants of HG001 on chromosome 20, and made-up ones by the million on the same sequence: each annotated with
a gene model, ClinVar and frequencies, written as VCF with index and as Parquet. ClinVar and frequencies are made up,
too: of every fiftieth and of every second variant. ``bcftools csq`` is the consequence caller alone, ``bcftools
annotate`` the join alone. Another annotator is measured beside them where ``--beside`` gives its command. Told are user
and system CPU seconds, variants a CPU second, and the peak of memory.
"""

from __future__ import annotations

import argparse
import gzip
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pysam

from benchmarks.inputs import RESULTS, SHARED, indexed_reference
from benchmarks.measure import Cost, apart, run
from engine.files.bgzf import BgzfWriter
from engine.files.calls_index import index_calls
from engine.htslib import bcftools_command

REFERENCE = SHARED / "b37_chr20_ref" / "20.fa.gz"
GENES = SHARED / "genemodel_chr20" / "chr20.b37.gff3.gz"
VARIANTS = SHARED / "truth_giab_chr20" / "HG001_v3.3.2_GRCh37_wholechr20.vcf.gz"
CONTIG, LENGTH = "20", 63_025_520
_CHUNK = 200_000
_CALLS = '##FORMAT=<ID={},Number={},Type={},Description="">\n'
_FORMATS = (("GT", "1", "String"), ("AD", "R", "Integer"), ("DP", "1", "Integer"), ("GQ", "1", "Integer"))
_CLINVAR = "CLNSIG=Uncertain_significance;CLNREVSTAT=criteria_provided,_single_submitter;CLNDN=not_provided;CLNDISDB=."
_POPULATIONS = ("afr", "amr", "eas", "nfe", "sas")


def main() -> None:
    """Make the inputs, run the programs and print the table."""
    options = _options()
    folder: Path = options.folder / "annotation"
    folder.mkdir(parents=True, exist_ok=True)
    fasta = indexed_reference(REFERENCE, folder)
    made_up = folder / f"made_up_{options.records}.vcf.gz"
    if not made_up.exists():
        apart(write_made_up, made_up, fasta, options.records)
    print("| records | program | user s | system s | variants a CPU second | peak MB |\n|---|---|---|---|---|---|")
    for name, calls in (("HG001 chr20", VARIANTS), ("made up", made_up)):
        if options.only in (None, name):
            _compare(name, calls, fasta, folder, options.beside)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotation", description=__doc__)
    parser.add_argument("--records", type=int, default=5_000_000, help="made-up variants (%(default)s)")
    parser.add_argument("--only", choices=("HG001 chr20", "made up"), help="measure one of the two")
    parser.add_argument(
        "--beside",
        metavar="COMMAND",
        help="of another annotator, which writes a VCF to standard output; {} is the calls",
    )
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where to write")
    return parser.parse_args()


def _compare(name: str, calls: Path, fasta: Path, folder: Path, beside: str | None) -> None:
    clinvar, frequencies = (folder / f"{calls.name}.{kind}.vcf.gz" for kind in ("clinvar", "frequencies"))
    if not frequencies.exists():
        apart(write_knowledge, calls, clinvar, frequencies)
    with pysam.VariantFile(str(calls)) as opened:
        records = sum(1 for _ in opened)
    out = folder / "out.vcf.gz"
    model, where = ("--gene-model", str(GENES)), ("--reference", str(fasta))
    engine = ["genomics-engine", "annotate", *where, *model, "--input", str(calls), "--output", str(out), "--quiet"]
    known = ["--clinvar", str(clinvar), "--frequencies", str(frequencies)]
    sources = ("-a", str(frequencies), "-c", "ID,INFO")
    csq = ("-f", str(fasta), "-g", str(GENES), "--local-csq", "--greedy", "1", "-s", "-", "--force", "--ncsq", "512")
    commands = {
        "annotate, VCF and Parquet, ClinVar and frequencies": [*engine, *known, "--table", str(folder / "out.parquet")],
        "annotate, VCF and Parquet": [*engine, "--table", str(folder / "out.parquet")],
        "annotate, VCF": engine,
        "bcftools csq": bcftools_command("csq", *csq, "-O", "z", "-o", str(out), str(calls)),
        "bcftools annotate": bcftools_command("annotate", *sources, "-O", "z", "-o", str(out), str(calls)),
    }
    if beside:
        words = shlex.split(beside)
        commands[Path(words[0]).name] = [str(calls) if word == "{}" else word for word in words]
    for program, command in commands.items():
        cost = run(command, folder / "log.txt")
        print(f"| {name}, {records:,} | {program} | {_told(cost, records)} |", flush=True)


def _told(cost: Cost, records: int) -> str:
    rate = records / (cost.user + cost.system)
    return f"{cost.user:.1f} | {cost.system:.1f} | {rate:,.0f} | {cost.peak_mb:,.0f}"


def write_made_up(vcf: Path, fasta: Path, records: int) -> None:
    """One person's variants all along the chromosome: one in eight an insertion or deletion, half heterozygous."""
    chance = np.random.default_rng(1)
    with pysam.FastaFile(str(fasta)) as sequences:
        sequence = sequences.fetch(CONTIG).upper()
    letters = np.frombuffer(sequence.encode(), np.uint8)
    known = np.flatnonzero((letters[:-40] != ord("N")) & (letters[40:] != ord("N")))
    starts = np.sort(chance.choice(known, records, replace=False))
    header = f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n"
    header += "".join(_CALLS.format(*one) for one in _FORMATS) + '##FILTER=<ID=PASS,Description="">\n'
    with BgzfWriter(vcf, level=1) as written:
        written.write(f"{header}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tmade_up\n".encode())
        for first in range(0, records, _CHUNK):
            written.write("".join(_lines(starts[first : first + _CHUNK].tolist(), sequence, chance)).encode())
    index_calls(vcf)


def _lines(starts: list[int], sequence: str, chance: np.random.Generator) -> Iterator[str]:
    count = len(starts)
    kinds, sizes, turns = (chance.integers(0, top, count).tolist() for top in (16, 6, 3))
    depths, halves = chance.integers(20, 60, count).tolist(), chance.integers(0, 2, count).tolist()
    for start, kind, size, turn, depth, half in zip(starts, kinds, sizes, turns, depths, halves, strict=True):
        ref = sequence[start]
        alt = "ACGT"["ACGT".index(ref) - 1 - turn] if ref in "ACGT" else "A"
        if kind == 0:
            ref, alt = sequence[start : start + 2 + size], ref
        elif kind == 1:
            alt = ref + "ACGTAC"[turn : turn + 1 + size]
        call = f"0/1:{depth // 2},{depth - depth // 2}:{depth}:99" if half else f"1/1:0,{depth}:{depth}:{depth}"
        yield f"{CONTIG}\t{start + 1}\t.\t{ref}\t{alt}\t{depth * 20}\tPASS\t.\tGT:AD:DP:GQ\t{call}\n"


def write_knowledge(calls: Path, clinvar: Path, frequencies: Path) -> None:
    """ClinVar of every fiftieth, frequencies of every second variant of some calls."""
    header = f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    facts = [("AF", "A", "Float"), ("AC", "A", "Integer"), ("AN", "1", "Integer"), ("nhomalt", "A", "Integer")]
    facts += [(f"AF_{name}", "A", "Float") for name in _POPULATIONS]
    declared = "".join(f'##INFO=<ID={name},Number={many},Type={kind},Description="">\n' for name, many, kind in facts)
    told = "".join(
        f'##INFO=<ID={one.partition("=")[0]},Number=.,Type=String,Description="">\n' for one in _CLINVAR.split(";")
    )
    info = "AF=0.125;AC=100;AN=800;nhomalt=3;" + ";".join(f"AF_{name}=0.0625" for name in _POPULATIONS)
    with (
        BgzfWriter(clinvar, level=1) as one,
        BgzfWriter(frequencies, level=1) as other,
        gzip.open(calls, "rt") as lines,
    ):
        one.write(f"{header}##fileDate=2025-01-01\n{told}{columns}".encode())
        other.write(f"{header}{declared}{columns}".encode())
        for number, line in enumerate(line for line in lines if not line.startswith("#")):
            contig, position, _, ref, alt, _ = line.split("\t", 5)
            place = f"{contig}\t{position}\t"
            if number % 50 == 0 and "," not in alt:
                one.write(f"{place}{number + 1}\t{ref}\t{alt}\t.\t.\t{_CLINVAR}\n".encode())
            if number % 2 == 0 and "," not in alt:
                other.write(f"{place}rs{number}\t{ref}\t{alt}\t.\tPASS\t{info}\n".encode())
    for vcf in (clinvar, frequencies):
        index_calls(vcf)


if __name__ == "__main__":
    main()
