"""Alleles told by PyPGx's rule, and what its tables say of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from engine.errors import KnowledgeError
from engine.pharmacogenomics import carried
from engine.pharmacogenomics.calls import GeneCall, call_gene, call_sample
from engine.pharmacogenomics.definitions import Definition, Locus, NamedAllele, Rule
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing
from engine.pharmacogenomics.guidelines import Guidelines, Phenotype, is_within
from engine.pharmacogenomics.pypgx import packaged_definitions, packaged_tables


@cache
def guidelines() -> Guidelines:
    return Guidelines(packaged_tables())


@cache
def packaged(gene: str) -> Definition:
    (found,) = packaged_definitions(packaged_tables(), {gene})
    return found


def calls(gene: str, genotypes: Mapping[str, str], missing: tuple[str, ...] = ()) -> Calls:
    """The reference everywhere, but for genotypes by rsid (``G/A``); the missing ones are not known."""
    known = {}
    for locus in packaged(gene).loci:
        alleles = genotypes.get(locus.rsid, f"{locus.ref}/{locus.ref}")
        if locus.rsid not in missing:
            known[locus] = Genotype(tuple(alleles.replace("|", "/").split("/")), "" if "|" in alleles else None)
    gone = {locus: Missing.NO_RECORD for locus in packaged(gene).loci if locus not in known}
    return Calls("S1", known, gone)


def called(gene: str, missing: tuple[str, ...] = (), **genotypes: str) -> GeneCall:
    return call_gene(packaged(gene), guidelines(), calls(gene, genotypes, missing))


def told(call: GeneCall) -> list[str]:
    return sorted(one.name for one in call.diplotypes)


@pytest.mark.parametrize(
    ("genotypes", "diplotypes"),
    [
        ({}, ["*38/*38"]),  # GRCh38 itself has no *1 of CYP2C19
        ({"rs3758581": "G/G"}, ["*1/*1"]),
        ({"rs3758581": "G/G", "rs12769205": "A/G", "rs4244285": "G/A"}, ["*1/*2", "*1/*35"]),
        ({"rs3758581": "G/G", "rs12769205": "A|G", "rs4244285": "G|A"}, ["*1/*2"]),
        ({"rs3758581": "G/G", "rs12248560": "T/T", "rs28399504": "A/G"}, ["*4/*17"]),
    ],
)
def test_a_chromosome_is_told_by_the_first_allele_on_it(genotypes: dict[str, str], diplotypes: list[str]) -> None:
    assert told(called("CYP2C19", **genotypes)) == diplotypes


def test_an_allele_that_is_part_of_another_is_not_told() -> None:
    assert told(called("TPMT", rs1800460="C|T", rs1142345="T|C")) == ["*1/*3A"]
    call = called("TPMT", rs1800460="C/T", rs1142345="T/C")
    assert told(call) == ["*1/*3A", "*3B/*3C"] and call.status == "indeterminate"
    assert told(called("CYP2B6", rs3745274="G|T", rs2279343="A|G")) == ["*1/*6"]


def test_a_part_of_lower_function_is_not_told_for_the_whole() -> None:
    places = tuple(Locus("chr1", 10 * number, "A", ("G",), f"rs{number}") for number in (1, 2))
    alleles = (NamedAllele("*1", ("A", "A"), True), NamedAllele("*2", ("G", None)), NamedAllele("*3", ("G", "G")))
    rank = {"*1": (13, 0), "*2": (0, -1), "*3": (13, -2)}
    made = Definition("GENE", "chr1", places, alleles, Rule.CARRIED, "TEST", "1", "GRCh38", rank=rank)
    both = [Genotype(("A", "G"), ""), Genotype(("A", "G"), "")]
    assert [one.name for one in carried.tell(made, both)] == ["*1/*3"]


def test_an_allele_with_an_unknown_place_is_not_excluded() -> None:
    call = called("TPMT", ("rs1142345",), rs1800460="C/T")
    assert told(call) == ["*1/*3B"]
    assert {"*3A", "*3C"} <= set(call.not_excluded) and call.status == "indeterminate"
    assert "*2" not in call.not_excluded
    whole = called("TPMT", rs1800460="C/T")
    assert (whole.not_excluded, whole.status) == ((), "called")
    assert whole.phenotype == Phenotype("Intermediate Metabolizer")


def test_dpyd_is_told_by_its_lowest_function_whatever_the_definitions() -> None:
    call = called("DPYD", rs3918290="C/T")
    assert (told(call), call.phenotype) == (
        ["Reference/c.1905+1G>A (*2A)"],
        Phenotype("Intermediate Metabolizer", 1.0),
    )
    unphased = called("DPYD", rs3918290="C/T", rs67376798="T/A")
    assert unphased.haplotypes == ("c.1905+1G>A (*2A)", "c.2846A>T") and not unphased.diplotypes
    assert {(one.phenotype.term, one.phenotype.score) for one in unphased.possible} == {
        ("Intermediate Metabolizer", 1.0),
        ("Poor Metabolizer", 0.5),
    }
    assert unphased.status == "indeterminate"
    phased = called("DPYD", rs3918290="C|T", rs67376798="T|A")
    assert phased.phenotype == Phenotype("Intermediate Metabolizer", 1.0)


def test_a_drug_of_two_genes_is_told_by_both_or_by_the_one_that_is_known() -> None:
    two = guidelines().recommendations({"TPMT": "Normal Metabolizer", "NUDT15": "Poor Metabolizer"})
    (both,) = (one for one in two if one.drug == "azathioprine")
    (alone,) = (
        one for one in guidelines().recommendations({"TPMT": "Normal Metabolizer"}) if one.drug == "azathioprine"
    )
    assert both.genes == {"NUDT15": "Poor Metabolizer", "TPMT": "Normal Metabolizer"}
    assert alone.genes == {"NUDT15": None, "TPMT": "Normal Metabolizer"} and alone.text.startswith("Based on TPMT")
    assert both.text != alone.text and both.level == "A" and both.guideline.startswith("https://cpicpgx.org/")
    assert guidelines().recommendations({"TPMT": None}) == []


def test_what_is_not_concluded_advises_on_no_drug() -> None:
    definitions = [packaged("TPMT")]
    open_ = call_sample(definitions, guidelines(), calls("TPMT", {"rs1800460": "C/T", "rs1142345": "T/C"}))
    assert open_.recommendations == ()
    closed = call_sample(definitions, guidelines(), calls("TPMT", {"rs1800460": "C|T", "rs1142345": "T|C"}))
    assert {one.drug for one in closed.recommendations} == {"azathioprine", "mercaptopurine", "thioguanine"}


@pytest.mark.parametrize(
    ("gene", "alleles", "phenotype"),
    [
        ("CYP2C9", ("*1", "*2"), Phenotype("Intermediate Metabolizer", 1.5)),
        ("CYP2C9", ("*3", "*3"), Phenotype("Poor Metabolizer", 0.0)),
        ("CYP2C9", ("*1", "*7"), Phenotype("Indeterminate")),
        ("CYP2C19", ("*17", "*1"), Phenotype("Rapid Metabolizer")),
        ("CYP2C19", ("*1", "*999"), Phenotype(None)),
        ("G6PD", ("Chatham",), Phenotype("G6PD Deficient")),
        ("ABCG2", ("rs2231142 reference (G)", "rs2231142 variant (T)"), Phenotype("Decreased Function")),
        ("VKORC1", ("Reference", "Reference"), Phenotype(None)),
    ],
)
def test_phenotypes(gene: str, alleles: tuple[str, ...], phenotype: Phenotype) -> None:
    assert guidelines().phenotype(gene, alleles) == phenotype


@pytest.mark.parametrize("bounds", ["score", "1 < 2", "score >= 1", "__import__('os')"])
def test_bounds_that_are_none(bounds: str) -> None:
    with pytest.raises(KnowledgeError, match="no bounds of a score"):
        is_within(1, bounds)


def test_cyp2d6_is_named_where_the_reads_have_two_copies_and_nowhere_else() -> None:
    genotypes = calls("CYP2D6", {"rs3892097": "C/T", "rs1065852": "G/A"})
    gene = packaged("CYP2D6")
    two = call_gene(gene, guidelines(), genotypes, copies={"CYP2D6": ""})
    assert (two.status, told(two), two.phenotype and two.phenotype.score) == ("called", ["*1/*4"], 1.0)
    assert "two copies by depth" in two.warnings[-1] and two.is_counted
    three = call_gene(gene, guidelines(), genotypes, copies={"CYP2D6": "3 copies by depth"})
    assert (three.status, three.reason, three.diplotypes) == ("not called", "3 copies by depth", ())
    assert call_gene(gene, guidelines(), genotypes).status == "not called"
