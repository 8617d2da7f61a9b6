"""How filters are measured, and reads with the faults that they are made for."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pysam
import pytest

from benchmarks import artefacts
from benchmarks.artefacts import simulate_faults
from benchmarks.filters import Simulation, Truth, add, agreement, mark, measure, table, truths
from demo.sequencer import BASES
from engine.compare.comparison import TypeCounts
from engine.genotype.filter import FILTERS
from engine.reference.intervals import Interval
from tests.builders.alignments import random_sequence, write_reference

SEQUENCE = random_sequence(30_000, seed=21)
SNP = 12_000
WINDOW = Interval("chr20", 1_000, 29_000)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A reference and the VCF of a person with a SNP every 500 bases."""
    folder = tmp_path_factory.mktemp("person")
    reference = write_reference(folder, {"chr20": SEQUENCE})
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr20>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=x>\n"
    rows = "".join(
        f"chr20\t{place + 1}\t.\t{SEQUENCE[place]}\t{other(place)}\t50\tPASS\t.\tGT\t{1 - (place % 1000 > 0)}/1\n"
        for place in range(2_000, 28_000, 500)
    )
    source = folder / "source.vcf"
    source.write_text(header + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP1\n" + rows)
    pysam.tabix_index(str(source), preset="vcf", force=True)
    return reference.fasta, folder / "source.vcf.gz"


def other(place: int) -> str:
    return "A" if SEQUENCE[place] != "A" else "C"


def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No faults but those a test asks for, and no errors of the sequencer's own."""
    for name in ("STRAND_SITES", "ORIENTED_SITES", "PARALOGS", "CONTAMINATION", "SLIP"):
        monkeypatch.setattr(artefacts, name, 0.0)
    monkeypatch.setattr("demo.sequencer._err", lambda bases, qualities, random: None)


def reads_of(folder: Path) -> list[str]:
    return [
        line
        for mate in (1, 2)
        for line in gzip.decompress((folder / f"reads_{mate}.fq.gz").read_bytes()).decode().splitlines()[1::4]
    ]


def test_equal_seeds_give_equal_reads(person: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        simulate_faults(*person, Interval("chr20", 1_000, 9_000), tmp_path / name, depth=10)
    assert reads_of(tmp_path / "a") == reads_of(tmp_path / "b")
    bases = sum(map(len, reads_of(tmp_path / "a")))
    assert bases / 8_000 == pytest.approx(10, rel=0.25)  # copies come on top


def test_strand_errors_follow_ggc_in_the_direction_of_the_read(
    person: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    monkeypatch.setattr(artefacts, "STRAND_SITES", 1.0)
    simulate_faults(*person, WINDOW, tmp_path, depth=20)
    forward = SEQUENCE
    wrong = Counter[str]()
    for read in reads_of(tmp_path):
        at = forward.find(read[:30])
        if at < 0 or read[:30] not in forward:
            continue
        for cycle in range(30, len(read)):
            expected = forward[at + cycle] if at + cycle < len(forward) else "N"
            if read[cycle] != expected and (at + cycle) % 500:
                wrong[forward[at + cycle - 3 : at + cycle]] += 1
                break
    assert wrong["GGC"] > 100 and wrong["GGC"] / wrong.total() > 0.8


def test_a_homopolymer_slips_by_one_base() -> None:
    genome = np.frombuffer(b"ACGTACGTAC" + b"A" * 10 + b"CGTTGCAATCGGATTACCAG", np.uint8)
    read = genome[5:30].copy()
    artefacts._shift(read, 7, backward=False, add=False, genome=genome, low=5)
    assert read.tobytes().startswith(b"CGTAC" + b"A" * 9 + b"CGTTGCAATC")
    reverse = artefacts.COMPLEMENT[genome[5:30][::-1]].copy()
    artefacts._shift(reverse, 7, backward=True, add=True, genome=genome, low=5)
    assert b"T" * 11 in reverse.tobytes()


def test_error_prone_places_are_the_same_on_both_copies() -> None:
    """A place is known by what surrounds it, so that a copy with a deletion further left has the same ones."""
    letters = np.frombuffer(random_sequence(20_000, seed=2).encode(), np.uint8)
    one, other_copy = (
        artefacts._rates(artefacts._context_hash(copy), 0.05, 1, highest=0.5) for copy in (letters, letters[10:])
    )
    assert np.array_equal(one[40:-40], other_copy[30:-40])
    assert (one > 0).mean() == pytest.approx(0.05, rel=0.2)
    assert np.isin(letters, BASES).all()


def test_filters_are_counted_on_simulated_reads(person: tuple[Path, Path], tmp_path: Path) -> None:
    fasta, variants = person
    simulation = Simulation(fasta, variants, "chr20:1001-29000", faults_seed=1)
    counts = measure(Truth("small", ("SNP",), simulation.calls), tmp_path)
    assert list(counts) == ["none", *FILTERS]
    without, default = counts["none"]["SNP"], counts["default"]["SNP"]
    assert without.truth_total == default.truth_total == 52
    assert without.true_positives >= default.true_positives >= 48
    rows = table({"small": counts})
    assert rows[2].startswith("| small | none | ") and len(rows) == 5
    assert rows[3].split(" | ")[4] == str(without.true_positives - default.true_positives)


def test_marking_writes_what_the_filters_say(tmp_path: Path) -> None:
    plain = tmp_path / "plain.vcf"
    plain.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=c>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
        "c\t5\t.\tA\tG\t300\t.\tDP=30;FS=0.0;MQ=60.00;SOR=4.0\tGT:AD\t1/1:0,30\n"
    )
    for name, filters, found in (("none", None, "PASS"), *((name, FILTERS[name], mark_) for name, mark_ in MARKS)):
        mark(plain, filters, tmp_path / f"{name}.vcf.gz")
        with pysam.VariantFile(str(tmp_path / f"{name}.vcf.gz")) as records:
            assert [list(record.filter) for record in records] == [[found]]


MARKS = (("default", "PASS"), ("gatk-hard-filters", "SOR3"))


def test_counts_of_several_samples_are_added() -> None:
    total = TypeCounts(10, 9, 1, 10, 1)
    add(total, TypeCounts(5, 5, 0, 6, 1))
    assert (total.truth_total, total.true_positives, total.query_total, total.false_positives) == (15, 14, 16, 2)


def test_a_trio_is_told_by_vqsr_and_mendel(tmp_path: Path) -> None:
    vcf = tmp_path / "trio.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tHG002\tHG003\tHG004\n"
    record = "c\t{}\t.\tA\tG\t300\t{}\tDP=90;FS=0.0;MQ=60.00;SOR={}\tGT:AD\t{}\n".format
    vcf.write_text(
        '##fileformat=VCFv4.2\n##contig=<ID=c>\n##FILTER=<ID=VQSR,Description="x">\n'
        + "".join(f'##INFO=<ID={key},Number=1,Type=Float,Description="x">\n' for key in ("DP", "FS", "MQ", "SOR"))
        + '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
        + '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">\n'
        + columns
        + record(5, "PASS", "4.0", "0/1:15,15\t0/1:14,16\t0/0:30,0")
        + record(6, "PASS", "1.0", "0/1:28,3\t0/0:30,0\t0/0:30,0")
        + record(7, "VQSR", "1.0", "0/1:15,15\t1/1:0,30\t1/1:0,30")
        + record(8, "PASS", "1.0", "0/0:30,0\t0/1:15,15\t0/0:30,0")
    )
    assert agreement(vcf)[2:] == [
        "| VQSR marks, not inherited | 1 | 0 | 0 |",
        "| VQSR passes, inherited | 1 | 0 | 1 |",
        "| VQSR passes, not inherited | 1 | 1 | 0 |",
    ]


def test_every_truth_has_a_name_of_its_own() -> None:
    names = [truth.name for truth in truths()]
    assert len(set(names)) == len(names) == 25
