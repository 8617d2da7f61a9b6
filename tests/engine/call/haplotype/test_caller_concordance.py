"""Whole runs beside GATK 4.6.2.0: every record and every reference block as text, for any number of threads."""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pysam
import pytest

from engine.call.haplotype.caller import call_haplotypes
from engine.call.haplotype.gather import gather
from engine.call.haplotype.records.vcf import Emission
from engine.call.haplotype.windows import workers
from engine.call.ploidy import PloidyPart
from engine.reference.intervals import Interval


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt") as stream:
        return [line.rstrip("\n") for line in stream if not line.startswith("#")]


@dataclass(frozen=True)
class Case:
    """Reads, reference and place of a golden file."""

    reads: Path
    fasta: Path
    contig: str
    start: int
    end: int
    golden: Path
    ploidy: int = 2

    def run(self, output: Path, *, emit: Emission = "gvcf", threads: int = 1) -> list[str]:
        parts = [PloidyPart(Interval(self.contig, self.start, self.end), self.ploidy)]
        call_haplotypes(self.reads, self.fasta, output, parts=parts, threads=threads, emit=emit)
        return _lines(output)


def _na12878(data: Path, start: int, end: int, golden: str) -> Case:
    folder = data / "na12878_chr20_10m"
    return Case(
        folder / "NA12878_S1.chr20.10_10p1mb.bam",
        folder / "ucsc.hg19.chr20.unittest.fasta.gz",
        "chr20",
        start,
        end,
        data / "gatk_goldens" / golden,
    )


def _written_fasta(path: Path, name: str, sequence: str, length: int) -> Path:
    """A FASTA of one contig, padded with N."""
    text = sequence + "N" * (length - len(sequence))
    path.write_text(f">{name}\n" + "\n".join(text[i : i + 10_000] for i in range(0, length, 10_000)) + "\n")
    pysam.faidx(str(path))
    return path


@pytest.fixture(scope="session")
def grch38(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 10 Mb of GRCh38's chr20 and chr21, as the simulated reads were aligned to."""
    path = tmp_path_factory.mktemp("grch38") / "ref.fa"
    packed = shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    pysam.faidx(str(path))
    return path


@pytest.fixture(scope="session")
def chromosome17(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chromosome 17 of GRCh37 as far as the TP53 exomes need it, N elsewhere."""
    with gzip.open(shared_data / "iarc_tp53_93exomes" / "17.Npadded_to_b37_coords.fa.gz", "rt") as stream:
        sequence = "".join(line.strip() for line in stream if not line.startswith(">")).upper()
    return _written_fasta(tmp_path_factory.mktemp("tp53") / "17.fa", "17", sequence, 81_195_210)


def _assert_same(ours: list[str], gatks: list[str], allowed: Callable[[str], bool] = lambda line: False) -> None:
    different = set(ours) ^ set(gatks)
    assert not [line for line in sorted(different) if not allowed(line)]
    assert len(ours) == len(gatks)


def test_20_kb_of_real_reads(shared_data: Path, tmp_path: Path) -> None:
    case = _na12878(shared_data, 9_999_999, 10_020_000, "na12878_20kb/calls.g.vcf.gz")
    _assert_same(case.run(tmp_path / "o.g.vcf.gz"), _lines(case.golden))


def test_100_kb_of_real_reads_and_any_number_of_threads(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WINDOWS_WORTH_A_PROCESS", 1)
    case = _na12878(shared_data, 9_999_999, 10_100_000, "na12878_100kb/calls.g.vcf.gz")
    one = case.run(tmp_path / "one.g.vcf.gz")
    _assert_same(one, _lines(case.golden))
    case.run(tmp_path / "three.g.vcf.gz", threads=3)
    assert (tmp_path / "one.g.vcf.gz").read_bytes() == (tmp_path / "three.g.vcf.gz").read_bytes()


def _without_depth_quality(lines: list[str]) -> list[str]:
    """GATK replaces QD from 35 on by random values around 30."""
    return [re.sub("QD=[0-9.]+", "QD", line) for line in lines]


def test_calls_alone(shared_data: Path, tmp_path: Path) -> None:
    case = _na12878(shared_data, 9_999_999, 10_100_000, "na12878_100kb/calls.vcf.gz")
    ours = case.run(tmp_path / "o.vcf.gz", emit="vcf", threads=2)
    assert _without_depth_quality(ours) == _without_depth_quality(_lines(case.golden))
    depths = [
        (re.search("QD=([0-9.]+)", a), re.search("QD=([0-9.]+)", b))
        for a, b in zip(ours, _lines(case.golden), strict=True)
    ]
    plain = [(a[1], b[1]) for a, b in depths if a and b and a[1] != "30.00"]
    assert all(a == b for a, b in plain)
    assert len(plain) > 100


def test_every_site_alone(shared_data: Path, tmp_path: Path) -> None:
    case = _na12878(shared_data, 10_004_999, 10_010_000, "na12878_100kb/bp.g.vcf.gz")
    assert case.run(tmp_path / "o.g.vcf.gz", emit="bp") == _lines(case.golden)


@pytest.mark.parametrize("sample", ["HG001", "NA12891", "NA12892"])
def test_a_trio(shared_data: Path, tmp_path: Path, sample: str) -> None:
    case = Case(
        shared_data / "na12878_chr20_10m" / f"{sample}.chr20.10_10p1mb_sorted.bam",
        shared_data / "b37_chr20_ref" / "20.fa.gz",
        "20",
        9_999_999,
        10_010_000,
        shared_data / "gatk_goldens" / "trio_10kb" / f"{sample}.g.vcf.gz",
    )
    assert case.run(tmp_path / "o.g.vcf.gz") == _lines(case.golden)


@pytest.mark.parametrize("sample", ["NA11994", "NA12003", "NA06984"])
def test_tp53_exomes(shared_data: Path, chromosome17: Path, tmp_path: Path, sample: str) -> None:
    case = Case(
        shared_data / "iarc_tp53_93exomes" / f"{sample}.bam",
        chromosome17,
        "17",
        7_572_499,
        7_580_000,
        shared_data / "gatk_goldens" / "tp53" / f"{sample}.g.vcf.gz",
    )
    assert case.run(tmp_path / "o.g.vcf.gz") == _lines(case.golden)


def test_a_simulated_genome(shared_data: Path, grch38: Path, tmp_path: Path) -> None:
    goldens = shared_data / "gatk_goldens" / "simulated"
    case = Case(goldens / "reads.bam", grch38, "chr20", 7_000_000, 7_500_000, goldens / "calls.g.vcf.gz")
    assert case.run(tmp_path / "o.g.vcf.gz", threads=2) == _lines(case.golden)


@pytest.fixture(scope="session")
def mitochondrion(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Reads of a mitochondrion, 693 of which start at one position, with a read group."""
    reads = tmp_path_factory.mktemp("mt") / "mt.bam"
    source = shared_data / "chrM_cyp2d6" / "nf.test_illumina_mt.bam"
    pysam.addreplacerg("-r", "ID:mt", "-r", "SM:mt", "-m", "overwrite_all", "-o", str(reads), str(source))
    pysam.index(str(reads))
    goldens = shared_data / "gatk_goldens" / "mt"
    return Case(reads, goldens / "chrM.fa", "chrM", 0, 16_569, goldens / "calls.g.vcf.gz")


def test_a_mitochondrion(mitochondrion: Case, tmp_path: Path) -> None:
    assert mitochondrion.run(tmp_path / "o.g.vcf.gz") == _lines(mitochondrion.golden)


def test_a_mitochondrion_of_one_copy(mitochondrion: Case, tmp_path: Path) -> None:
    case = replace(mitochondrion, ploidy=1, golden=mitochondrion.golden.with_name("ploidy1.vcf.gz"))
    found = case.run(tmp_path / "o.vcf.gz", emit="vcf")
    assert _without_depth_quality(found) == _without_depth_quality(_lines(case.golden))


def test_shards_gather_to_the_bytes_of_one_run(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With cuts every 8,192 bases instead of every 16 million."""
    monkeypatch.setattr("engine.call.haplotype.windows.plan.SHARD_BASES", 8_192)
    case = _na12878(shared_data, 9_999_999, 10_030_000, "na12878_100kb/calls.g.vcf.gz")
    case.run(tmp_path / "whole.g.vcf.gz", threads=2)
    cut = (10_010_000 // 8_192 + 1) * 8_192
    left, right = tmp_path / "left.g.vcf.gz", tmp_path / "right.g.vcf.gz"
    Case(case.reads, case.fasta, "chr20", case.start, cut, case.golden).run(left)
    Case(case.reads, case.fasta, "chr20", cut, case.end, case.golden).run(right)
    gather([left, right], tmp_path / "gathered.g.vcf.gz")
    assert (tmp_path / "gathered.g.vcf.gz").read_bytes() == (tmp_path / "whole.g.vcf.gz").read_bytes()
