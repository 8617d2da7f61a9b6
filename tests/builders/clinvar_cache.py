"""ClinVar's pathogenic variants as the ideogram cache keeps them: compressed keys, GRCh38 positions."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CachedVariant:
    """One record: GRCh38 position (1-based) and the names of ClinVar's molecular consequences."""

    variation: str
    position: int
    ref: str
    alt: str
    consequences: frozenset[str]


def cached_variants(shared_data: Path, contig: str, start: int, end: int) -> Iterator[CachedVariant]:
    """The variants of a region (1-based, ends included)."""
    folder = shared_data / "clinvar_genes_ideogram"
    with gzip.open(folder / "homo-sapiens-variants.tsv.li.gz", "rt") as lines:
        keys = next(line for line in lines if line.startswith("# molecular_consequences = "))
    terms = [term.partition("|")[2] for term in json.loads(keys.partition(" = ")[2])]
    with gzip.open(folder / "homo-sapiens-variants.tsv.gz", "rt") as lines:
        for line in lines:
            fields = [*line.rstrip("\n").split("\t"), *[""] * 13]
            if fields[0] == contig and start <= int(fields[1]) <= end:
                told = frozenset(terms[int(number)] for number in fields[10].split(",") if number)
                yield CachedVariant(fields[2], int(fields[1]), fields[3], fields[4], told)
