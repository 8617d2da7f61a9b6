"""Alleles where haplotypes differ: merged, spanned, ordered and carried."""

import numpy as np

from engine.call.haplotype.genotype.sites import Event, Site, find_sites

REFERENCE = "ACGTACGTACGTACGTACGT"


def sites_of(*haplotypes: list[Event], ploidy: int = 2, scores: list[float] | None = None) -> list[Site]:
    return find_sites(
        list(haplotypes),
        start=0,
        end=len(REFERENCE),
        reference=np.frombuffer(REFERENCE.encode(), np.uint8),
        reference_start=0,
        haplotype_scores=np.array(scores or [0.0] * len(haplotypes)),
        ploidy=ploidy,
    )


def carried(site: Site) -> list[str]:
    """The allele of each haplotype, ``-`` for none."""
    return [
        "/".join(allele for allele, carriers in zip(site.alleles, site.carriers, strict=True) if carriers[h]) or "-"
        for h in range(site.carriers.shape[1])
    ]


def test_a_snp_and_the_haplotypes_without_it() -> None:
    (site,) = sites_of([], [Event(4, 5, "T")])
    assert (site.start, site.end, site.alleles) == (4, 5, ("A", "T"))
    assert carried(site) == ["A", "T"]


def test_alleles_are_written_over_the_longest_reference_allele() -> None:
    (site,) = sites_of([Event(4, 7, "A")], [Event(4, 5, "G")], [Event(4, 6, "A")], [])
    assert site.alleles == ("ACG", "A", "GCG", "AG")
    assert carried(site) == ["A", "GCG", "AG", "ACG"]


def test_a_haplotype_that_lacks_the_position_carries_a_spanning_deletion() -> None:
    _, site = sites_of([Event(3, 7, "T")], [Event(5, 6, "A")], [])
    assert (site.start, site.alleles) == (5, ("C", "*", "A"))
    assert carried(site) == ["*", "A", "C"]
    assert site.reached_from_before == 3


def test_an_insertion_hides_the_deletion_that_ends_where_it_begins() -> None:
    deletion, insertion = Event(3, 6, "T"), Event(5, 6, "CTT")
    _, site = sites_of([deletion, insertion], [deletion])
    assert site.alleles == ("C", "CTT", "*")
    assert carried(site) == ["CTT", "*"]


def test_sites_outside_the_region_belong_to_others() -> None:
    found = find_sites(
        [[Event(4, 5, "T"), Event(9, 10, "G")]],
        start=5,
        end=9,
        reference=np.frombuffer(REFERENCE.encode(), np.uint8),
        reference_start=0,
        haplotype_scores=np.zeros(1),
        ploidy=2,
    )
    assert found == []


def test_too_many_alleles_are_cut_down_to_those_of_the_best_haplotypes() -> None:
    """At ploidy 20 two alternates make 231 genotypes, three 1,771: the worst of three has to go."""
    haplotypes = [[Event(4, 5, base)] for base in "CGT"]
    (site,) = sites_of(*haplotypes, [], ploidy=20, scores=[-2.0, -9.0, -1.0, float("nan")])
    assert site.alleles == ("A", "C", "T")
    assert carried(site) == ["C", "-", "T", "A"]
