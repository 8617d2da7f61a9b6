"""How persons are related: families whose genotypes the tests draw, and gVCFs that are read, or refused."""

import random
from pathlib import Path

import numpy as np
import pysam
import pytest
from numpy.typing import NDArray

from engine.errors import GenomicsError
from engine.identity.genotypes import UNKNOWN, Genotypes, Sites, read_genotypes, read_sites
from engine.identity.relatedness import LEAST_SITES, Pair, Persons

SITES = 6_000
Haplotypes = NDArray[np.int8]


class Family:
    """Haplotypes int8[2, n] of persons: strangers drawn at given frequencies, children by free recombination."""

    def __init__(self, seed: int = 1, least: float = 0.1) -> None:
        self.numbers = np.random.default_rng(seed)
        self.frequency = self.numbers.uniform(least, 1 - least, SITES)

    def stranger(self) -> Haplotypes:
        return (self.numbers.random((2, SITES)) < self.frequency).astype(np.int8)

    def child(self, mother: Haplotypes, father: Haplotypes) -> Haplotypes:
        return np.stack([self._gamete(parent) for parent in (mother, father)])

    def _gamete(self, parent: Haplotypes) -> Haplotypes:
        """Eighty stretches from either copy, about as many as a genome's parts are inherited in."""
        copy = np.repeat(self.numbers.integers(0, 2, 80), SITES // 80)
        return parent[copy, np.arange(SITES)]

    def genotypes(
        self, sample: str, haplotypes: Haplotypes, *, errors: float = 0.001, missing: float = 0.05
    ) -> Genotypes:
        copies = haplotypes.sum(axis=0).astype(np.int8)
        wrong = self.numbers.random(SITES) < errors
        copies[wrong] = (copies[wrong] + 1) % 3
        copies[self.numbers.random(SITES) < missing] = UNKNOWN
        return Genotypes(sample, copies)


def pairs(seed: int = 1, least: float = 0.1) -> dict[tuple[str, str], Pair]:
    family = Family(seed, least)
    mother, father, other = family.stranger(), family.stranger(), family.stranger()
    first, second = family.child(mother, father), family.child(mother, father)
    grandchild = family.child(first, family.stranger())
    people = {"mother": mother, "father": father, "first": first, "second": second, "again": first}
    people |= {"half": family.child(mother, other), "grandchild": grandchild}
    persons = Persons([family.genotypes(name, haplotypes) for name, haplotypes in people.items()])
    return {(pair.a, pair.b): pair for pair in persons.pairs()}


@pytest.mark.parametrize("least", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_family_is_told(seed: int, least: float) -> None:
    told = {names: pair.relation for names, pair in pairs(seed, least).items()}
    assert told["first", "again"] == "same person or twin"
    assert {told["mother", "first"], told["father", "second"], told["mother", "half"]} == {"parent and child"}
    assert told["first", "grandchild"] == "parent and child"
    assert told["first", "second"] == "siblings"
    assert {told["first", "half"], told["mother", "grandchild"], told["second", "grandchild"]} <= {
        "second degree",
        "third degree",  # a half sibling may share little by chance
    }
    assert told["mother", "father"] == told["father", "half"] == "unrelated"


def test_kinship_by_hand() -> None:
    """Ten sites: both heterozygous at 3, opposite at 1, one heterozygous at 4 and the other at 5 of those known."""
    a = np.array([1, 1, 1, 1, 0, 0, 2, 2, 0, -1] * 30, np.int8)
    b = np.array([1, 1, 1, 0, 1, 1, 0, 2, 0, 1] * 30, np.int8)
    (pair,) = Persons([Genotypes("a", a), Genotypes("b", b)]).pairs()
    assert pair.sites == 270
    assert pair.kinship == pytest.approx((3 - 2 * 1) / (2 * 4) + 0.5 - (4 + 5) / (4 * 4))
    assert pair.ibs0 == pytest.approx(1 / 9)


def test_ancestry_in_common_makes_no_relatives() -> None:
    """Strangers of two populations among which frequencies differ much: kinship is below 0, not above."""
    one, other = Family(1), Family(2)
    (pair,) = Persons([one.genotypes("a", one.stranger()), other.genotypes("b", other.stranger())]).pairs()
    assert pair.kinship is not None
    assert pair.kinship < 0
    assert pair.relation == "unrelated"


def test_one_more_person_gets_the_same_answers_as_all_at_once() -> None:
    family = Family()
    persons = [family.genotypes(str(number), family.stranger()) for number in range(5)]
    at_once = [pair for pair in Persons(persons).pairs() if pair.a == "0"]
    assert list(Persons(persons[1:]).against(persons[0])) == at_once


def test_little_that_is_known_tells_nothing() -> None:
    few = np.full(SITES, UNKNOWN, np.int8)
    few[: LEAST_SITES - 1] = 1
    (pair,) = Persons([Genotypes("a", few), Genotypes("b", few)]).pairs()
    assert pair.relation == "unknown"
    (none,) = Persons([Genotypes("a", np.zeros(SITES, np.int8)), Genotypes("b", np.zeros(SITES, np.int8))]).pairs()
    assert (none.kinship, none.relation) == (None, "unknown")


HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000000>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def write_sites(path: Path, records: list[tuple[str, int, str, str]]) -> Path:
    lines = [f"{contig}\t{position}\t.\t{ref}\t{alt}\t.\t.\t.\n" for contig, position, ref, alt in records]
    path.write_text(HEADER + COLUMNS + "\n" + "".join(lines))
    return path


def write_gvcf(path: Path, lines: list[str], sample: str = "S1") -> Path:
    body = "".join("\t".join(line.split()) + "\n" for line in lines)
    path.write_text(f"{HEADER}{COLUMNS}\tFORMAT\t{sample}\n{body}")
    return path


RECORDS = [("chr1", position, "A", "C") for position in (100, 150, 200, 250, 300, 350, 400, 450, 500)]


def read(folder: Path, lines: list[str]) -> tuple[Sites, list[int]]:
    sites = read_sites(write_sites(folder / "sites.vcf", RECORDS))
    return sites, read_genotypes(write_gvcf(folder / "x.g.vcf", lines), sites).copies.tolist()


def test_a_gvcf_tells_reference_from_what_was_not_called(tmp_path: Path) -> None:
    _, copies = read(
        tmp_path,
        [
            "chr1 50 . A <NON_REF> . . END=120 GT:GQ:DP 0/0:40:30",
            "chr1 140 . A <NON_REF> . . END=160 GT:GQ:DP 0/0:10:30",  # of low quality
            "chr1 200 . A C,<NON_REF> 50 . . GT:GQ:DP 0/1:60:30",
            "chr1 250 . A C,<NON_REF> 50 . . GT:GQ:DP 1|1:60:30",
            "chr1 300 . A G,<NON_REF> 50 . . GT:GQ:DP 0/1:60:30",  # another allele
            "chr1 349 . TAG T,<NON_REF> 50 . . GT:GQ:DP 0/1:60:30",  # a deletion over it
            "chr1 400 . AT CT,A,<NON_REF> 50 . . GT:GQ:DP 0/1:60:30",  # the same substitution, written longer
            "chr1 450 . A C,<NON_REF> 50 . . GT:GQ:DP 0/1:10:30",  # of low quality
        ],
    )
    assert copies == [0, -1, 1, 2, -1, -1, 1, -1, -1]


def test_an_index_of_another_gvcf_is_refused(tmp_path: Path) -> None:
    """Blocks of one base that hardly compress, so that the file is large enough to be looked up."""

    def indexed(bases: int) -> Path:
        chance = random.Random(1)
        drawn = [(chance.choice("ACGT"), chance.randrange(20, 99), chance.randrange(10, 99)) for _ in range(bases)]
        block = "chr1 {} . {} <NON_REF> . . END={} GT:GQ:DP 0/0:{}:{}"
        blocks = [block.format(at, base, at, quality, depth) for at, (base, quality, depth) in enumerate(drawn, 1)]
        return Path(pysam.tabix_index(str(write_gvcf(tmp_path / "x.g.vcf", blocks)), preset="vcf", force=True))

    sites = read_sites(write_sites(tmp_path / "sites.vcf", RECORDS[:1]))
    gvcf = indexed(20_000)
    index = gvcf.with_name(f"{gvcf.name}.tbi")
    assert read_genotypes(gvcf, sites).copies.tolist() == [0]
    kept = index.read_bytes()
    indexed(5_000)
    index.write_bytes(kept)
    with pytest.raises(GenomicsError, match="of another file"):
        read_genotypes(gvcf, sites)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["chr1 200 . G C,<NON_REF> 50 . . GT:GQ:DP 0/1:60:30"], "chr1:200: REF is G and the list of sites has A"),
        (["1 50 . A <NON_REF> . . END=120 GT:GQ:DP 0/0:40:30"], r"contigs (1, ...) are not those of the sites (chr1"),
        (["chr1 50 . A <NON_REF> . . END=120 GT:GQ:DP 0/0:40:30 0/0:40:30"], "line"),
    ],
)
def test_a_gvcf_of_another_build_is_refused(tmp_path: Path, lines: list[str], told: str) -> None:
    with pytest.raises(GenomicsError, match="Remedy: ") as refused:
        read(tmp_path, lines)
    assert told in str(refused.value)


def test_sites_are_those_that_fit(tmp_path: Path) -> None:
    more = [("chrX", 10, "A", "C"), ("chr1", 600, "AT", "A"), ("chr1", 700, "A", "C,G"), ("chr1", 90, "a", "g")]
    sites = read_sites(write_sites(tmp_path / "s.vcf", [*RECORDS, *more]))
    assert (len(sites), sites.left_out) == (len(RECORDS) + 1, 3)
    assert sites.positions.tolist() == sorted(sites.positions.tolist())
    assert (sites.ref[0], sites.alt[0]) == ("A", "G")
    with pytest.raises(GenomicsError, match="chr1:100 comes twice"):
        read_sites(write_sites(tmp_path / "t.vcf", [RECORDS[0], RECORDS[0]]))
    with pytest.raises(GenomicsError, match="no single-base variant of an autosome"):
        read_sites(write_sites(tmp_path / "u.vcf", more[:1]))
