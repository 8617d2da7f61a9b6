"""Copies of SMN1 and SMN2: persons drawn with known copies, each read put at either gene as an aligner puts it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine import cli
from engine.classify.further import smn_findings
from engine.classify.question import Question
from engine.errors import KnowledgeError
from engine.reference.genome import Reference, open_reference
from engine.structural.smn import STRETCH, SmnCopies, SmnSites, count_smn, smn_sites, weigh
from tests.builders.alignments import random_sequence, write_reference

LENGTH, READ = 150_000, 150
SMN1, SMN2 = 30_000, 90_000
BESIDE = STRETCH + 1_000
SITES = SmnSites("chr5", SMN1, SMN2)


def chromosome(*, copy: str = "T") -> str:
    """A chromosome 5 with two stretches that are the same but for the middle base."""
    text = random_sequence(LENGTH, seed=5)
    gene = text[SMN1 - BESIDE : SMN1 + BESIDE]
    first = gene[:BESIDE] + "C" + gene[BESIDE + 1 :]
    second = gene[:BESIDE] + copy + gene[BESIDE + 1 :]
    return "".join(
        [
            text[: SMN1 - BESIDE],
            first,
            text[SMN1 + BESIDE : SMN2 - BESIDE],
            second,
            text[SMN2 + BESIDE :],
        ]
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("smn")
    made = write_reference(folder, {"chr1": random_sequence(200_000, seed=1), "chr5": chromosome()})
    return open_reference(made.fasta)


def sequenced(
    path: Path, reference: Reference, copies: tuple[int, int], *, depth: float = 30.0, seed: int = 1, targets: int = 0
) -> Path:
    """Reads of a person with so many copies of either gene, at random places, at either gene with mapping quality 0."""
    numbers = np.random.default_rng(seed)
    with reference.open() as fasta:
        texts = [fasta.fetch(contig.name) for contig in reference.contigs]
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}}
    header["SQ"] = [{"SN": contig.name, "LN": contig.length} for contig in reference.contigs]
    reads = []
    for tid, text in enumerate(texts):
        rate = np.full(len(text) - READ, depth / READ)
        rate[: targets or 0] *= 40 if targets else 1
        if targets:
            rate[targets:] = 0
        if tid == 1:
            for at, count in zip((SMN1, SMN2), copies, strict=True):
                rate[at - BESIDE : at + BESIDE] = depth / READ * count / 2
        for start in np.repeat(np.arange(rate.size), numbers.poisson(rate)).tolist():
            bases, place = text[start : start + READ], start
            if tid == 1 and numbers.random() < 0.5 and (other := elsewhere(start)) is not None:
                place = other
            reads.append((tid, place, bases))
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        for number, (tid, place, bases) in enumerate(sorted(reads)):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.flag, read.reference_id, read.reference_start = f"r{number}", 0, tid, place
            read.mapping_quality, read.cigarstring, read.query_sequence = 60, f"{READ}M", bases
            read.query_qualities = pysam.qualitystring_to_array("F" * READ)
            bam.write(read)
    pysam.index(str(path))
    return path


def elsewhere(start: int) -> int | None:
    """The same place in the other gene, where a read lies in one."""
    for here, there in ((SMN1, SMN2), (SMN2, SMN1)):
        if here - BESIDE <= start <= here + BESIDE - READ:
            return start - here + there
    return None


def test_the_reference_must_read_as_the_genes(reference: Reference, tmp_path: Path) -> None:
    assert smn_sites(reference, "none", (SMN1, SMN2)) == SITES
    with pytest.raises(KnowledgeError, match="does not read as SMN1 and SMN2 at chr5:30,002"):
        smn_sites(reference, "none", (SMN1 + 1, SMN2 + 1))
    with pytest.raises(KnowledgeError, match="known of GRCh37 and GRCh38, not of T2T"):
        smn_sites(reference, "T2T")
    (tmp_path / "same").mkdir()
    alike = open_reference(write_reference(tmp_path / "same", {"5": chromosome(copy="C")}).fasta)
    with pytest.raises(KnowledgeError, match="does not read as"):
        smn_sites(alike, "none", (SMN1, SMN2))
    other = open_reference(write_reference(tmp_path, {"chr1": random_sequence(2_000)}).fasta)
    assert smn_sites(other, "GRCh38") is None


@pytest.mark.parametrize("copies", [(2, 2), (0, 3), (1, 2), (2, 0), (3, 1), (1, 4)])
def test_planted_copies_are_told(reference: Reference, tmp_path: Path, copies: tuple[int, int]) -> None:
    found = count_smn(sequenced(tmp_path / "one.bam", reference, copies, seed=sum(copies)), reference, SITES)
    assert isinstance(found, SmnCopies)
    assert (found.smn1, found.smn2) == copies
    assert found.depth == pytest.approx(sum(copies), abs=0.35)


def test_targets_and_few_reads_tell_nothing(reference: Reference, tmp_path: Path) -> None:
    targets = sequenced(tmp_path / "targets.bam", reference, (2, 2), depth=1, targets=30_000)
    assert count_smn(targets, reference, SITES) == "targets were sequenced and not the genome"
    few = sequenced(tmp_path / "few.bam", reference, (2, 2), depth=5)
    assert count_smn(few, reference, SITES) == "the genome is covered by fewer than 10 reads"


def test_what_the_reads_leave_open_is_not_told() -> None:
    """Between two and three copies of both, with bases that fit either."""
    between = weigh(SITES, 2.5, 0.05, (13, 9))
    assert (between.smn1, between.state) == (None, "not told") and len(between.likely) > 1
    enough = weigh(SITES, 5.0, 0.05, (34, 32))
    assert (enough.smn1, enough.likely, enough.state) == (None, (2, 3), "two or more copies of SMN1")
    certain = weigh(SITES, 4.05, 0.03, (31, 29))
    assert (certain.smn1, certain.smn2, certain.likely) == (2, 2, (2,))


def test_fewer_than_two_copies_are_told_of_whom_the_gene_was_asked() -> None:
    asked = Question(("SMN1",), None, is_open=False)
    none, one, two = (weigh(SITES, 3.0, 0.03, bases) for bases in ((0, 45), (15, 30), (30, 15)))
    both = weigh(SITES, 2.0, 0.03, (30, 30))
    (found,) = smn_findings(none, asked)
    assert (found.copies, found.type, found.genes) == (0, "DEL", ("SMN1",))
    assert (found.inner, found.outer) == ((30_001, 30_001), (25_001, 35_001)), "no deletion of one base"
    assert found.headline == "SMN1: no copy with the C of c.840 at chr5:30,001"
    assert found.sentence == (
        "Exon 7 is there in no copy of SMN1, as in spinal muscular atrophy; SMN2 has 3 copies. Fewer copies of SMN2 go "
        "with a more severe course."
    )
    for carrier, others in ((one, "2 copies"), (both, "one copy"), (replace(one, smn2=None), "an unknown number of")):
        (told,) = smn_findings(carrier, asked)
        assert f"as carriers of spinal muscular atrophy have; SMN2 has {others}" in told.sentence
        assert "course" not in told.sentence, "it is of those who are ill"
    assert smn_findings(two, asked) == [] == smn_findings(none, Question())


def test_the_command_writes_json(reference: Reference, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reads = sequenced(tmp_path / "one.bam", reference, (1, 2))
    arguments = ["smn", "--reads", str(reads), "--reference", str(reference.fasta)]
    places = ["--places", f"{SMN1 + 1},{SMN2 + 1}"]
    assert cli.main([*arguments, *places, "--output", str(tmp_path / "smn.json")]) == 0
    told = json.loads((tmp_path / "smn.json").read_text())
    assert (told["smn1"], told["smn2"], told["state"]) == (1, 2, "one copy of SMN1")
    assert "SMN1: 1, SMN2: 2" in capfd.readouterr().err
    assert cli.main([*arguments, "--places", "12"]) == 2
    assert cli.main([*arguments, "--places", "1000,2000"]) == 1
    assert "does not read as SMN1" in capfd.readouterr().err
