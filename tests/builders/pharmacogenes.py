"""A small genome with a pharmacogene, its allele definition in PharmCAT's format, and calls of people on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONTIG = "chr2"
#           1         11        21        31        41        51
GENOME = "ACGTTGCAACGGATCCTAGGTATATATACGGATTCAGTCCATGCAAGTCAGGCTTAACCGT"
"""Bases of :data:`CONTIG`; at 21 begins the repeat ``TATATATA``."""

PLACES = [
    (5, "T", ["C"], "rs1"),
    (10, "C", ["T", "A"], "rs2"),
    (20, "GTA", ["G", "GTATA", "GTATATA"], "rs3"),
    (40, "C", ["G"], "rs4"),
]
"""Position, REF, alternates, rsid."""
ALLELES: dict[str, list[str | None]] = {
    "*1": ["T", "C", "GTA", "C"],
    "*2": ["C", None, None, None],
    "*3": [None, "T", None, None],
    "*4": ["C", "T", None, None],
    "*28": [None, None, "GTATA", None],
    "*36": [None, None, "G", None],
    "*9": [None, None, None, "G"],
}
"""By name the base at each place; the first is the reference."""


def write_genome(folder: Path, *, contig: str = CONTIG, bases: str = GENOME) -> Path:
    """Write the FASTA."""
    path = folder / "genome.fa"
    path.write_text(f">{contig}\n{bases}\n")
    return path


def definition(
    gene: str = "UGT1A1", *, contig: str = CONTIG, places: Sequence[Any] = PLACES, alleles: Any = None
) -> Any:
    """A definition, as PharmCAT writes it."""
    named = ALLELES if alleles is None else alleles
    return {
        "formatVersion": "2",
        "source": "TEST",
        "version": "2026-01-01",
        "gene": gene,
        "chromosome": contig,
        "genomeBuild": "GRCh38.p14",
        "variants": [
            {"chromosome": contig, "position": position, "rsid": rsid, "ref": ref, "alts": alts}
            for position, ref, alts, rsid in places
        ],
        "namedAlleles": [
            {"name": name, "alleles": bases, "reference": number == 0}
            for number, (name, bases) in enumerate(named.items())
        ],
    }


def write_definitions(folder: Path, *definitions: Any, exemptions: Any = None) -> Path:
    """Write a folder of definitions."""
    folder.mkdir(exist_ok=True)
    for one in definitions or [definition()]:
        (folder / f"{one['gene']}_translation.json").write_text(json.dumps(one))
    if exemptions is not None:
        (folder / "exemptions.json").write_text(json.dumps(exemptions))
    return folder


def write_calls(path: Path, records: Sequence[str], *, samples: Sequence[str] = ("S1",), header: str = "") -> Path:
    """Write a VCF; a record is ``position ref alt genotypes...`` on :data:`CONTIG`, or ``contig:position ...``; a
    genotype with ``@n`` is in phase set n, a first field ``!`` marks a record that failed its filter."""
    lines = ["##fileformat=VCFv4.2", *([header] if header else [])]
    lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]))
    for record in records:
        fields = record.split()
        passed = "PASS"
        if fields[0] == "!":
            passed, fields = "LowQual", fields[1:]
        contig, _, position = fields[0].rpartition(":")
        values = [value.replace("@", ":") if "@" in value else f"{value}:." for value in fields[3:]]
        place = [contig or CONTIG, position, ".", fields[1], fields[2]]
        lines.append("\t".join([*place, ".", passed, ".", "GT:PS", *values]))
    path.write_text("\n".join(lines) + "\n")
    return path


WHOLE = ("5 T C {}", "10 C T,A {}", "20 GTA G,GTATA,GTATATA {}", "40 C G {}")
"""The records of a sample with a genotype at every place."""


def whole(*genotypes: str) -> list[str]:
    """Records at every place, with these genotypes; ``-`` leaves the place out."""
    return [record.format(genotype) for record, genotype in zip(WHOLE, genotypes, strict=True) if genotype != "-"]
