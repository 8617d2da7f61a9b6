"""bcftools' own expectations of gtcheck: at how many sites two samples are compared, and how many of them agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.identity.genotypes import UNKNOWN, Genotypes
from engine.identity.relatedness import Persons


def genotypes(path: Path) -> dict[str, Genotypes]:
    """Each sample's copies of ALT; unknown where none is called."""
    with pysam.VariantFile(str(path)) as file:
        records = [{name: call["GT"] for name, call in record.samples.items()} for record in file]
        names = list(file.header.samples)
    copies = {name: [UNKNOWN if None in one[name] else sum(map(bool, one[name])) for one in records] for name in names}
    return {name: Genotypes(name, np.array(found, np.int8)) for name, found in copies.items()}


@pytest.mark.parametrize(
    ("calls", "expected"), [("gtcheck.3.vcf", "gtcheck.3.out"), ("gtcheck.3.vcf", "gtcheck.4.out")]
)
def test_as_many_sites_are_compared_as_gtcheck_compares(shared_data: Path, calls: str, expected: str) -> None:
    """Of so few sites no relation is told; opposite homozygotes are among those that do not agree."""
    folder = shared_data / "bcftools_goldens"
    people = genotypes(folder / calls)
    pairs = {frozenset((pair.a, pair.b)): pair for pair in Persons(list(people.values())).pairs()}
    rows = [line.split("\t") for line in (folder / expected).read_text().splitlines() if line.startswith("DCv2")]
    assert rows
    for _, one, other, _, _, compared, matching in rows:
        pair = pairs[frozenset((one, other))]
        assert pair.sites == int(compared)
        assert round(pair.ibs0 * pair.sites) <= int(compared) - int(matching)
        assert pair.relation == "unknown"
