"""Named alleles and guidelines as PyPGx writes them: nine CSV tables that its package carries.

PyPGx (https://github.com/sbslee/pypgx, MIT) lists each allele's core variants against the reference genome
(``allele-table.csv``), genes (``gene-table.csv``), phenotypes by pair of alleles or by activity score
(``diplotype-table.csv``, ``equation-table.csv``) and the texts of CPIC's guidelines (``recommendation-table.csv``,
``cpic-table.csv``). The files are read; the package's code is not imported.

A chromosome carries an allele that has all its core variants on it. Of several the one is told that comes first by
function (no function first), then by number of variants: PyPGx's own order.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.pharmacogenomics.definitions import Definition, Locus, NamedAllele, Rule

PACKAGE = "pypgx"
LICENCE = "MIT"
ALLELES, GENES, VARIANTS = "allele-table.csv", "gene-table.csv", "variant-table.csv"
NOTHING = "N/A"
FIRST_TOLD = (
    "No Function",
    "Severely Decreased Function",
    "Decreased Function",
    "Possible Decreased Function",
    "Increased Function",
    "Possible Increased Function",
    "Class I (Deficient with CNSHA)",
    "Class II (Deficient)",
    "Class III (Deficient)",
    "Unfavorable Response",
    "Malignant Hyperthermia Associated",
    "Uncertain Function",
    "Unknown Function",
)
"""Functions in the order in which alleles of one chromosome are told; all others come after."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Tables:
    """A release of PyPGx's tables.

    Attributes:
        folder: where the files are.
        version: of the package.
    """

    folder: Path
    version: str

    @property
    def source(self) -> str:
        """How the release is named."""
        return f"PyPGx {self.version}"

    def rows(self, name: str) -> list[Row]:
        """A table's rows, by column.

        Raises:
            KnowledgeError: it is missing or damaged, or a row has too few columns.
        """
        path = self.folder / name
        rows: list[Row] = list(csv.DictReader(text_lines(path, needs_line_end=False)))
        for number, row in enumerate(rows, start=2):
            if None in row or None in row.values():
                raise KnowledgeError(
                    "a row does not have the header's columns",
                    file=path,
                    place=f"line {number:,}",
                    remedy=f"install {PACKAGE} again",
                )
        return rows


def packaged_tables() -> Tables:
    """The tables of the installed package.

    Raises:
        KnowledgeError: it is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise KnowledgeError(
            "the tables of star alleles and guidelines are not installed", remedy=f"pip install {PACKAGE}"
        )
    try:
        release = version(PACKAGE)
    except PackageNotFoundError:
        release = "of unknown version"
    return Tables(Path(found.origin).parent / "api" / "data", release)


def packaged_definitions(tables: Tables, genes: Collection[str] | None = None) -> tuple[Definition, ...]:
    """Definitions of the genes, on GRCh38.

    Args:
        tables: to read.
        genes: which; by default those that CPIC names at level A or B.

    Raises:
        KnowledgeError: a table is missing or damaged.
    """
    wanted = _guided_genes(tables) if genes is None else set(genes)
    genes_rows = {row["Gene"]: row for row in tables.rows(GENES)}
    by_gene: dict[str, list[Row]] = {}
    for row in tables.rows(ALLELES):
        if row["Gene"] in wanted and row["SV"] != "TRUE":
            by_gene.setdefault(row["Gene"], []).append(row)
    rsids = {row["GRCh38Name"]: row["rsID"] for row in tables.rows(VARIANTS) if row["Gene"] in wanted}
    found = (_definition(tables, genes_rows[gene], rows, rsids) for gene, rows in sorted(by_gene.items()))
    return tuple(definition for definition in found if definition is not None)


def structural_alleles(tables: Tables) -> dict[str, tuple[str, ...]]:
    """By gene the alleles that are no change of sequence but a deletion, duplication or hybrid of the gene."""
    found: dict[str, tuple[str, ...]] = {}
    for row in tables.rows(ALLELES):
        if row["SV"] == "TRUE" and row["Function"] != "Sex Chromosome":
            found[row["Gene"]] = (*found.get(row["Gene"], ()), row["StarAllele"])
    return found


def _guided_genes(tables: Tables) -> set[str]:
    return {row["Gene"] for row in tables.rows("cpic-table.csv") if row["CPICLevel"][:1] in {"A", "B"}}


def _definition(tables: Tables, gene: Row, rows: Iterable[Row], rsids: Mapping[str, str]) -> Definition | None:
    core = {row["StarAllele"]: _variants(row["GRCh38Core"]) for row in rows}
    loci = _loci({name for names in core.values() for name in names}, rsids)
    if not loci:
        return None
    # The allele that the genome itself has.
    plain = gene["GRCh38Default"]
    full = tuple(locus.ref for locus in loci)
    alleles = [
        NamedAllele(name, full if name == plain else _bases(names, loci), name == plain)
        for name, names in core.items()
        if names or name == plain
    ]
    return Definition(
        gene=gene["Gene"],
        contig=loci[0].contig,
        loci=loci,
        alleles=tuple(alleles),
        rule=Rule.CARRIED,
        source=tables.source,
        version=tables.version,
        build="GRCh38",
        rank={row["StarAllele"]: _rank(row, core[row["StarAllele"]], gene["RefAllele"]) for row in rows},
    )


def _variants(text: str) -> tuple[str, ...]:
    return () if text == NOTHING else tuple(text.split(","))


def _loci(names: Iterable[str], rsids: Mapping[str, str]) -> tuple[Locus, ...]:
    """The places of variants; those at one position are one place, with the longest REF of them."""
    at: dict[int, list[tuple[str, str, str, str]]] = {}
    for name in names:
        contig, place, ref, alternate = name.split("-")
        at.setdefault(int(place), []).append((contig, ref, alternate, rsids.get(name, NOTHING)))
    loci = []
    for position, variants in sorted(at.items()):
        ref = max((ref for _, ref, _, _ in variants), key=len)
        alternates = sorted({alternate + ref[len(short) :] for _, short, alternate, _ in variants})
        rsid = next((rsid for *_, rsid in variants if rsid != NOTHING), "")
        loci.append(Locus(f"chr{variants[0][0]}", position, ref, tuple(alternates), rsid))
    return tuple(loci)


def _bases(names: Iterable[str], loci: Iterable[Locus]) -> tuple[str | None, ...]:
    at = {}
    for name in names:
        _, position, ref, alternate = name.split("-")
        at[int(position)] = (ref, alternate)
    bases: list[str | None] = []
    for locus in loci:
        ref, alternate = at.get(locus.position, ("", ""))
        bases.append(alternate + locus.ref[len(ref) :] if ref else None)
    return tuple(bases)


def _rank(row: Row, core: tuple[str, ...], reference: str) -> tuple[int, ...]:
    function = row["Function"]
    order = FIRST_TOLD.index(function) if function in FIRST_TOLD else len(FIRST_TOLD)
    return (order, -len(core), row["StarAllele"] == reference)
