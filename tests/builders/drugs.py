"""What is said of drugs, in one call: PyPGx's packaged alleles and texts over genotypes that are made up."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from engine.pharmacogenomics.calls import call_sample
from engine.pharmacogenomics.definitions import Definition, Locus
from engine.pharmacogenomics.document import document
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing
from engine.pharmacogenomics.guidelines import Guidelines
from engine.pharmacogenomics.pypgx import packaged_definitions, packaged_tables
from engine.report.drug_response import DrugResponse, read_drug_response

GENES = ("CYP2C19", "CYP2D6", "DPYD", "NUDT15", "SLCO1B1", "TPMT")
"""Genes that are told unless a test names others: CYP2D6 is never called from a VCF."""
POOR = {"rs12769205": "GG", "rs4244285": "AA"}
"""CYP2C19 *2/*2."""
AMBIGUOUS = {"rs1800460": "CT", "rs1142345": "TC"}
"""TPMT *1/*3A or *3B/*3C, which the genotypes do not tell apart, of different phenotypes."""


@cache
def _definitions() -> dict[str, Definition]:
    return {one.gene: one for one in packaged_definitions(packaged_tables())}


@cache
def _guidelines() -> Guidelines:
    return Guidelines(packaged_tables())


def write_pharmacogenes(
    path: Path,
    genotypes: Mapping[str, str] | None = None,
    *,
    missing: Collection[str] = (),
    genes: Collection[str] = GENES,
    sample: str = "S1",
) -> Path:
    """Write the document of a sample that is the genome's reference but for these.

    Args:
        path: to be written.
        genotypes: two bases by rsid; CYP2C19 *2/*2 by default.
        missing: rsids of positions that were not called.
        genes: that are told.
        sample: whose it is.
    """
    wanted = POOR if genotypes is None else genotypes
    definitions = [_definitions()[gene] for gene in genes]
    calls = Calls(sample)
    for locus in dict.fromkeys(locus for one in definitions for locus in one.loci):
        if locus.rsid in missing:
            calls.missing[locus] = Missing.NOT_CALLABLE
        else:
            calls.known[locus] = _genotype(locus, wanted.get(locus.rsid))
    told = call_sample(definitions, _guidelines(), calls)
    path.write_text(json.dumps(document([told], _guidelines())))
    return path


def drug_response(folder: Path, genotypes: Mapping[str, str] | None = None, **options: Collection[str]) -> DrugResponse:
    """What a report says of it; arguments as of :func:`write_pharmacogenes`."""
    folder.mkdir(parents=True, exist_ok=True)
    return read_drug_response(write_pharmacogenes(folder / "pharmacogenomics.json", genotypes, **options), "S1")


def _genotype(locus: Locus, bases: str | None) -> Genotype:
    return Genotype((locus.ref, locus.ref) if bases is None else (bases[0], bases[1]))
