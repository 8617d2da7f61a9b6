"""Whom a difference of two ClinVar releases touches; and that nobody else would be told anything else.

The proof of the latter: people with random calls are interpreted in full under two random releases, and whoever is
not touched must be told the same by both.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.annotate.clinvar import build_clinvar
from engine.classify.candidate_genes import SUFFIX
from engine.classify.findings import Subject, select_reportable
from engine.reanalysis.carried import carried
from engine.reanalysis.difference import clinvar_difference, gene_spans
from engine.reanalysis.touched import Reader, Touch, touches
from engine.reference.bundle import ReferenceBundle
from engine.report.statement import read_findings, state
from tests.builders.people import person
from tests.builders.small_genome import Gene, annotate, bases, call, clinvar_line, genome
from tests.builders.statements import LINEAGE, MADE, REGIONS

CODING = "ATG" + "GCAGCAGCAGCATTTTTCGGGAAAATGGGATAGCGAAGA".replace("TAG", "TCG") + "TAA"
START = 60
SEQUENCE = bases(START, 5) + CODING + bases(60, 7)
GENE = Gene("AVP", ((11, len(SEQUENCE) - 20),), ((START + 1, START + len(CODING)),))
Record = tuple[int, str, str]
SIGNIFICANCES = ("Pathogenic", "Likely_pathogenic", "Uncertain_significance", "Benign", "Likely_benign", "risk_factor")


def record(position: int, size: int, alt: str) -> Record:
    """A change of ``size`` bases from a 1-based position; an insertion or deletion with the base before it."""
    return position, SEQUENCE[position - 1 : position - 1 + size], alt


def written(release: Iterable[tuple[Record, str, str]]) -> list[str]:
    return [
        clinvar_line(*allele, number, significance=significance, conditions=condition)
        for number, (allele, significance, condition) in enumerate(release, 1)
    ]


def release_of(bundle: ReferenceBundle, name: str, lines: Iterable[str]) -> ReferenceBundle:
    """The bundle with another ClinVar table."""
    folder = bundle.fasta.parent / name
    folder.mkdir()
    header = f"##fileformat=VCFv4.1\n##fileDate={name}\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (folder / "source.vcf").write_text(header + "".join(f"{line}\n" for line in lines))
    build_clinvar(folder / "source.vcf", bundle.fasta, bundle.contigs, None, folder)
    return replace(bundle, clinvar=folder / "clinvar.parquet", versions={"clinvar": name})


def told(bundle: ReferenceBundle, calls: list[str], folder: Path, asked: tuple[str, ...]) -> tuple[Any, Path]:
    """What is said of a person with these calls under a release, and the annotated variants."""
    folder.mkdir()
    annotate(folder, bundle, *calls)
    who = person(ordered_genes=asked)
    select_reportable(folder / "S1.annotated.parquet", Subject(who), bundle, folder, "S1")
    case = replace(_case(), person=who)
    said = state(read_findings(folder / "S1.findings.parquet"), case, LINEAGE, bundle.build, MADE)
    return (said.digest, pq.read_table(folder / f"S1{SUFFIX}").to_pylist()), folder / "S1.annotated.parquet"


def _case() -> Any:
    from engine.report.case import CaseFacts

    return CaseFacts("S1", person(), REGIONS)


def touched(
    before: ReferenceBundle, after: ReferenceBundle, annotated: Path, asked: tuple[str, ...] = ()
) -> list[Touch]:
    assert before.clinvar and after.clinvar and after.gene_model
    table = annotated.with_name("carried.parquet")
    pq.write_table(carried(annotated, "S1", "1"), table)
    return touches(
        clinvar_difference(before.clinvar, after.clinvar),
        [table],
        [Reader("S1", frozenset(asked))],
        after,
        gene_spans(after.gene_model),
    )


class World:
    """Random people and releases about a gene of repeats, where neighbours are many."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def allele(self) -> Record:
        position, size = self.random.randrange(START - 4, START + len(CODING)), self.random.choice((1, 1, 1, 2, 3))
        ref = SEQUENCE[position - 1 : position - 1 + size]
        kind = self.random.random()
        if kind < 0.6:
            alt = "".join(self.random.choice([base for base in "ACGT" if base != old]) for old in ref)
        elif kind < 0.8:
            alt = ref[0] + "".join(self.random.choices("ACGT", k=self.random.choice((1, 3)))) + ref[1:]
        else:
            ref = SEQUENCE[position - 1 : position + self.random.choice((1, 3))]
            alt = ref[0]
        return (position, ref, alt) if ref != alt else self.allele()

    def release(self, alleles: list[Record]) -> list[tuple[Record, str, str]]:
        return [(one, self.random.choice(SIGNIFICANCES), self.random.choice(("One", "Two"))) for one in alleles]

    def together(self, calls: list[Record]) -> Record:
        """What two neighbours among the calls are as one allele, where they are apart; else any allele."""
        one, other = sorted(self.random.sample(calls, 2))
        end, last = one[0] - 1 + len(one[1]), other[0] - 1 + len(other[1])
        if end > other[0] - 1 or last - one[0] > 12:
            return self.allele()
        between = SEQUENCE[end : other[0] - 1]
        return one[0], SEQUENCE[one[0] - 1 : last], one[2] + between + other[2]


@pytest.mark.parametrize("seed", range(8))
def test_whoever_is_not_touched_is_told_the_same(seed: int, tmp_path: Path) -> None:
    world = World(seed)
    bundle = genome(tmp_path, {"chr1": SEQUENCE}, [GENE])
    carry = [world.allele() for _ in range(world.random.choice((2, 4, 6)))]
    known = world.release([*dict.fromkeys([*carry[::2], world.together(carry), *(world.allele() for _ in range(8))])])
    changed = list(known)
    for _ in range(world.random.choice((1, 1, 2))):
        changed[world.random.randrange(len(changed))] = world.release([world.allele()])[0]
    number = world.random.randrange(len(known))
    changed[number] = world.release([known[number][0]])[0]
    before, after = (release_of(bundle, name, written(one)) for name, one in (("2025-01", known), ("2025-02", changed)))
    genotypes = ("0/1", "0/1", "1/1", "0|1", "1|0")
    calls = [call(*one, world.random.choice(genotypes)) for one in dict.fromkeys(carry)]
    asked = world.random.choice(((), ("AVP",)))
    said, annotated = told(before, calls, tmp_path / "before", asked)
    says, _ = told(after, calls, tmp_path / "after", asked)
    if said != says:
        assert touched(before, after, annotated, asked)


CARRIED = record(START + 16, 1, "A")
NEXT = record(START + 18, 1, "A")


@pytest.fixture
def bundle(tmp_path: Path) -> ReferenceBundle:
    return genome(tmp_path, {"chr1": SEQUENCE}, [GENE])


def by(bundle: ReferenceBundle, calls: list[Record], first: Any, then: Any, *asked: str) -> set[str]:
    """In which ways a person with these calls is touched by the second release."""
    before, after = (release_of(bundle, name, written(one)) for name, one in (("1", first), ("2", then)))
    _, annotated = told(before, [call(*one, "0/1") for one in calls], bundle.fasta.parent / "calls", asked)
    return {one.by for one in touched(before, after, annotated, asked)}


def test_a_carried_allele_that_becomes_pathogenic_touches(bundle: ReferenceBundle) -> None:
    first = [(CARRIED, "Uncertain_significance", "One"), (NEXT, "Benign", "One")]
    assert "carried" in by(bundle, [CARRIED], first, [(CARRIED, "Pathogenic", "One"), first[1]])


def test_the_same_assertions_under_another_name_touch_nobody(bundle: ReferenceBundle) -> None:
    known = [(CARRIED, "Pathogenic", "One")]
    assert by(bundle, [CARRIED], known, known) == set()


def test_an_allele_far_from_every_call_touches_nobody(bundle: ReferenceBundle) -> None:
    far = (record(5, 1, "T" if SEQUENCE[4] != "T" else "A"), "Pathogenic", "One")
    known = (NEXT, "Benign", "One")
    assert by(bundle, [CARRIED], [known], [known, far]) == set()


def test_neighbours_that_make_a_new_allele_together_touch(bundle: ReferenceBundle) -> None:
    known = (record(5, 1, "T" if SEQUENCE[4] != "T" else "A"), "Benign", "One")
    whole = (START + 16, SEQUENCE[START + 15 : START + 18], "A" + SEQUENCE[START + 16] + "A")
    assert "together" in by(bundle, [CARRIED, NEXT], [known], [known, (whole, "Pathogenic", "One")])
    assert SEQUENCE[START + 15] != "A" != SEQUENCE[START + 17]


def test_a_part_of_a_substitution_touches(bundle: ReferenceBundle) -> None:
    known = (record(5, 1, "T" if SEQUENCE[4] != "T" else "A"), "Benign", "One")
    whole = (START + 16, SEQUENCE[START + 15 : START + 18], "A" + SEQUENCE[START + 16] + "A")
    assert "part" in by(bundle, [whole], [known], [known, (CARRIED, "Likely_pathogenic", "One")])


def test_a_deletion_that_two_calls_make_at_another_place_of_a_repeat_touches(bundle: ReferenceBundle) -> None:
    """Two deletions of one GCA each, called at different copies, are the deletion of two."""
    repeat = CODING.index("GCAGCAGCAGCA") + START
    one, other = ((at, SEQUENCE[at - 1 : at + 3], SEQUENCE[at - 1]) for at in (repeat, repeat + 6))
    both = (repeat, SEQUENCE[repeat - 1 : repeat + 6], SEQUENCE[repeat - 1])
    known = (record(5, 1, "T" if SEQUENCE[4] != "T" else "A"), "Benign", "One")
    assert by(bundle, [one, other], [known], [known, (both, "Pathogenic", "One")]) <= {"together"}


def test_what_is_undecided_touches_where_it_was_asked_about(bundle: ReferenceBundle) -> None:
    stop = record(START + 16, 1, "A")
    first = [(stop, "Uncertain_significance", "One"), (NEXT, "Benign", "One")]
    then = [(stop, "Uncertain_significance", "Two"), first[1]]
    assert by(bundle, [stop], first, then) == set()


def test_a_difference_tells_what_was_and_what_is(bundle: ReferenceBundle) -> None:
    before = release_of(bundle, "1", written([(CARRIED, "Benign", "One"), (NEXT, "Pathogenic", "One")]))
    after = release_of(bundle, "2", written([(CARRIED, "Benign", "One"), (NEXT, "Benign", "One")]))
    assert before.clinvar and after.clinvar
    (row,) = clinvar_difference(before.clinvar, after.clinvar).to_pylist()
    assert (row["position"], row["before"], row["after"], row["told"]) == (NEXT[0], "pathogenic", "benign", True)
