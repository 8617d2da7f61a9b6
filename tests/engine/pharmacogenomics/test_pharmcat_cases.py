"""PharmCAT's own cases: 187 lists of diplotypes, and 109 genotypes of DPYD's HapB3 phased and unphased."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.pharmacogenomics import lowest_function
from engine.pharmacogenomics.combinations import combine
from engine.pharmacogenomics.definitions import Definition
from engine.pharmacogenomics.genotypes import Genotype, read_genotypes
from engine.pharmacogenomics.lowest_function import Warned
from engine.pharmacogenomics.matching import Diplotype, Observed, best, by_place, match
from engine.pharmacogenomics.pharmcat import read_definition

HAP_B3, INTRONIC = "c.1129-5923C>G, c.1236G>A (HapB3)", "c.1129-5923C>G"
WARNINGS = {
    Warned.EXONIC_ONLY: "pcat-dpyd-hapB3-exonic-only",
    Warned.EXON_WITHOUT_INTRON: "pcat-dpyd-hapB3-intronic-mismatch-exonic",
}


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    folder = shared_data / "pharmcat"
    if not folder.is_dir():
        pytest.skip("PharmCAT's cases are not among the shared data")
    return folder


def test_every_expectation_of_diplotypes(cases: Path) -> None:
    with (cases / "expected.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = [f"{row['test']}, {row['vcf']}" for row in rows if not is_as_expected(cases, row)]
    assert (len(rows), wrong) == (187, [])


def is_as_expected(cases: Path, row: dict[str, str]) -> bool:
    """Whether a case's diplotypes, and DPYD's alleles where it states them, are those expected."""
    exemptions = cases / "definitions" / "exemptions.json.gz"
    definition = read_definition(cases / row["definition"], exemptions if row["exemptions"] == "1" else None)
    observed = by_place(definition, read_genotypes(cases / row["vcf"], definition.loci)[0].known)
    want = {frozenset(name.split("/")) for name in row["expected_diplotypes"].split("|")} - {frozenset(["no_call"])}
    if definition.gene in lowest_function.GENES:
        found = lowest_function.find(definition, observed)
        told = [name for one in found.diplotypes for name in one.names] or found.haplotypes
        alleles = row["expected_haplotypes"].split("|") if row["expected_haplotypes"] else told
        as_listed = sorted(told) == sorted(alleles) if not found.diplotypes else set(told) == set(alleles)
        return as_listed and {frozenset(one.names) for one in found.diplotypes} == want
    return {frozenset(one.names) for one in solutions(definition, observed, row)} == want


def solutions(definition: Definition, observed: Observed, row: dict[str, str]) -> list[Diplotype]:
    """What is told in the case's mode."""
    if any(observed[number] is None for number in definition.required):
        return []
    halves = any(one is not None and None in one.alleles for one in observed)
    found = [] if halves else match(definition, observed)
    # PharmCAT does not cut NAT2's solutions by score, whether or not it is told which one it prefers.
    if row["top_candidate_only"] == "1" and (definition.gene != "NAT2" or row["exemptions"] == "1"):
        found = best(definition, observed, found)
    return found or (combine(definition, observed) if row["find_combinations"] == "1" else [])


@pytest.mark.parametrize("phased", [True, False], ids=["phased", "unphased"])
def test_every_row_of_hap_b3(cases: Path, phased: bool) -> None:
    definitions = cases / "definitions"
    definition = read_definition(definitions / "DPYD_translation.json.gz", definitions / "exemptions.json.gz")
    rows = list(hap_b3_rows(cases))
    wrong = []
    for number, (rsids, row) in enumerate(rows, start=4):
        found = lowest_function.find(definition, genotypes(definition, rsids, row, phased))
        told = [sorted(one.names) for one in found.diplotypes] or [sorted(found.haplotypes)]
        warned = ",".join(WARNINGS[one] for one in found.warnings)
        call = row[7] if phased or not row[9].strip() else row[9]
        if told != [sorted(alleles(call))] or warned != row[12 if phased else 13].strip():
            wrong.append((number, row, told, warned))
    assert (len(rows), wrong) == (109, [])


def hap_b3_rows(cases: Path) -> Iterator[tuple[list[str], list[str]]]:
    """The rsids and a row's columns."""
    lines = (cases / "dpyd_hapb3.tsv").read_text().splitlines()
    rsids = lines[2].split("\t")[:7]
    for line in lines[3:]:
        yield rsids, line.split("\t")


def genotypes(definition: Definition, rsids: list[str], row: list[str], phased: bool) -> Observed:
    """The sample's genotypes: the reference at every place that the row does not name."""
    given = dict(zip(rsids, row, strict=False))
    observed: list[Genotype | None] = []
    for locus in definition.loci:
        text = given.get(locus.rsid, "0/0")
        # In the sheet the base of rs186169810 is one that no allele names.
        other = locus.ref if locus.rsid == "rs186169810" else locus.alternates[0]
        pair = tuple(locus.ref if one == "0" else other for one in re.split("[/|]", text))
        observed.append(None if text == "missing" else Genotype(pair, "" if phased else None))
    return observed


def alleles(call: str) -> list[str]:
    """The alleles of a call as the sheet writes it: a diplotype, or a list with what both chromosomes have."""
    found = []
    for part in call.split("/") if "/" in call else call.split(","):
        name = part.strip().removesuffix(" (homozygous)")
        name = re.sub(r"(\S)\+(\S)", r"\1 + \2", name).replace("ref", "Reference")
        name = name.replace("HapB3Intron", "intronic").replace("HapB3", HAP_B3).replace("intronic", INTRONIC)
        found += [name] * (2 if part.endswith("(homozygous)") else 1)
    return found
