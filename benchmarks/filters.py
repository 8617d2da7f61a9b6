"""``python -m benchmarks.filters``: what each set of filters takes away, true and false, on every truth at hand.

Real reads: NA12878 (Platinum Genomes, 52x) over 100 kb of chromosome 20 against the NIST's truth, NA12878 (New York
Genome Center, 33x) over 400 kb of chromosomes 21 and 22 against the SNPs of the 1000 Genomes panel, TP53 in 93 exomes
against the SNPs that freebayes calls jointly. Simulated reads: HG001 and HG002 over chromosome 20, as
:mod:`benchmarks.simulate` makes them and with the faults of :mod:`benchmarks.artefacts`. What was made before in the
folder is used again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.artefacts import simulate_faults
from benchmarks.concordance import Genome, genomes, prepare
from benchmarks.inputs import RESULTS, SHARED, plain_reference
from benchmarks.simulate import simulate
from engine.compare.comparison import TypeCounts, compare
from engine.compare.variants import VariantType
from engine.files.calls_index import index_calls
from engine.files.variant_lines import variant_lines
from engine.genotype.filter import FILTERS, Filters
from engine.genotype.joint import genotype_gvcfs
from engine.reference.genome import Reference, open_reference
from engine.reference.intervals import parse_region

NONE = "none"
TYPES: tuple[VariantType, ...] = ("SNP", "INDEL")
_SAMPLE = "S"
_GIAB = SHARED / "truth_giab_chr20"
_HG001 = (SHARED / "b37_chr20_ref" / "20.fa.gz", _GIAB / "HG001_v3.3.2_GRCh37_wholechr20.vcf.gz")
_HG002 = (
    SHARED / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz",
    _GIAB / "HG002_GRCh38_1_22_v4.2.1_benchmark.chr20.vcf.gz",
)
_REAL, _NIST = SHARED / "na12878_chr20_10m", "test_nist.b37_chr20_100kbp_at_10mb"
_TRIO = SHARED / "trio_ashk_vcf" / "ashk-trio.vcf.gz"
_EXOMES, _PANEL = SHARED / "iarc_tp53_93exomes", SHARED / "nfcore_na12878_chr21_22"


@dataclass(frozen=True)
class Called:
    """Calls to be judged.

    Attributes:
        gvcf: of one sample.
        reference: what it was called with.
        truth: VCF of what is there.
        regions: BED within which the truth is complete; everywhere when absent.
    """

    gvcf: Path
    reference: Reference
    truth: Path
    regions: Path | None = None


@dataclass(frozen=True)
class Truth:
    """One row of the table.

    Attributes:
        name: as shown.
        types: what the truth knows of.
        calls: makes the calls, given a folder of its own.
    """

    name: str
    types: tuple[VariantType, ...]
    calls: Callable[[Path], Iterator[Called]]


@dataclass(frozen=True)
class Simulation:
    """Reads made up from a person's real variants.

    Attributes:
        fasta: reference.
        variants: VCF of the person.
        region: where the reads are from, 1-based, ends included.
        depth: mean coverage.
        faults_seed: seed of the faults; no faults when absent.
    """

    fasta: Path
    variants: Path
    region: str
    depth: float = 30.0
    faults_seed: int | None = None

    def calls(self, folder: Path) -> Iterator[Called]:
        """Simulate, align and call, as far as it has not been done."""
        reference = open_reference(plain_reference(self.fasta, folder))
        if not (folder / "calls.g.vcf.gz.tbi").exists():
            # In a process of its own, so that its memory is given back.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                process.submit(self.write_reads, reference, folder).result()
            _align(folder, reference)
        gvcf = _called(folder, folder / "reads.bam", reference, self.region)
        yield Called(gvcf, reference, folder / "truth.vcf.gz")

    def write_reads(self, reference: Reference, folder: Path) -> None:
        """Write reads and truth."""
        window = parse_region(self.region, {contig.name: contig.length for contig in reference.contigs})
        if self.faults_seed is None:
            simulate(reference.fasta, self.variants, window, folder, depth=self.depth)
        else:
            simulate_faults(reference.fasta, self.variants, window, folder, depth=self.depth, seed=self.faults_seed)


Counts = dict[str, dict[VariantType, TypeCounts]]


def main() -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filters", description=__doc__)
    parser.add_argument("--folder", type=Path, default=RESULTS / "filters", help="where to write (%(default)s)")
    parser.add_argument("--only", default="", help="only truths whose name contains this")
    options = parser.parse_args()
    found = {}
    for truth in truths():
        if options.only in truth.name:
            print(f"{truth.name} ...", file=sys.stderr, flush=True)
            found[truth.name] = measure(truth, options.folder)
            print("\n".join(table({truth.name: found[truth.name]})[2:]), file=sys.stderr, flush=True)
    print("\n".join(table(found)))
    print("\n".join(["", *agreement(_TRIO)]))
    as_json = {
        name: {filters: {kind: counts[kind].as_json() for kind in counts} for filters, counts in sets.items()}
        for name, sets in found.items()
    }
    (options.folder / "filters.json").write_text(json.dumps(as_json, indent=2) + "\n")
    return 0


def truths() -> list[Truth]:
    """Every truth at hand, real reads first."""
    simulated = {
        "HG002 simulated 30x, 9.5 Mb": Simulation(*_HG002, "chr20:500001-10000000"),
        "HG001 simulated 30x, 16 Mb": Simulation(*_HG001, "20:1-16000000"),
        "HG001 simulated 30x, next 16 Mb": Simulation(*_HG001, "20:16000001-32000000"),
        "HG002 with faults 30x, 9.5 Mb": Simulation(*_HG002, "chr20:500001-10000000", faults_seed=1),
        "HG001 with faults 40x, 10 Mb": Simulation(*_HG001, "20:32000001-42000000", depth=40.0, faults_seed=2),
        "HG001 with faults 30x, 8 Mb": Simulation(*_HG001, "20:42000001-50000000", faults_seed=3),
        "HG001 with faults 22x, 6 Mb": Simulation(*_HG001, "20:50000001-56000000", depth=22.0, faults_seed=4),
        "HG001 with faults 25x, 4 Mb": Simulation(*_HG001, "20:56000001-60000000", depth=25.0, faults_seed=5),
        "HG002 with faults 18x, 4 Mb": Simulation(*_HG002, "chr20:3000001-7000000", depth=18.0, faults_seed=6),
        "HG001 with faults 28x, 4 Mb": Simulation(*_HG001, "20:4000001-8000000", depth=28.0, faults_seed=7),
        "HG001 with faults 20x, 4 Mb": Simulation(*_HG001, "20:36000001-40000000", depth=20.0, faults_seed=8),
        "HG001 with faults 18x, 8 Mb": Simulation(*_HG001, "20:28000001-36000000", depth=18.0, faults_seed=41),
        "HG002 with faults 18x, 8 Mb": Simulation(*_HG002, "chr20:1000001-9000000", depth=18.0, faults_seed=42),
        "HG001 with faults 30x, another 8 Mb": Simulation(*_HG001, "20:24000001-32000000", faults_seed=43),
        "HG001 with faults 18x, another 4 Mb": Simulation(*_HG001, "20:12000001-16000000", depth=18.0, faults_seed=51),
        "HG001 with faults 24x, 4 Mb": Simulation(*_HG001, "20:16000001-20000000", depth=24.0, faults_seed=52),
        "HG001 with faults 30x, 4 Mb": Simulation(*_HG001, "20:20000001-24000000", faults_seed=61),
        "HG001 with faults 20x, another 4 Mb": Simulation(*_HG001, "20:8000001-12000000", depth=20.0, faults_seed=62),
        # Held out: no weight or limit of the default filters was chosen by it.
        "HG001 held out 20x, 3 Mb": Simulation(*_HG001, "20:1000001-4000000", depth=20.0, faults_seed=71),
        "HG001 held out 34x, 5 Mb": Simulation(*_HG001, "20:44000001-49000000", depth=34.0, faults_seed=81),
        "HG002 held out 26x, 4.5 Mb": Simulation(*_HG002, "chr20:5000001-9500000", depth=26.0, faults_seed=82),
    }
    return [
        Truth("NA12878 52x, chr20 confident", TYPES, lambda folder: _chr20(folder, confident=True)),
        Truth("NA12878 52x, chr20 100 kb", TYPES, lambda folder: _chr20(folder, confident=False)),
        Truth("NA12878 33x, chr21 and chr22", ("SNP",), _panel),
        Truth("TP53 of 93 exomes", ("SNP",), _exomes),
        *(Truth(name, TYPES, simulation.calls) for name, simulation in simulated.items()),
    ]


def measure(truth: Truth, results: Path) -> Counts:
    """Counts by set of filters and type, summed over the calls of a truth."""
    folder = results / "".join(letter if letter.isalnum() else "_" for letter in truth.name)
    folder.mkdir(parents=True, exist_ok=True)
    sets: Mapping[str, Filters | None] = {NONE: None, **FILTERS}
    total: Counts = {name: {kind: TypeCounts() for kind in truth.types} for name in sets}
    for called in truth.calls(folder):
        plain = folder / "unfiltered.vcf.gz"
        genotype_gvcfs([called.gvcf], called.reference.contigs, plain, filters=None)
        for name, filters in sets.items():
            marked = folder / f"{name}.vcf.gz"
            mark(plain, filters, marked)
            counted = compare(called.truth, marked, called.reference.fasta, called.regions).types
            for kind in truth.types:
                add(total[name][kind], counted[kind])
    return total


def mark(vcf: Path, filters: Filters | None, output: Path) -> None:
    """Copy calls with FILTER as a set of filters has it; without one every call passes."""
    import pysam

    header = [line for line in variant_lines(vcf) if line.startswith("#")]
    records = (line.rstrip("\n").split("\t") for line in variant_lines(vcf) if not line.startswith("#"))
    declared = "".join(f"{each}\n" for each in filters.header_lines()) if filters else ""
    with pysam.BGZFile(str(output), "wb", None) as stream:
        stream.write("".join([*header[:-1], declared, header[-1]]).encode())
        for columns, verdict in filters.judged(records) if filters else ((one, "PASS") for one in records):
            stream.write(("\t".join([*columns[:6], verdict, *columns[7:]]) + "\n").encode())
    index_calls(output)


def add(total: TypeCounts, part: TypeCounts) -> None:
    """Add counts to others."""
    for name, value in vars(part).items():
        setattr(total, name, getattr(total, name) + value)


def table(found: Mapping[str, Counts]) -> list[str]:
    """A row for each truth and set of filters, as Markdown."""
    rows = [
        "| truth | filters | SNP recall | precision | true lost | false kept | indel recall | precision | true lost "
        "| false kept |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for truth, sets in found.items():
        for name, counts in sets.items():
            cells = [cell for kind in TYPES for cell in _cells(counts.get(kind), sets[NONE].get(kind))]
            rows.append(f"| {' | '.join([truth, name, *cells])} |")
    return rows


def agreement(vcf: Path, child: str = "HG002", father: str = "HG003", mother: str = "HG004") -> list[str]:
    """SNPs of a child called jointly with its parents, by what VQSR and Mendel say, and how many of them are marked."""
    import pysam

    told: dict[tuple[str, str], dict[str, int]] = {}
    verdicts = {name: _verdicts(vcf, filters) for name, filters in FILTERS.items()}
    with pysam.VariantFile(str(vcf)) as records:
        for record in records:
            genotypes = [record.samples[name]["GT"] for name in (child, father, mother)]
            snp = all(len(alt) == len(record.ref) for alt in record.alts or ())
            if not snp or any(None in genotype for genotype in genotypes) or not any(genotypes[0]):
                continue
            of_child, *of_parents = (sorted(genotype) for genotype in genotypes)
            inherited = any(sorted((one, other)) == of_child for one in of_parents[0] for other in of_parents[1])
            passed = "VQSR passes" if "PASS" in record.filter else "VQSR marks"
            counts = told.setdefault((passed, "inherited" if inherited else "not inherited"), dict.fromkeys(FILTERS, 0))
            counts["all"] = counts.get("all", 0) + 1
            for name, marked in verdicts.items():
                counts[name] += marked[record.chrom, record.pos, record.ref] != "PASS"
    rows = [f"| SNPs of {child} | all | {' | '.join(f'marked by {name}' for name in FILTERS)} |", "|---|---|---|---|"]
    return rows + [
        f"| {', '.join(kind)} | {counts['all']} | {' | '.join(str(counts[name]) for name in FILTERS)} |"
        for kind, counts in sorted(told.items())
    ]


def _verdicts(vcf: Path, filters: Filters) -> dict[tuple[str, int, str], str]:
    records = (line.rstrip("\n").split("\t") for line in variant_lines(vcf) if not line.startswith("#"))
    return {(one[0], int(one[1]), one[3]): verdict for one, verdict in filters.judged(records)}


def _cells(counts: TypeCounts | None, without: TypeCounts | None) -> list[str]:
    if counts is None or without is None:
        return ["", "", "", ""]
    ratios = ["" if value is None else f"{value:.4f}" for value in (counts.recall, counts.precision)]
    return [*ratios, str(without.true_positives - counts.true_positives), str(counts.false_positives)]


def _chr20(folder: Path, *, confident: bool) -> Iterator[Called]:
    """Real reads of NA12878 over 100 kb."""
    reference = open_reference(plain_reference(_REAL / "ucsc.hg19.chr20.unittest.fasta.gz", folder))
    reads = folder / "reads.bam"
    for suffix in ("", ".bai"):
        link = folder / f"reads.bam{suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(_REAL / f"NA12878_S1.chr20.10_10p1mb.bam{suffix}")
    gvcf = _called(folder, reads, reference, "chr20:10000001-10100000")
    yield Called(gvcf, reference, _REAL / f"{_NIST}.vcf.gz", _REAL / f"{_NIST}.bed" if confident else None)


def _panel(folder: Path) -> Iterator[Called]:
    """Real reads of NA12878 over 196 kb of two chromosomes."""
    for genome in _real_genomes("NA12878.chr"):
        contig, target = genome.cohort, genome.targets[0]
        prepare(genome, folder)
        reference = open_reference(folder / f"{genome.cohort}.fa")
        gvcf = _called(folder, folder / f"{genome.name}.bam", reference, target.region, name=genome.name)
        bed = folder / f"{contig}.bed"
        bed.write_text(f"{contig}\t{target.start}\t{target.end}\n")
        truth = folder / f"{contig}.truth.vcf.gz"
        _carried(_PANEL / f"NA12878.{contig}.s.bcf", "NA12878", reference, truth)
        yield Called(gvcf, reference, truth, bed)


def _exomes(folder: Path) -> Iterator[Called]:
    """Exomes of 93 people, as far as they cover TP53."""
    for genome in _real_genomes(".exome"):
        sample = genome.name.partition(".")[0]
        prepare(genome, folder)
        reference = open_reference(folder / f"{genome.cohort}.fa")
        region = genome.targets[0].region
        gvcf = _called(folder, folder / f"{genome.name}.bam", reference, region, name=genome.name)
        truth = folder / "truth.vcf.gz"
        _carried(_EXOMES / "freebayes_joint_93.vcf.gz", sample, reference, truth)
        yield Called(gvcf, reference, truth)


def _real_genomes(part: str) -> list[Genome]:
    return [genome for genome in genomes(SHARED) if part in genome.name]


def _carried(source: Path, sample: str, reference: Reference, output: Path) -> None:
    """What one sample of a VCF carries, in contigs of the reference."""
    import pysam

    lengths = {contig.name: contig.length for contig in reference.contigs}
    header = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    header += [f"##contig=<ID={name},length={length}>" for name, length in lengths.items()]
    header.append(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}")
    with pysam.VariantFile(str(source)) as records, pysam.BGZFile(str(output), "wb", None) as out:
        out.write(("\n".join(header) + "\n").encode())
        for record in records:
            genotype = record.samples[sample]["GT"]
            if any(genotype) and record.contig in lengths:
                called = "/".join(map(str, sorted(allele or 0 for allele in genotype)))
                alts = ",".join(record.alts)
                row = f"{record.contig}\t{record.pos}\t.\t{record.ref}\t{alts}\t.\tPASS\t.\tGT\t{called}\n"
                out.write(row.encode())
    index_calls(output)


def _align(folder: Path, reference: Reference) -> None:
    from engine.align.aligner import open_aligner
    from engine.align.index import ensure_index
    from engine.align.pipeline import AlignmentOptions, align_reads
    from engine.reads.lane import Lane

    index = ensure_index(reference, folder / "index", aligner="bwa-mem3")
    lane = Lane("L001", folder / "reads_1.fq.gz", folder / "reads_2.fq.gz")
    align_reads(
        [lane],
        _SAMPLE,
        reference,
        open_aligner("bwa-mem3", index.prefix, reference.contigs),
        folder / "reads.bam",
        options=AlignmentOptions(threads=2),
    )


def _called(folder: Path, reads: Path, reference: Reference, region: str, *, name: str = "calls") -> Path:
    from engine.call.caller import call_gvcf

    gvcf = folder / f"{name}.g.vcf.gz"
    if not gvcf.with_name(f"{gvcf.name}.tbi").exists():
        call_gvcf(reads, reference, gvcf, region=region, threads=2)
    return gvcf


if __name__ == "__main__":
    sys.exit(main())
