"""A made genome and a person in it with one event of each kind, the parents, and what a laboratory would deliver.

Contigs bear the names of chromosomes and are short: each holds one kind of event, so that a finding can be told by its
place. SMN1 and SMN2, CYP2D6 and CYP2D7 stand at places of their own (:data:`SMN_PLACES`, :data:`CYP2D6_START`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from demo.sequencer import Library
from engine.structural.smn import STRETCH
from tests.builders.deployment import Deployment, let_settle, write_libraries, write_sheet
from tests.builders.pharmacogenes import definition, write_definitions
from tests.builders.sequencing import reverse_complement
from tests.builders.small_genome import Gene, bases, clinvar_line

CHILD, FATHER, MOTHER = "child", "father", "mother"
DEPTH, OF_MITOCHONDRIA = 26.0, 220.0
Edit = tuple[int, int, str]
"""0-based start, end, and what stands there instead."""

SMN_PLACES: Final = (15_000, 45_000)
_BESIDE: Final = STRETCH + 1_000
CYP2D6_START: Final = 0
"""From where the stretches of CYP2D6 are counted on this chr22."""
REPEAT, UNITS, EXPANDED = ("HTT", "CAG"), 19, 55
MOSAIC: Final = 0.2
"""Share of the molecules with the mosaic allele."""
HETEROPLASMY, LOST_MOLECULES = 0.3, 0.2
COMMON_DELETION: Final = (8_470, 13_447)
MITOCHONDRIAL: Final = 3_242
RUN: Final = 1_050_000
"""Length of the contig without a heterozygous base."""
_EVERY: Final = 190
"""Bases from one of its variants to the next."""
LABORATORY = """
aligned_reads:
  mean_coverage: {minimum: 1}
  fraction_20x: {minimum: 0.01}
"""
"""The parents are sequenced on two contigs alone."""


@dataclass(frozen=True)
class Planted:
    """One event of chr1.

    Attributes:
        gene: whose exon it lies over.
        edit: of the copy that has it.
        copies: how many have it.
        exon: 0-based, half-open.
    """

    gene: str
    edit: Edit
    copies: int
    exon: tuple[int, int]


@cache
def contigs() -> Mapping[str, str]:
    """The reference."""
    first = bases(110_000, 1)
    repeat = first[80_000:81_500]
    first = first[:88_000] + repeat + first[89_500:]  # no read and no pair spans it: depth alone tells of its loss
    fourth = bases(30_000, 4)
    fourth = fourth[:15_000] + REPEAT[1] * UNITS + fourth[15_000:]
    return {
        "chr1": first,
        "chr2": bases(RUN, 2),
        "chr3": bases(30_000, 3),
        "chr4": fourth,
        "chr5": _two_genes(bases(60_000, 5)),
        "chr15": bases(40_000, 15),
        "chr16": bases(30_000, 16),
        "chr22": bases(50_500, 22),
        "chrM": bases(16_569, 25),
    }


def _two_genes(text: str) -> str:
    """SMN1 and SMN2: the same but for one base."""
    first, second = SMN_PLACES
    gene = text[first - _BESIDE : first + _BESIDE]
    for at, base in ((first, "C"), (second, "T")):
        text = text[: at - _BESIDE] + gene[:_BESIDE] + base + gene[_BESIDE + 1 :] + text[at + _BESIDE :]
    return text


def other(base: str) -> str:
    """A transition."""
    return {"A": "G", "G": "A", "C": "T", "T": "C"}[base]


@cache
def planted() -> tuple[Planted, ...]:
    """What stands on chr1."""
    text = contigs()["chr1"]
    stop = text[8_050:8_051]
    return (
        Planted("ABCA4", (8_050, 8_051, other(stop)), 1, (8_000, 8_300)),
        Planted("AGL", (14_100, 14_101, text[14_100] + "ACGTACG"), 1, (14_000, 14_300)),
        Planted("COL11A1", (20_000, 20_700, ""), 1, (20_200, 20_400)),
        Planted("MFN2", (30_000, 31_200, text[30_000:31_200] * 2), 1, (30_300, 30_600)),
        Planted("POMGNT1", (42_000, 43_000, reverse_complement(text[42_000:43_000])), 2, (42_300, 42_600)),
        Planted("LMNA", (55_000, 55_000, bases(240, 99)), 1, (54_900, 55_200)),
        Planted("NPHP4", (80_000, 88_000, ""), 1, (84_000, 84_400)),
    )


def genes() -> list[Gene]:
    """One gene of one exon over each event, and those of the other contigs."""
    spans = [(one.gene, "chr1", one.exon) for one in planted()]
    spans += [("PIK3CA", "chr3", (15_000, 15_300)), (REPEAT[0], "chr4", (14_900, 15_300))]
    spans += [("SMN1", "chr5", (SMN_PLACES[0] - 300, SMN_PLACES[0] + 300)), ("CYP2D6", "chr22", (22_600, 22_900))]
    return [
        Gene(name, ((start + 1, end),), ((start + 1, start + 3 * ((end - start) // 3)),), contig=contig,
             transcript=f"ENST{number:011d}")
        for number, (name, contig, (start, end)) in enumerate(spans, start=1)
    ]  # fmt: skip


@cache
def small_variants() -> Mapping[str, tuple[int, str, str]]:
    """Those that ClinVar calls pathogenic, by gene: 1-based place, REF, ALT."""
    text = contigs()
    snv, indel = (one.edit for one in planted()[:2])
    mosaic = text["chr3"][15_100]
    circle = text["chrM"][MITOCHONDRIAL]
    return {
        "ABCA4": (snv[0] + 1, text["chr1"][snv[0]], snv[2]),
        "AGL": (indel[0] + 1, text["chr1"][indel[0]], indel[2]),
        "PIK3CA": (15_101, mosaic, other(mosaic)),
        "MT": (MITOCHONDRIAL + 1, circle, other(circle)),
    }


def edited(text: str, edits: Sequence[Edit]) -> str:
    """With bases replaced."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _substitutions(contig: str, places: Sequence[int]) -> list[Edit]:
    text = contigs()[contig]
    return [
        (place, place + 1, _transversion(text[place]) if place // 10 % 3 == 0 else other(text[place]))
        for place in places
    ]


def _transversion(base: str) -> str:
    return {"A": "C", "C": "A", "G": "T", "T": "G"}[base]


def _array(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.frombuffer(text.encode(), np.uint8)


def _parental(parent: str, copy: int) -> dict[str, list[Edit]]:
    """One copy of a parent: half of the variants are the parent's in both copies, a quarter in one."""
    draw = np.random.default_rng([1, {FATHER: 1, MOTHER: 2}[parent]])
    found = {}
    for contig in ("chr15", "chr16"):
        places = np.arange(500, len(contigs()[contig]) - 500, 170)
        sort = draw.integers(0, 4, places.size)
        has = (sort >= 2) | ((sort == 1) & (copy == 0))
        found[contig] = _substitutions(contig, places[has].tolist())
    return found


def _child(copy: int) -> dict[str, list[Edit]]:
    """One copy of the child: chr15 is the mother's twice, chr16 has one of each parent."""
    father, mother = _parental(FATHER, 0), _parental(MOTHER, copy)
    run = _substitutions("chr2", range(700, RUN - 700, _EVERY))
    repeat = len(REPEAT[1]) * UNITS
    return {
        "chr1": [one.edit for one in planted() if copy < one.copies],
        "chr2": run,
        "chr4": [(15_000, 15_000 + repeat, REPEAT[1] * EXPANDED)] if copy == 0 else [],
        "chr5": [],
        "chr15": mother["chr15"],
        "chr16": father["chr16"] if copy == 0 else _parental(MOTHER, 0)["chr16"],
        "chr22": [(22_000, 27_400, "")] if copy == 0 else [],
    }


def libraries(person: str) -> Iterator[Library]:
    """What the sequencer is given of a person, each part at its depth."""
    text, index = contigs(), ("AACGTGAT", "CTGTAGCC")
    if person != CHILD:
        copies = [_parental(person, copy) for copy in (0, 1)]
        yield Library([_array(edited(text[name], one[name])) for name in copies[0] for one in copies],
                      DEPTH, (1,), index)  # fmt: skip
        return
    copies = [_child(copy) for copy in (0, 1)]
    yield Library([_array(edited(_without_smn1(name), one[name])) for name in copies[0] for one in copies],
                  DEPTH, (1,), index)  # fmt: skip
    yield _shares("chr3", {MOSAIC: [small_variants()["PIK3CA"]]}, 1.15 * DEPTH, index)
    yield _shares("chrM", {HETEROPLASMY: [small_variants()["MT"]]}, OF_MITOCHONDRIA * (1 - LOST_MOLECULES), index)
    start, end = COMMON_DELETION
    circle = text["chrM"]
    short = _array(circle[:start] + circle[end:] + circle[:400])
    yield Library([short], 2 * OF_MITOCHONDRIA * LOST_MOLECULES, (1,), index)


def _without_smn1(contig: str) -> str:
    """The child's chr5 has SMN2's base at both places."""
    text = contigs()[contig]
    return text[: SMN_PLACES[0]] + "T" + text[SMN_PLACES[0] + 1 :] if contig == "chr5" else text


def _shares(
    contig: str, changed: Mapping[float, Sequence[tuple[int, str, str]]], depth: float, index: tuple[str, str]
) -> Library:
    """A contig of which a share of the molecules has variants."""
    ((share, variants),) = changed.items()
    text, of = contigs()[contig], 20
    edits = [(place - 1, place - 1 + len(ref), alt) for place, ref, alt in variants]
    around = text[:400] if contig == "chrM" else ""
    copies = [_array(edited(text, edits) + around)] * round(share * of)
    copies += [_array(text + around)] * (of - len(copies))
    return Library(copies, 2 * depth / of, (1,), index)


def everything(folder: Path) -> Deployment:
    """A deployment with this reference, into whose landing zone the three persons' files were dropped."""
    data = folder / "data"
    sources, landing = data / "sources", data / "landing"
    sources.mkdir(parents=True)
    landing.mkdir()
    _write_reference(sources)
    (folder / "thresholds.yaml").write_text(LABORATORY)
    (folder / "everything.yaml").write_text(
        "name: everything\nbuild: GRCh38\nfasta: genome.fa\ngene_model: genes.gff3\nclinvar: clinvar.vcf\n"
        'clinvar_release: "2025-01-01"\nrepeat_loci: repeats.json\nstar_alleles: star_alleles\n'
    )
    options = {"GENOMICS_THRESHOLDS": str(folder / "thresholds.yaml"), "GENOMICS_STRUCTURAL": "dysgu"}
    deployment = Deployment(folder, str(folder / "everything.yaml"), options)
    order = ";".join(one.name for one in genes())
    rows = [
        write_libraries(landing, one, libraries(one), np.random.default_rng([7, number]))
        for number, one in enumerate((CHILD, FATHER, MOTHER))
    ]
    for row, sex in zip(rows, ("female", "male", "female"), strict=True):
        row |= {"sex": sex, "father_id": "", "mother_id": "", "genes": "", "drug_response": ""}
    rows[0] |= {"father_id": FATHER, "mother_id": MOTHER, "genes": order, "drug_response": "yes"}
    write_sheet(landing / "sheet.csv", rows)
    let_settle(landing)
    return deployment


def _write_reference(folder: Path) -> None:
    (folder / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs().items()))
    (folder / "genes.gff3").write_text(
        "\n".join(["##gff-version 3", *(line for gene in genes() for line in gene.lines()), ""])
    )
    places = {"PIK3CA": "3", "MT": "MT"}
    lines = [
        clinvar_line(place, ref, alt, number, contig=places.get(gene, "1"))
        for number, (gene, (place, ref, alt)) in enumerate(small_variants().items(), start=1)
    ]
    header = "##fileformat=VCFv4.1\n##fileDate=2025-01-01\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (folder / "clinvar.vcf").write_text(header + "".join(f"{line}\n" for line in lines))
    locus = {
        "LocusId": REPEAT[0],
        "LocusStructure": f"({REPEAT[1]})*",
        "ReferenceRegion": f"chr4:15000-{15_000 + len(REPEAT[1]) * UNITS}",
        "NormalMax": 35,
        "PathologicMin": 40,
    }
    (folder / "repeats.json").write_text(json.dumps([locus]))
    base = contigs()["chr22"][22_700]
    place = (22_701, base, [other(base)], "rs1")
    alleles = {"*1": [base], "*2": [other(base)]}
    write_definitions(folder / "star_alleles", definition("CYP2D6", contig="chr22", places=[place], alleles=alleles))
