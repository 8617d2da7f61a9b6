"""The files of the demo's reads: what the platform accepts, the same for the same seed, nothing done twice."""

import csv
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
import pytest

from demo.people import PEOPLE, variants_of
from demo.reference import read_slices, write_reference
from demo.sequencer import DUPLICATES, READ_LENGTH
from demo.simulate import SHEET, haplotypes, main, simulate_family
from demo.slices import CONTIG, SLICES
from engine.reads.intake import verify_reads
from engine.reads.sample_sheet import read_sample_sheet

FATHER = PEOPLE[1]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    main(["--output", str(folder / "landing"), "--truth", str(folder / "truth")])
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_platform_accepts_the_sheet_and_the_reads(family: Path) -> None:
    sheet = read_sample_sheet(family / "landing" / SHEET, family / "landing")
    assert sheet.problems == ()
    assert [entry.sample_id for entry in sheet.samples] == [person.sample for person in PEOPLE]
    child, known = sheet.samples[0], sheet.samples[0].person
    assert (known.father_id, known.mother_id, len(child.lanes)) == ("demo-father", "demo-mother", 2)
    assert known.phenotype == ("HP:0001332", "HP:0000580", "HP:0012675")
    summary = verify_reads(child.sample_id, child.lanes)
    expected = 30 * sum(len(piece) for piece in SLICES) / (2 * READ_LENGTH)
    assert summary.pairs == pytest.approx(expected * (1 + DUPLICATES), rel=0.05)
    assert 0.9 < summary.q30_fraction < 0.97
    assert 0.001 < summary.adapter_fraction < 0.02
    assert 0.0001 < summary.n_fraction < 0.001


def test_the_digests_on_the_sheet_are_the_files(family: Path) -> None:
    with (family / "landing" / SHEET).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(person.lanes) for person in PEOPLE)
    for row in rows:
        for read in ("read1", "read2"):
            content = (family / "landing" / row[read]).read_bytes()
            assert hashlib.md5(content).hexdigest() == row[f"{read}_md5"]
    named = {row[read] for row in rows for read in ("read1", "read2")}
    assert named == {path.name for path in (family / "landing").glob("*.fastq.gz")}


def test_the_same_seed_gives_the_same_files_whoever_else_is_there(family: Path, tmp_path: Path) -> None:
    simulate_family(tmp_path / "landing", tmp_path / "truth", people=[FATHER])
    for place in ("landing", "truth"):
        alone, together = digests(tmp_path / place), digests(family / place)
        assert FATHER.sample in "".join(alone)
        assert {name: together[name] for name in alone if FATHER.sample in name} == {
            name: digest for name, digest in alone.items() if FATHER.sample in name
        }


def test_another_seed_gives_other_reads_of_the_same_person(family: Path, tmp_path: Path) -> None:
    simulate_family(tmp_path / "landing", people=[FATHER], seed=21)
    reads, truth = f"{FATHER.sample}_L001_R1.fastq.gz", f"{FATHER.sample}.vcf.gz"
    assert (family / "landing" / reads).read_bytes() != (tmp_path / "landing" / reads).read_bytes()
    assert (family / "truth" / truth).read_bytes() == (tmp_path / "landing" / "truth" / truth).read_bytes()


def test_a_second_call_touches_nothing_and_a_damaged_sample_alone_is_made_again(family: Path) -> None:
    landing, truth = family / "landing", family / "truth"
    before, content = {path: path.stat().st_mtime_ns for path in landing.iterdir()}, digests(landing)
    told: list[str] = []
    assert simulate_family(landing, truth, log=told.append) == landing / SHEET
    assert told == []
    assert before == {path: path.stat().st_mtime_ns for path in landing.iterdir()}
    damaged = landing / f"{FATHER.sample}_L001_R2.fastq.gz"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    (truth / f"{FATHER.sample}.vcf.gz.tbi").unlink()
    simulate_family(landing, truth, log=told.append)
    assert told == ["simulated demo-father: 1 lane"]
    assert digests(landing) == content
    assert (truth / f"{FATHER.sample}.vcf.gz.tbi").exists()


def test_the_true_variants_make_the_haplotypes_out_of_the_reference(family: Path, tmp_path: Path) -> None:
    variants = variants_of(FATHER.sample)
    with pysam.VariantFile(str(family / "truth" / f"{FATHER.sample}.vcf.gz")) as truth:
        records = list(truth.fetch(CONTIG, SLICES[0].start, SLICES[-1].end))
        genotypes = [record.samples[FATHER.sample] for record in records]
    assert [record.start for record in records] == [variant.position for variant in variants]
    assert [call["GT"] for call in genotypes] == [variant.carried for variant in variants]
    assert all(call.phased for call in genotypes)
    fasta = write_reference(tmp_path)["demo.fa.gz"]
    made = haplotypes(variants)
    for number, piece in enumerate(SLICES):
        region = f"{CONTIG}:{piece.start + 1}-{piece.end}"
        with pysam.FastaFile(str(fasta)) as sequences:
            (tmp_path / "slice.fa").write_text(f">{region}\n{sequences.fetch(region=region)}\n")
        for haplotype in (0, 1):
            pysam.bcftools.consensus(
                "-f", str(tmp_path / "slice.fa"), "-H", str(haplotype + 1), "-o", str(tmp_path / "told.fa"),
                str(family / "truth" / f"{FATHER.sample}.vcf.gz"), catch_stdout=False,
            )  # fmt: skip
            told = "".join((tmp_path / "told.fa").read_text().split("\n")[1:])
            same = told.encode() == made[2 * number + haplotype].tobytes()
            assert same, f"haplotype {haplotype} of {region}"


def test_the_confident_regions_are_the_slices_without_their_ends(family: Path) -> None:
    regions = [line.split("\t") for line in (family / "truth" / "confident.bed").read_text().splitlines()]
    expected = [[CONTIG, str(piece.start + 500), str(piece.end - 500)] for piece in SLICES]
    assert regions == expected


def test_reads_are_named_as_simulated_and_alike_in_both_files(family: Path) -> None:
    names = []
    for mate in (1, 2):
        with gzip.open(family / "landing" / f"{FATHER.sample}_L001_R{mate}.fastq.gz", "rt") as stream:
            names.append([line.split() for number, line in enumerate(stream) if number % 4 == 0])
    assert [name for name, _ in names[0]] == [name for name, _ in names[1]]
    assert len({name for name, _ in names[0]}) == len(names[0])
    assert {end for _, end in names[0]} == {"1:N:0:AAACATCG+AGTACAAG"}
    assert all(name.startswith("@SIMULATED:1:DEMOCELL:1:") for name, _ in names[0])


def test_a_person_without_variants_has_the_reference_twice() -> None:
    for number, sequence in enumerate(haplotypes([])):
        assert np.array_equal(sequence, np.frombuffer(read_slices()[number // 2].encode(), np.uint8))
