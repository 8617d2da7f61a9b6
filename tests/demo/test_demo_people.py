"""The six people: what they inherit, what was planted, and what it does to their genes."""

import gzip
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from demo.derive import CROSSOVER
from demo.people import PEOPLE, Variant, variants_of
from demo.reference import DATA, write_reference
from demo.slices import CONTIG
from engine.reads.sample_names import SAMPLE_ID

PLANTED = {
    "demo-child": ["ClinVar:456524", "ClinVar:4548"],
    "demo-father": ["ClinVar:4548"],
    "demo-mother": ["ClinVar:456524"],
    "demo-unrelated-1": ["ClinVar:12206"],
    "demo-unrelated-2": ["ClinVar:1312"],
    "demo-unrelated-3": [],
}
CONSEQUENCES = {
    "ClinVar:4548": ("missense", "PANK2-201", "521G>521R"),
    "ClinVar:456524": ("frameshift", "PANK2-201", "392S"),
    "ClinVar:12206": ("missense", "AVP-201", "19A>19T"),
    "ClinVar:1312": ("frameshift", "SLC4A11-201", "158R"),
    "rs1799990": ("missense", "PRNP-201", "129M>129V"),
    "rs1127354": ("missense", "ITPA-201", "32P>32T"),  # a real genotype: lowers inosine triphosphatase
}


def alleles_of(sample: str) -> dict[tuple[int, str, str], Variant]:
    return {(variant.position, variant.ref, variant.alt): variant for variant in variants_of(sample)}


def clinvar_by_id() -> dict[str, dict[str, str]]:
    with gzip.open(DATA / "clinvar.tsv.gz", "rt") as stream:
        assert "2024-12-15" in next(stream)
        columns = next(stream).rstrip("\n").split("\t")
        rows = [dict(zip(columns, line.rstrip("\n").split("\t"), strict=True)) for line in stream]
    return {row["variation_id"]: row for row in rows}


def test_the_child_has_one_haplotype_of_each_parent() -> None:
    child, father, mother = map(alleles_of, ("demo-child", "demo-father", "demo-mother"))
    nothing = (False, False)
    for allele in child | father | mother:
        carried, paternal, maternal = (
            people[allele].carried if allele in people else nothing for people in (child, father, mother)
        )
        assert carried == (paternal[1 if allele[0] < CROSSOVER else 0], maternal[0])
    transmitted = [allele for allele, variant in father.items() if variant.carried[0] != variant.carried[1]]
    assert min(transmitted)[0] < CROSSOVER < max(transmitted)[0]


def test_no_haplotype_has_two_alleles_that_overlap() -> None:
    for person in PEOPLE:
        for haplotype in (0, 1):
            carried = [variant for variant in variants_of(person.sample) if variant.carried[haplotype]]
            ends = [variant.position + len(variant.ref) for variant in carried]
            assert all(end <= after.position for end, after in zip(ends, carried[1:], strict=False))


def test_people_differ_from_the_reference_as_people_do() -> None:
    for person in PEOPLE:
        variants = variants_of(person.sample)
        indels = sum(len(variant.ref) != len(variant.alt) for variant in variants)
        heterozygous = sum(variant.carried[0] != variant.carried[1] for variant in variants)
        assert 250 < len(variants) < 500  # about one in a kilobase of the 302 kb that have genotypes
        assert 0.05 < indels / len(variants) < 0.2
        assert 0.4 < heterozygous / len(variants) < 0.85
    with pytest.raises(ValueError, match="somebody"):
        variants_of("somebody")


def test_what_was_planted_is_pathogenic_in_clinvar_and_nobody_has_more() -> None:
    clinvar = clinvar_by_id()
    pathogenic = {(int(row["pos"]) - 1, row["ref"], row["alt"]) for row in clinvar.values()}
    for sample, names in PLANTED.items():
        planted = [variant for variant in variants_of(sample) if variant.is_planted]
        assert [variant.name for variant in planted] == names
        for variant in planted:
            row = clinvar[variant.name.removeprefix("ClinVar:")]
            assert (int(row["pos"]) - 1, row["ref"], row["alt"]) == (variant.position, variant.ref, variant.alt)
            assert row["clinical_significance"] == "Pathogenic"
            assert row["review_status"] == "criteria_provided,_multiple_submitters,_no_conflicts"
            assert variant.carried[0] != variant.carried[1]
        assert pathogenic & set(alleles_of(sample)) == {(v.position, v.ref, v.alt) for v in planted}


def test_the_childs_two_pank2_variants_are_in_trans() -> None:
    frameshift, missense = (variant for variant in variants_of("demo-child") if variant.is_planted)
    assert (missense.carried, frameshift.carried) == ((True, False), (False, True))


def test_the_gene_model_tells_what_each_does_to_its_protein(tmp_path: Path) -> None:
    paths = write_reference(tmp_path)
    said = pysam.bcftools.csq(
        "--no-version", "-p", "a", "-f", str(paths["demo.fa.gz"]), "-g", str(paths["genes.gff3.gz"]),
        str(DATA / "people.vcf.gz"),
    )  # fmt: skip
    rows = {row[2]: row[7] for row in (line.split("\t") for line in said.splitlines()) if row[0] == CONTIG}
    for name, (kind, transcript, change) in CONSEQUENCES.items():
        told = [item.split("|") for item in rows[name].partition("BCSQ=")[2].split(",")]
        (of_transcript,) = [item for item in told if item[2] == transcript]
        assert of_transcript[0] == kind
        assert of_transcript[5].startswith(change)


def test_every_person_fits_the_sample_sheet() -> None:
    assert [person.sample for person in PEOPLE] == list(PLANTED)
    assert all(SAMPLE_ID.fullmatch(person.sample) for person in PEOPLE)  # as they are: no id is to be mapped
    samples = {person.sample for person in PEOPLE}
    for person in PEOPLE:
        assert set(person.parents or ()) <= samples
        assert person.sex in ("female", "male") and person.lanes and person.order and person.story
