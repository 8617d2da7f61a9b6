"""Which allele of three copies is there twice: by reads where they tell it, and otherwise both ways."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pysam
import pytest

from engine.pharmacogenomics.calls import GeneCall, call_gene
from engine.pharmacogenomics.copies import Copies, count_copies
from engine.pharmacogenomics.definitions import Definition
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing
from engine.reference.bundle import Contig
from engine.reference.genome import Reference
from tests.engine.pharmacogenomics.test_pypgx import calls, guidelines, packaged, told

LENGTH = 51_304_566
ONE_AND_FOUR = {"rs3892097": "C/T", "rs1065852": "G/A"}


def called(genotypes: dict[str, str], number: int, **reads: tuple[int, int]) -> GeneCall:
    """CYP2D6 of so many copies, with reads of REF and of the other base by rsid."""
    gene = packaged("CYP2D6")
    by_id = {locus.rsid: locus for locus in gene.loci}
    seen = {by_id[rsid]: dict(zip(genotypes[rsid].split("/"), counts, strict=True)) for rsid, counts in reads.items()}
    return call_gene(gene, guidelines(), calls("CYP2D6", genotypes), copies={"CYP2D6": Copies(number, seen)})


def test_reads_tell_which_allele_is_there_twice_and_the_phenotype_goes_with_it() -> None:
    normal = called(ONE_AND_FOUR, 3, rs3892097=(40, 21), rs1065852=(43, 19))
    assert (normal.status, told(normal)) == ("called", ["*1x2/*4"])
    assert normal.phenotype and (normal.phenotype.score, normal.phenotype.term) == (2.0, "Normal Metabolizer")
    poor = called(ONE_AND_FOUR, 3, rs3892097=(20, 41), rs1065852=(19, 43))
    assert (poor.status, told(poor)) == ("called", ["*1/*4x2"])
    assert poor.phenotype and (poor.phenotype.score, poor.phenotype.term) == (1.0, "Intermediate Metabolizer")
    assert poor.is_counted and "3 copies by depth" in poor.warnings[-2]


@pytest.mark.parametrize("reads", [{}, {"rs3892097": (5, 3)}, {"rs3892097": (30, 31), "rs1065852": (30, 30)}])
def test_where_reads_do_not_tell_both_ways_are_solutions_and_no_phenotype_is_concluded(
    reads: dict[str, tuple[int, int]],
) -> None:
    call = called(ONE_AND_FOUR, 3, **reads)
    assert (call.status, told(call)) == ("indeterminate", ["*1/*4x2", "*1x2/*4"])
    assert call.phenotype is None and call.reason == "solutions differ in phenotype"
    assert {one.phenotype.score for one in call.possible} == {1.0, 2.0}
    assert any("leave open how they are shared out" in one for one in call.warnings)


def test_like_alleles_are_told_without_reads() -> None:
    call = called({}, 3)
    assert (call.status, told(call)) == ("called", ["*1x2/*1"])
    assert call.phenotype and (call.phenotype.score, call.phenotype.term) == (3.0, "Ultrarapid Metabolizer")


def test_ways_of_one_phenotype_leave_it_concluded() -> None:
    # *2 is normal as *1 is: whichever is there twice, the sum is 3
    call = called({"rs16947": "G/A", "rs1135840": "C/G"}, 3)
    assert call.status == "called"
    assert set(told(call)) == {"*1x2/*2", "*1/*2x2", "*34x2/*39", "*34/*39x2"}
    assert call.phenotype and call.phenotype.term == "Ultrarapid Metabolizer"


def test_of_four_copies_there_may_be_two_and_two() -> None:
    even = called(ONE_AND_FOUR, 4, rs3892097=(60, 61), rs1065852=(58, 60))
    assert told(even) == ["*1x2/*4x2"] and even.phenotype and even.phenotype.score == 2.0
    assert told(called(ONE_AND_FOUR, 4, rs3892097=(92, 30), rs1065852=(90, 29))) == ["*1x3/*4"]


def test_reads_that_fit_no_way_tell_nothing() -> None:
    strange = called(ONE_AND_FOUR, 3, rs3892097=(100, 4), rs1065852=(99, 3))
    assert told(strange) == ["*1/*4x2", "*1x2/*4"]


def test_the_reads_also_tell_which_variants_lie_together() -> None:
    # *2 has both; were they on two chromosomes (*34 and *39), one would have a third of the reads and the other two
    genotypes = {"rs16947": "G/A", "rs1135840": "C/G"}
    call = called(genotypes, 3, rs16947=(21, 42), rs1135840=(20, 41))
    assert told(call) == ["*1/*2x2"]


SHIFT = 396_002
"""Bases by which CYP2D6 lies further on in GRCh37 than in GRCh38."""


def on_grch37(gene: Definition) -> Definition:
    return replace(gene, loci=tuple(replace(one, position=one.position + SHIFT) for one in gene.loci))


def genotypes_of(reads: Path, gene: Definition) -> Calls:
    """By the bases that a fifth of the reads have; a place at which reads have insertions or deletions is not known."""
    known, missing = {}, {}
    with pysam.AlignmentFile(str(reads)) as file:
        for locus in gene.loci:
            start = locus.position - 1
            columns = file.pileup("22", start, start + 1, truncate=True, min_mapping_quality=20)
            reads_here = [one for column in columns for one in column.pileups]
            bases = Counter(
                str(one.alignment.query_sequence)[one.query_position]
                for one in reads_here
                if one.query_position is not None
            )
            most = [base for base, count in bases.most_common(2) if count >= len(reads_here) / 5]
            changed = sum(one.indel != 0 or one.is_del for one in reads_here)
            is_single = {len(locus.ref), *map(len, locus.alternates)} == {1}
            if changed > len(reads_here) / 5 or not most:
                missing[locus] = Missing.NO_CALL
            elif is_single:
                known[locus] = Genotype((most[0], most[-1]))
            else:
                known[locus] = Genotype((locus.ref, locus.ref))
    return Calls("HG00436", known, missing)


def test_hg00436_has_star_2_twice(shared_data: Path, tmp_path: Path) -> None:
    """*2x2/*71 by Gaedigk et al. 2019 (10.1016/j.jmoldx.2019.06.007), from its reads about the gene."""
    reads = shared_data / "chrM_cyp2d6" / "nf.test.PGx.CYP2D6.bam"
    gene = on_grch37(packaged("CYP2D6"))
    fasta = tmp_path / "genome.fa"
    reference = Reference(fasta, fasta, None, fasta, (Contig("22", LENGTH, ""),))
    copies = count_copies(reads, reference, "GRCh37", [gene])
    found = copies["CYP2D6"]
    assert isinstance(found, Copies) and found.number == 3
    call = call_gene(gene, guidelines(), genotypes_of(reads, gene), copies=copies)
    assert set(told(call)) == {"*2x2/*71", "*34x2/*71", "*39x2/*71"}, "*71 is there once; the parts of *2 stay open"
    assert call.preferred == ("*2x2/*71",)
