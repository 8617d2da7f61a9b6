"""Pairs of named alleles that explain genotypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from engine.pharmacogenomics.calls import GeneCall, call_gene
from engine.pharmacogenomics.combinations import combine, natural
from engine.pharmacogenomics.definitions import Definition, Locus, NamedAllele, Rule
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing
from engine.pharmacogenomics.guidelines import Guidelines
from engine.pharmacogenomics.matching import best, match
from engine.pharmacogenomics.pypgx import packaged_tables

PLACES = tuple(Locus("chr1", 10 * number, "A", ("G", "T"), f"rs{number}") for number in range(1, 6))


def defined(gene: str = "GENE", **alleles: str) -> Definition:
    """A definition; an allele is a letter a place, ``-`` where it names none, the first allele the reference's."""
    named = [
        NamedAllele(name.replace("s", "*"), tuple(None if base == "-" else base for base in bases), number == 0)
        for number, (name, bases) in enumerate(alleles.items())
    ]
    places = PLACES[: len(named[0].bases)]
    return Definition(gene, "chr1", places, tuple(named), Rule.WHOLE, "TEST", "1", "GRCh38")


def observed(*genotypes: str) -> list[Genotype | None]:
    """Genotypes: ``A/G`` unphased, ``A|G`` phased, ``A|G@1`` in a phase set,
    ``A`` of one chromosome, ``-`` missing, ``.`` half.
    """
    found: list[Genotype | None] = []
    for text in genotypes:
        pair, _, phase_set = text.partition("@")
        alleles = tuple(None if one == "." else one for one in pair.replace("|", "/").split("/"))
        found.append(None if text == "-" else Genotype(alleles, phase_set if "|" in pair else None))
    return found


def names(found: Sequence[object]) -> list[str]:
    return [one.name for one in found]  # type: ignore[attr-defined]


TWO = defined(s1="AA", s2="G-", s3="-G", s4="GG")


def test_unphased_genotypes_allow_what_phased_ones_decide() -> None:
    assert names(match(TWO, observed("A/G", "A/G"))) == ["*1/*4", "*2/*3"]
    assert names(match(TWO, observed("A|G", "A|G"))) == ["*1/*4"]
    assert names(match(TWO, observed("A|G", "G|A"))) == ["*2/*3"]
    assert names(match(TWO, observed("A|G@1", "G|A@1"))) == ["*2/*3"]
    assert names(match(TWO, observed("A|G@1", "A|G@2"))) == ["*1/*4", "*2/*3"]


def test_the_score_counts_named_places_and_the_reference_all() -> None:
    scores = {one.name: one.score for one in match(TWO, observed("A/G", "A/G"))}
    assert scores == {"*1/*4": 4, "*2/*3": 2}
    assert names(best(TWO, observed("A/G", "A/G"), match(TWO, observed("A/G", "A/G")))) == ["*1/*4"]


def test_a_place_with_several_bases_counts_where_the_sample_is_not_the_reference() -> None:
    wobbling = defined(s1="AA", s2="GR", s3="G-")
    assert {one.name: one.score for one in match(wobbling, observed("A/G", "A/A"))} == {"*1/*2": 3, "*1/*3": 3}
    assert {one.name: one.score for one in match(wobbling, observed("A/G", "A/G"))} == {"*1/*2": 4}


def test_preferred_of_what_unphased_genotypes_cannot_tell_apart() -> None:
    preferring = replace(TWO, preferred=((frozenset({"*1/*4", "*2/*3"}), "*2/*3"),))
    unphased, phased = observed("A/G", "A/G"), observed("A|G", "A|G")
    assert names(best(preferring, unphased, match(preferring, unphased))) == ["*2/*3"]
    assert names(best(preferring, phased, match(preferring, phased))) == ["*1/*4"]


def test_one_chromosome() -> None:
    assert names(match(TWO, observed("G", "A"))) == ["*2"]
    assert names(combine(TWO, observed("T", "G"))) == ["[*3 + g.10A>T]"]


def test_combinations_and_changes_without_a_name() -> None:
    apart = defined(s1="AAA", s2="G--", s3="-G-")
    assert match(apart, observed("G/G", "G/G", "A/A")) == []
    assert names(combine(apart, observed("G/G", "G/G", "A/A"))) == ["[*2 + *3]/[*2 + *3]"]
    assert names(combine(apart, observed("A|G", "A|A", "A|T"))) == ["*1/[*2 + g.30A>T]"]
    assert names(combine(apart, observed("./G", "A/A", "A/A"))) == ["*2/g.10?"]
    smaller = defined(s1="AAA", s2="G--", s3="GG-", s4="--G")
    assert names(combine(smaller, observed("G/G", "G/G", "A/G"))) == ["*3/[*3 + *4]"]
    assert sorted(["*10", "*9", "Reference", "*2"], key=natural) == ["Reference", "*2", "*9", "*10"]


letters = st.sampled_from("AG-")
definitions = st.lists(st.text(letters, min_size=4, max_size=4), min_size=1, max_size=6, unique=True).map(
    lambda rows: defined(s1="AAAA", **{f"s{n}": row for n, row in enumerate(rows, start=2) if row.strip("-")})
)
pairs = st.lists(st.tuples(st.sampled_from("AG"), st.sampled_from("AG")), min_size=4, max_size=4)


@given(definitions, pairs, st.sets(st.integers(0, 3)))
def test_phasing_never_adds_a_solution(definition: Definition, alleles: list[tuple[str, str]], some: set[int]) -> None:
    unphased = [Genotype(pair) for pair in alleles]
    in_part = [Genotype(pair, "" if number in some else None) for number, pair in enumerate(alleles)]
    phased = [Genotype(pair, "") for pair in alleles]
    for more, less in ((phased, in_part), (in_part, unphased)):
        assert {one.name for one in match(definition, more)} <= {one.name for one in match(definition, less)}


@given(definitions, pairs, st.sets(st.integers(0, 3), max_size=3))
def test_missing_places_only_widen_what_is_possible(
    definition: Definition, alleles: list[tuple[str, str]], gone: set[int]
) -> None:
    whole = [Genotype(pair) for pair in alleles]
    less: list[Genotype | None] = [None if number in gone else one for number, one in enumerate(whole)]
    possible = {one.name for one in match(definition, less, definition.alleles)}
    assert {one.name for one in match(definition, whole)} <= possible
    # What is told is what is possible without the alleles of which nothing is known.
    assert {one.name for one in match(definition, less)} <= possible


@given(definitions, pairs)
def test_the_order_of_unphased_alleles_does_not_matter(definition: Definition, alleles: list[tuple[str, str]]) -> None:
    turned = [Genotype(pair[::-1]) for pair in alleles]
    as_given = [Genotype(pair) for pair in alleles]
    assert {one.name: one.score for one in match(definition, as_given)} == {
        one.name: one.score for one in match(definition, turned)
    }


@given(definitions, pairs)
def test_every_solution_explains_every_genotype(definition: Definition, alleles: list[tuple[str, str]]) -> None:
    by_name = {allele.name: allele for allele in definition.alleles}
    for one in match(definition, [Genotype(pair) for pair in alleles]):
        for number, pair in enumerate(alleles):
            has = sorted(by_name[name].bases[number] or "A" for name in one.names)
            assert has == sorted(pair)


@cache
def guidelines() -> Guidelines:
    return Guidelines(packaged_tables())


def called(definition: Definition, genotypes: list[Genotype | None]) -> GeneCall:
    """The call of a gene."""
    known = {locus: one for locus, one in zip(definition.loci, genotypes, strict=True) if one is not None}
    missing = {locus: Missing.NO_RECORD for locus in definition.loci if locus not in known}
    return call_gene(definition, guidelines(), Calls("S1", known, missing))


# Of CYP2B6 in the tables *2 has normal function, *4 increased, *18 none.
CYP2B6 = defined("CYP2B6", s1="AAA", s4="G--", s2="-G-", s18="GG-", s5="--G")


def test_solutions_of_different_phenotypes_are_not_concluded() -> None:
    call = called(CYP2B6, observed("A/G", "A/G", "A/A"))
    assert (call.status, call.reason, call.phenotype) == ("indeterminate", "solutions differ in phenotype", None)
    assert {one.phenotype.term: one.diplotypes for one in call.possible} == {
        "Intermediate Metabolizer": ("*1/*18",),
        "Rapid Metabolizer": ("*4/*2",),
    }
    phased = called(CYP2B6, observed("A|G", "A|G", "A/A"))
    assert phased.status == "called" and phased.phenotype and phased.phenotype.term == "Intermediate Metabolizer"


def test_an_allele_that_could_not_be_looked_for_keeps_the_phenotype_open() -> None:
    call = called(CYP2B6, observed("-", "A/A", "A/A"))
    assert (call.status, call.phenotype, call.not_excluded) == ("indeterminate", None, ("*4",))
    assert (call.possible[0].phenotype.term, call.possible[0].only_with) == ("Normal Metabolizer", ())
    harmless = called(CYP2B6, observed("A/A", "A/A", "-"))
    assert harmless.not_excluded == ("*5",)
    assert harmless.status == "called" and harmless.phenotype and harmless.phenotype.term == "Normal Metabolizer"


def test_a_gene_of_copies_is_not_called_whatever_the_genotypes() -> None:
    call = called(replace(CYP2B6, gene="CYP2D6"), observed("A/A", "A/A", "A/A"))
    assert (call.status, call.diplotypes, call.phenotype) == ("not called", (), None)
    assert "hybrids with CYP2D7" in call.reason


def test_what_no_named_pair_explains_is_told_without_a_phenotype() -> None:
    call = called(CYP2B6, observed("T/T", "A/A", "A/A"))
    assert (call.status, call.diplotypes) == ("not called", ())
    assert names(call.combinations) == ["g.10A>T/g.10A>T"]
    half = called(CYP2B6, observed("G/.", "A/A", "A/A"))
    assert (half.status, names(half.combinations)) == ("not called", ["*4/g.10?"])
    assert half.reason == "half of a genotype is missing: rs1 (chr1:10)"


def test_one_allele_on_an_autosome_is_missing() -> None:
    call = called(CYP2B6, observed("G", "A/A", "A/A"))
    assert call.missing == {PLACES[0]: Missing.COPIES} and call.not_excluded == ("*4",)
    mixed = called(replace(CYP2B6, contig="MT"), observed("G/G", "A", "A/G"))
    assert mixed.missing == {PLACES[2]: Missing.COPIES} and names(mixed.diplotypes) == ["*4"]


def test_required_places() -> None:
    call = called(replace(CYP2B6, required=frozenset({0})), observed("-", "A/A", "A/A"))
    assert call.status == "not called" and "rs1 (chr1:10)" in call.reason
