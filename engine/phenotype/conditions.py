"""Which diseases a gene's variants cause, and how each is inherited, as a table made of a release of HPO.

``genes_to_phenotype.txt`` says which gene causes which disease (OMIM's or Orphanet's number), ``phenotype.hpoa`` how a
disease is called and inherited. What a source does not say stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.phenotype.sources import Annotation
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

GENE_CONDITIONS = "gene_conditions.parquet"
UNKNOWN = "unknown"
MODES: Mapping[str, str] = {
    "HP:0000006": "AD",
    "HP:0000007": "AR",
    "HP:0001417": "XL",
    "HP:0001419": "XL",
    "HP:0001423": "XL",
    "HP:0001427": "MT",
}
"""Modes of inheritance by HPO's terms; those of an X-linked disease, dominant or recessive, are one."""
GENE_CONDITION_COLUMNS = (
    Column("gene", "VARCHAR", "Gene symbol", required=True),
    Column("disease", "VARCHAR", "OMIM:nnnnnn, ORPHA:n or DECIPHER:n", required=True),
    Column("name", "VARCHAR", "The disease's name in HPO's annotations; its number where these lack it", required=True),
    Column(
        "inheritance",
        "VARCHAR",
        "AD, AR, XL, MT, several of them joined by a slash where HPO states several, or unknown",
        required=True,
    ),
    Column("release", "VARCHAR", "Release of HPO", required=True),
)


@dataclass(frozen=True)
class GeneCondition:
    """A disease that variants of a gene cause.

    Attributes:
        disease: ``OMIM:nnnnnn``, ``ORPHA:n`` or ``DECIPHER:n``.
        name: as HPO calls it.
        inheritance: AD, AR, XL, MT, several joined by a slash, or ``unknown``.
    """

    disease: str
    name: str
    inheritance: str


def condition_table(
    annotations: Iterable[Annotation], gene_diseases: Mapping[str, Collection[str]], release: str
) -> pa.Table:
    """The table of genes and their diseases, sorted, with columns :data:`GENE_CONDITION_COLUMNS`."""
    import pyarrow as pa

    names: dict[str, str] = {}
    modes: defaultdict[str, set[str]] = defaultdict(set)
    for one in annotations:
        names[one.disease] = one.disease_name
        if one.aspect == "I" and one.term in MODES and not one.is_denied:
            modes[one.disease].add(MODES[one.term])
    rows = [
        (gene, disease, names.get(disease, disease), "/".join(sorted(modes[disease])) or UNKNOWN, release)
        for gene, diseases in sorted(gene_diseases.items())
        for disease in sorted(diseases)
    ]
    schema = arrow_schema(GENE_CONDITION_COLUMNS)
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays([pa.array(one, pa.string()) for one in columns], schema=schema)


def read_conditions(folder: Path | None, genes: Collection[str]) -> dict[str, tuple[GeneCondition, ...]]:
    """The diseases of some genes, by symbol; none of a gene that the table lacks.

    Args:
        folder: of the knowledge ``phenotypes``; absent where the reference has none, and no gene has a disease.
        genes: symbols.
    """
    if folder is None or not genes:
        return {}
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / GENE_CONDITIONS) as file:
        table = file.read()
    found: dict[str, tuple[GeneCondition, ...]] = {}
    for row in table.filter(pc.is_in(table["gene"], pa.array(sorted(genes), pa.string()))).to_pylist():
        one = GeneCondition(row["disease"], row["name"], row["inheritance"])
        found[row["gene"]] = (*found.get(row["gene"], ()), one)
    return found
