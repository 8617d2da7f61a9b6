"""A made-up circle with planted alleles, from its pairs of reads to the VCF."""

import random
from collections.abc import Iterator

import numpy as np
import pysam
import pytest

from engine import cli
from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import align_reads
from engine.mitochondria.calls import call_circle
from engine.mitochondria.circle import Circle
from engine.mitochondria.pileup import Pileup
from engine.reference.genome import open_reference
from tests.builders.alignments import random_sequence
from tests.builders.sequencing import Pair, cut_pairs, write_lane

LENGTH, PAIRS = 8_000, 40_000
DELETED = (4_000, 6_500)
REPEAT = "GATTACAGATTAC"


def circle_bases() -> str:
    """Random bases with a repeat before the large deletion and at its end."""
    bases = random_sequence(LENGTH, 7)
    start, end = DELETED
    return bases[:start] + REPEAT + bases[start + 13 : end] + REPEAT + bases[end + 13 :]


BASES = circle_bases()


def other(base: str) -> str:
    return "CGTA"["ACGT".index(base)]


def edited(edits: dict[int, tuple[str, str]]) -> str:
    """The circle with bases replaced, 0-based, ``{place: (ref, alt)}``."""
    bases = BASES
    for place, (ref, alt) in sorted(edits.items(), reverse=True):
        assert bases[place:].startswith(ref)
        bases = bases[:place] + alt + bases[place + len(ref) :]
    return bases


def substitution(place: int) -> dict[int, tuple[str, str]]:
    return {place: (BASES[place], other(BASES[place]))}


ALL = substitution(700)
PLANTED = {
    0.5: ALL | substitution(5) | substitution(3_000) | substitution(LENGTH - 4),
    0.1: ALL
    | substitution(1_000)
    | {2_000: (BASES[2_000], BASES[2_000] + "ACGT"), 2_500: (BASES[2_500:2_504], BASES[2_500])},
    0.03: ALL | substitution(1_500) | substitution(7_000),
    0.01: ALL | substitution(3_500),
}
"""By heteroplasmy, what is planted."""


def molecules() -> Iterator[tuple[float, str]]:
    """Shares and sequences of the kinds of circles."""
    for share, edits in PLANTED.items():
        yield share, edited(edits)
    start, end = DELETED
    yield 0.15, edited(ALL)[:start] + BASES[end:]
    yield 1 - 0.15 - sum(PLANTED), edited(ALL)


def pairs() -> list[Pair]:
    found: list[Pair] = []
    for number, (share, bases) in enumerate(molecules()):
        count = round(PAIRS * share * len(bases) / LENGTH)
        around = bases + bases[:500]
        found += cut_pairs(around, count, seed=number, errors=0.001, prefix=f"M:1:F:1:{number + 1101}")
    random.Random(3).shuffle(found)
    return found


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> list[pysam.VariantRecord]:
    folder = tmp_path_factory.mktemp("circle")
    fasta = folder / "ref.fa"
    fasta.write_text(f">chrM\n{BASES}\n>chr1\n{random_sequence(3_000, 2)}\n")
    reference = open_reference(fasta)
    build_index(reference, folder / "index")
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    lane = write_lane(folder, pairs())
    reads = align_reads([lane], "S1", reference, aligner, folder / "reads.bam", log=lambda _: None).path
    output = folder / "calls.vcf.gz"
    options = ["--reads", str(reads), "--reference", str(fasta), "--output", str(output), "--quiet"]
    assert cli.main(["mitochondria", *options]) == 0
    with pysam.VariantFile(str(output)) as file:
        assert list(file.header.samples) == ["S1"]
        return list(file)


def fractions(called: list[pysam.VariantRecord]) -> dict[tuple[int, str, str], float]:
    return {
        (record.pos - 1, str(record.ref), str(record.alts[0])): record.samples[0]["AF"][0]
        for record in called
        if record.alts and record.alts[0] != "<DEL>" and list(record.filter) == ["PASS"]
    }


def test_every_planted_allele_from_two_percent_is_found_and_no_other(called: list[pysam.VariantRecord]) -> None:
    wanted = {
        (place, *alleles) for share, edits in PLANTED.items() if share >= 0.02 for place, alleles in edits.items()
    }
    left = {(moved_left(*allele)) for allele in wanted}
    assert set(fractions(called)) == left


def moved_left(place: int, ref: str, alt: str) -> tuple[int, str, str]:
    """As VCF writes indels: as far left as they can stand."""
    while len(ref) != len(alt) and ref[-1] == alt[-1]:
        place -= 1
        ref, alt = BASES[place] + ref[:-1], BASES[place] + alt[:-1]
    return place, ref, alt


def test_heteroplasmy_is_what_was_planted(called: list[pysam.VariantRecord]) -> None:
    found = fractions(called)
    for share, edits in PLANTED.items():
        for place, alleles in edits.items():
            if share >= 0.02 and place != 700:
                allele = moved_left(place, *alleles)
                assert found[allele] == pytest.approx(share, abs=0.01 + share / 8), allele


def test_what_all_have_is_homoplasmic(called: list[pysam.VariantRecord]) -> None:
    (record,) = [record for record in called if record.pos == 701]
    assert record.samples[0]["GT"] == (1,)
    assert record.samples[0]["AF"][0] > 0.99
    assert all(other.samples[0]["GT"] == (0, 1) for other in called if other.pos != 701)


def test_the_large_deletion_lies_left_in_its_repeat(called: list[pysam.VariantRecord]) -> None:
    (record,) = [record for record in called if record.alts == ("<DEL>",)]
    start, end = DELETED
    while BASES[start - 1] == BASES[end - 1]:
        start, end = start - 1, end - 1
    assert (record.start + 1, record.stop, record.info["SVLEN"]) == (start, end, start - end)
    assert record.samples[0]["AF"][0] == pytest.approx(0.15, abs=0.05)


def empty(length: int, depth: int, bases: str) -> Pileup:
    counts = np.zeros((length, 2, 5), np.int64)
    counts[np.arange(length), :, ["ACGT".index(base) for base in bases]] = depth // 2
    return Pileup(counts, np.full(length, depth * 1e-3))


@pytest.mark.parametrize(("forward", "reverse", "expected"), [(30, 30, "PASS"), (60, 0, "strand_bias")])
def test_an_allele_of_one_strand_is_marked(forward: int, reverse: int, expected: str) -> None:
    bases = random_sequence(100)
    pileup = empty(100, 1_000, bases)
    pileup.counts[50, :, "ACGT".index(other(bases[50]))] = forward, reverse
    (call,) = call_circle(Circle("chrM", bases), pileup, None)
    assert (call.position, call.alt, call.filter) == (50, other(bases[50]), expected)


def test_what_errors_explain_is_not_called() -> None:
    """Bases of quality 10 at a tenth: a thirtieth of the molecules is expected to have each other base by mistake."""
    bases = random_sequence(100)
    pileup = empty(100, 1_000, bases)
    pileup.errors[50] = 100
    pileup.counts[50, :, "ACGT".index(other(bases[50]))] = 17, 17
    assert not call_circle(Circle("chrM", bases), pileup, None)


def test_a_slipping_run_is_marked_where_it_is_rare() -> None:
    bases = random_sequence(40) + "CCCCCCC" + "T" + random_sequence(40, 2)
    at = bases.index("CCCCCCC") - 1
    pileup = empty(len(bases), 1_000, bases)
    for strand in (0, 1):
        pileup.events[(at + 7, 0, "C"), strand] = 30
    (call,) = call_circle(Circle("chrM", bases), pileup, None)
    assert (call.position, call.ref, call.alt, call.filter) == (at, bases[at], bases[at] + "C", "slippage")
