"""``python -m benchmarks.concordance``: GATK and the engine on real genomes that neither was tuned on, line by line.

Samples of the shared data, each with the little reference it needs: reads are called by GATK's HaplotypeCaller and by
the engine in every mode, and GATK's gVCFs are genotyped by GenotypeGVCFs and by the engine, alone and together. Records
are compared as text, without QD, which GATK draws at random where it is high, and without FILTER, which GATK leaves to
another tool. Each pair of files that differs has a ``.diff`` beside it.
"""

from __future__ import annotations

import argparse
import difflib
import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.inputs import RESULTS, SHARED
from engine.call.gatk import JARS, GatkCaller
from engine.call.haplotype.caller import call_haplotypes
from engine.call.haplotype.records.vcf import Emission
from engine.call.ploidy import PloidyPart
from engine.genotype.joint import genotype_gvcfs
from engine.recalibrate.apply import apply_recalibration
from engine.recalibrate.gatk_report import write_report
from engine.recalibrate.recalibration import recalibrate
from engine.reference.genome import open_reference
from engine.reference.intervals import Interval, write_bed

_LINE_BASES = 100


@dataclass(frozen=True)
class Genome:
    """One sample's reads.

    Attributes:
        name: unique, as in file names.
        reads: BAM.
        cohort: samples of one cohort share a reference and are genotyped together.
        pieces: FASTA files of the stretches that are known; a name ``contig:start-end`` (1-based) tells where one
            begins, and what is not known is N.
        targets: what is called, 0-based half-open.
        modes: names of :data:`MODES`.
    """

    name: str
    reads: Path
    cohort: str
    pieces: tuple[Path, ...]
    targets: tuple[Interval, ...]
    modes: tuple[str, ...]


@dataclass(frozen=True)
class Mode:
    """One way to call: GATK's arguments and the engine's."""

    arguments: tuple[str, ...]
    emit: Emission
    copies: int = 2


MODES = {
    "gVCF": Mode(("-ERC", "GVCF"), "gvcf"),
    "every site": Mode(("-ERC", "BP_RESOLUTION"), "bp"),
    "calls": Mode((), "vcf"),
    "gVCF, one copy": Mode(("-ERC", "GVCF", "-ploidy", "1"), "gvcf", copies=1),
}


@dataclass(frozen=True)
class Agreement:
    """What two files have in common.

    Attributes:
        what: which files.
        lines: records that GATK wrote.
        missing: of these, not among the engine's.
        additional: the engine's that GATK did not write.
    """

    what: str
    lines: int
    missing: int
    additional: int


def genomes(data: Path) -> list[Genome]:
    """The samples of the shared data that have both reads and a reference, the goldens excepted."""
    everything = tuple(MODES)
    family, two, tiny, exomes = (
        data / name
        for name in ("nfcore_3ind_40kb", "nfcore_na12878_chr21_22", "debian_small/freebayes_tiny", "iarc_tp53_93exomes")
    )
    three = (Interval("chr21", 16_571_999, 16_608_000), Interval("chr22", 16_571_999, 16_608_000))
    found = [
        Genome(name, family / f"{name}.s.bam", "three", (family / "hs38DH.chr21_22.s.fa",), three, everything)
        for name in ("NA12878", "NA19401", "NA20359")
    ]
    for contig in ("chr21", "chr22"):
        piece = two / f"{contig}.16600001-16800000.fa"
        target = Interval(contig, 16_602_000, 16_798_000)
        reads = two / f"NA12878.{contig}.s.bam"
        found.append(Genome(f"NA12878.{contig}", reads, contig, (piece,), (target,), everything))
    reads = tiny / "NA12878.chr22.tiny.bam"
    found.append(Genome("tiny", reads, "tiny", (tiny / "q.fa",), (Interval("q", 0, 12_356),), everything))
    tp53, target = exomes / "17.Npadded_to_b37_coords.fa.gz", Interval("17", 7_572_000, 7_581_000)
    found += [
        Genome(f"{reads.stem}.exome", reads, "exomes", (tp53,), (target,), ("gVCF",))
        for reads in sorted(exomes.glob("*.bam"))
    ]
    return found


def main() -> int:
    """Compare, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.concordance", description=__doc__)
    parser.add_argument("--jars", type=Path, default=JARS, help="folder of GATK's jars (see make gatk)")
    parser.add_argument("--folder", type=Path, default=RESULTS / "concordance")
    parser.add_argument("--threads", type=int, default=2, help="samples at a time (%(default)s)")
    parser.add_argument("--only", default="", help="only samples whose name contains this")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    gatk = GatkCaller(options.jars, memory="2g")
    chosen = [genome for genome in genomes(SHARED) if options.only in genome.name]
    for genome in chosen:
        prepare(genome, options.folder)
    with ThreadPoolExecutor(options.threads) as threads:
        found = [
            agreement
            for compared in threads.map(lambda genome: compare_calls(genome, options.folder, gatk), chosen)
            for agreement in compared
        ]
    found += compare_genotypes(chosen, options.folder, gatk)
    (options.folder / "concordance.json").write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    print(table(found))
    return 0


def prepare(genome: Genome, folder: Path) -> None:
    """Write the genome's reference, and its reads as GATK takes them: with a read group, without checksums."""
    import pysam

    with pysam.AlignmentFile(str(genome.reads)) as source:
        _write_reference(genome, folder, dict(zip(source.references, source.lengths, strict=True)))
        _copy(source, folder / f"{genome.name}.bam", set(source.references))
    if "calls" in genome.modes:
        with pysam.FastaFile(str(folder / f"{genome.cohort}.fa")) as reference:
            known = set(reference.references)
        with pysam.AlignmentFile(str(genome.reads)) as source:
            _copy(source, folder / f"{genome.name}.known.bam", known)


def _copy(source: Any, reads: Path, contigs: set[str]) -> None:
    """The pairs that lie on some of the contigs; those without a place stay."""
    import pysam

    header = source.header.to_dict()
    header["SQ"] = [{"SN": row["SN"], "LN": row["LN"]} for row in header["SQ"] if row["SN"] in contigs]
    groups = header.setdefault("RG", [{"ID": "1", "SM": reads.stem, "PL": "ILLUMINA"}])
    with pysam.AlignmentFile(str(reads), "wb", header=header) as out:
        for read in source.fetch(until_eof=True):
            if not {read.reference_name, read.next_reference_name} <= {None, *contigs}:
                continue
            if not read.has_tag("RG"):
                read.set_tag("RG", groups[0]["ID"])
            out.write(pysam.AlignedSegment.from_dict(read.to_dict(), out.header))
    pysam.index(str(reads))


def _write_reference(genome: Genome, folder: Path, lengths: dict[str, int]) -> None:
    """The cohort's reference with its index and dictionary: what is known of it, as long as the reads' header says."""
    import pysam

    fasta = folder / f"{genome.cohort}.fa"
    if fasta.with_suffix(".dict").exists():
        return
    known: dict[str, list[tuple[int, str]]] = {}
    for piece in genome.pieces:
        for name, sequence in _sequences(piece):
            contig, _, place = name.partition(":")
            known.setdefault(contig, []).append((int(place.split("-")[0]) - 1 if place else 0, sequence))
    here = {name: length for name, length in lengths.items() if name in known}
    with fasta.open("w") as out:
        for name, length in here.items():
            bases = bytearray(b"N" * length)
            for start, sequence in known[name]:
                bases[start : start + len(sequence)] = sequence.encode()
            out.write(f">{name}\n")
            out.writelines(bases[at : at + _LINE_BASES].decode() + "\n" for at in range(0, length, _LINE_BASES))
    pysam.faidx(str(fasta))
    rows = "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in here.items())
    fasta.with_suffix(".dict").write_text("@HD\tVN:1.6\n" + rows)


def _sequences(fasta: Path) -> Iterator[tuple[str, str]]:
    text = gzip.decompress(fasta.read_bytes()) if fasta.suffix == ".gz" else fasta.read_bytes()
    for entry in text.decode().split(">")[1:]:
        name, _, sequence = entry.partition("\n")
        yield name.split()[0], sequence.replace("\n", "").upper()


def compare_calls(genome: Genome, folder: Path, gatk: GatkCaller) -> list[Agreement]:
    """Call one sample both ways in each of its modes; GATK's files are kept for the next time."""
    bed = folder / f"{genome.name}.bed"
    write_bed(genome.targets, bed)
    reads, fasta = folder / f"{genome.name}.bam", folder / f"{genome.cohort}.fa"
    found = []
    for name in genome.modes:
        mode = MODES[name]
        theirs, ours = (_file(folder, genome.name, name, caller) for caller in ("gatk", "engine"))
        files = ["-I", str(reads), "-R", str(fasta), "-L", str(bed)]
        _made_by_gatk(gatk, theirs, ["HaplotypeCaller", *files, *mode.arguments])
        parts = [PloidyPart(target, mode.copies) for target in genome.targets]
        call_haplotypes(reads, fasta, ours, parts=parts, emit=mode.emit)
        found.append(agreement(f"{genome.name}, {name}", theirs, ours))
    return [*found, *compare_recalibration(genome, folder, gatk)] if "calls" in genome.modes else found


def compare_recalibration(genome: Genome, folder: Path, gatk: GatkCaller) -> list[Agreement]:
    """Recalibrate one sample both ways, its own calls taken for the known sites: the report, and every read."""
    reads, fasta = folder / f"{genome.name}.known.bam", folder / f"{genome.cohort}.fa"
    calls = _file(folder, genome.name, "calls", "gatk")
    (theirs, gatks), (ours, engines) = (
        (folder / f"{genome.name}.{caller}.table", folder / f"{genome.name}.{caller}.bam")
        for caller in ("gatk", "engine")
    )
    files = ["-I", str(reads), "-R", str(fasta)]
    if not gatks.exists():
        _run_gatk(gatk, ["BaseRecalibrator", *files, "--known-sites", str(calls), "-O", str(theirs)])
        _run_gatk(gatk, ["ApplyBQSR", *files, "--bqsr-recal-file", str(theirs), "-O", str(gatks)])
    table = recalibrate(reads, [calls], fasta)
    write_report(table, ours)
    apply_recalibration(reads, table, engines)
    report = [path.read_text().splitlines() for path in (theirs, ours)]
    return [
        _difference(f"{genome.name}, recalibration report", *report),
        _difference(f"{genome.name}, recalibrated reads", _qualities(gatks), _qualities(engines)),
    ]


def _qualities(reads: Path) -> list[str]:
    import pysam

    with pysam.AlignmentFile(str(reads)) as file:
        return [f"{read.query_name} {read.flag} {read.reference_start} {read.qual}" for read in file]


def compare_genotypes(chosen: Sequence[Genome], folder: Path, gatk: GatkCaller) -> list[Agreement]:
    """Genotype GATK's gVCFs both ways: each alone where calls were asked for, and each cohort together."""
    groups = {genome.name: [genome] for genome in chosen if "calls" in genome.modes}
    for genome in chosen:
        groups.setdefault(f"cohort {genome.cohort}", []).append(genome)
    found = []
    for name, members in groups.items():
        if name.startswith("cohort") and len(members) == 1:
            continue
        gvcfs = [_file(folder, genome.name, "gVCF", "gatk") for genome in members]
        fasta = folder / f"{members[0].cohort}.fa"
        theirs, ours = (_file(folder, name, "genotypes", caller) for caller in ("gatk", "engine"))
        combined = gvcfs[0]
        if len(gvcfs) > 1:
            combined = _file(folder, name, "combined", "gatk")
            each = [argument for gvcf in gvcfs for argument in ("-V", str(gvcf))]
            _made_by_gatk(gatk, combined, ["CombineGVCFs", "-R", str(fasta), *each])
        _made_by_gatk(gatk, theirs, ["GenotypeGVCFs", "-R", str(fasta), "-V", str(combined)])
        genotype_gvcfs(gvcfs, open_reference(fasta).contigs, ours, filters=None)
        found.append(agreement(f"{name}, genotypes", theirs, ours))
    return found


def _file(folder: Path, name: str, mode: str, caller: str) -> Path:
    return folder / f"{name}.{mode}.{caller}.vcf.gz".replace(", ", ".").replace(" ", "_")


def _made_by_gatk(gatk: GatkCaller, output: Path, arguments: Sequence[str]) -> None:
    if not output.with_name(output.name + ".tbi").exists():
        _run_gatk(gatk, [*arguments, "-O", str(output)])


def _run_gatk(gatk: GatkCaller, arguments: Sequence[str]) -> None:
    subprocess.run([*gatk.command(), *arguments], check=True, capture_output=True)


def agreement(what: str, theirs: Path, ours: Path) -> Agreement:
    """Compare two VCF files; what differs is written beside the second."""
    gatks, engines = _comparable(theirs), _comparable(ours)
    found = _difference(what, gatks, engines)
    if found.missing or found.additional:
        different = difflib.unified_diff(gatks, engines, "gatk", "engine", n=0, lineterm="")
        ours.with_suffix(".diff").write_text("\n".join(different) + "\n")
    return found


def _difference(what: str, gatks: Sequence[str], engines: Sequence[str]) -> Agreement:
    missing, additional = Counter(gatks) - Counter(engines), Counter(engines) - Counter(gatks)
    return Agreement(what, len(gatks), missing.total(), additional.total())


def _comparable(vcf: Path) -> list[str]:
    """Records as text, without FILTER and QD."""
    with gzip.open(vcf, "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return ["\t".join([*row[:6], ".", re.sub(r"QD=[0-9.]+;?", "", row[7]), *row[8:]]) for row in rows]


def table(found: Iterable[Agreement]) -> str:
    """A line for each pair of files that differ, and one for each kind of them."""
    rows = list(found)
    told = [f"{'':36}{'lines':>10}{'missing':>10}{'additional':>12}"]
    told += [_row(each) for each in rows if each.missing or each.additional]
    for kind in [*MODES, "genotypes", "recalibration report", "recalibrated reads"]:
        same = [each for each in rows if each.what.partition(", ")[2] == kind]
        if same:
            sums = (sum(getattr(each, field) for each in same) for field in ("lines", "missing", "additional"))
            told.append(_row(Agreement(f"all {len(same)} of {kind}", *sums)))
    return "\n".join(told)


def _row(each: Agreement) -> str:
    return f"{each.what:36}{each.lines:10,}{each.missing:10,}{each.additional:12,}"


if __name__ == "__main__":
    sys.exit(main())
