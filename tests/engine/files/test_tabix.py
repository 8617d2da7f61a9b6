"""An index made while a VCF is written finds what tabix's own finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.errors import VariantFileError
from engine.files.bgzf import BLOCK_LIMIT, BgzfWriter
from engine.files.index_fit import read_index_facts, require_index_fits
from engine.files.tabix import VcfIndex

HEADER = b"##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=2>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def _records(seed: int, count: int) -> list[tuple[str, int, str]]:
    """Contig, 0-based start and REF, some of them long, some side by side, some far from all others."""
    chance = np.random.default_rng(seed)
    records = []
    for contig in ("1", "2"):
        starts = np.concatenate([chance.integers(0, 300_000, count), chance.integers(0, 200_000_000, count // 10)])
        for start in np.sort(starts).tolist():
            records.append((contig, start, "A" * int(chance.choice([1, 1, 1, 5, 40_000]))))
    return records


def _write(vcf: Path, records: list[tuple[str, int, str]]) -> None:
    lines = [f"{contig}\t{start + 1}\t.\t{ref}\tC\t.\tPASS\t.\n".encode() for contig, start, ref in records]
    index = VcfIndex(len(HEADER))
    with BgzfWriter(vcf) as written:
        written.write(HEADER)
        for line, (contig, start, ref) in zip(lines, records, strict=True):
            written.write(line)
            places = (np.array([place]) for place in (start, start + len(ref), len(line)))
            index.add(contig, *places)
    index.write(vcf.with_name(f"{vcf.name}.tbi"), written)


@pytest.mark.parametrize("count", [0, 1, 60])
def test_records_are_found_as_by_the_index_of_tabix(tmp_path: Path, count: int) -> None:
    vcf, other = tmp_path / "own.vcf.gz", tmp_path / "tabix.vcf.gz"
    records = _records(count, count)
    _write(vcf, records)
    other.write_bytes(vcf.read_bytes())
    pysam.tabix_index(str(other), preset="vcf", force=True)
    require_index_fits(vcf, error=VariantFileError)
    own, theirs = (
        read_index_facts(path.with_name(f"{path.name}.tbi"), error=VariantFileError) for path in (vcf, other)
    )
    assert own.records == theirs.records
    with pysam.TabixFile(str(vcf)) as one, pysam.TabixFile(str(other)) as another:
        assert one.contigs == another.contigs
        for contig, start, _ in records:
            for span in ((start, start + 1), (max(start - 20_000, 0), start), (start + 1, start + 100_000)):
                assert list(one.fetch(contig, *span)) == list(another.fetch(contig, *span))


def test_a_file_that_fills_its_blocks_has_an_index_that_fits(tmp_path: Path) -> None:
    vcf = tmp_path / "full.vcf.gz"
    filler = BLOCK_LIMIT - len(HEADER) - len(b"1\t1\t.\t\tC\t.\tPASS\t.\n")
    _write(vcf, [("1", 0, "A" * filler)])
    require_index_fits(vcf, error=VariantFileError)
    with pysam.TabixFile(str(vcf)) as opened:
        assert len(list(opened.fetch("1", 100, 101))) == 1
