"""A cohort called region by region is the cohort called at once, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pysam
import pytest

from engine.errors import VariantFileError
from engine.genotype.joint import genotype_gvcfs
from engine.genotype.regional import call_region, put_together
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from tests.engine.genotype.test_joint import CONTIG, HET_SNP, block, lines_of, variant, write


def indexed(folder: Path, *gvcfs: Path) -> list[Path]:
    """Copies with an index."""
    made = []
    for gvcf in gvcfs:
        path = folder / f"{gvcf.name.removesuffix('.gz')}.gz"
        if gvcf.suffix == ".gz":
            shutil.copy(gvcf, path)
        else:
            pysam.tabix_compress(str(gvcf), str(path), force=True)
        pysam.tabix_index(str(path), preset="vcf", force=True)
        made.append(path)
    return made


@pytest.mark.parametrize(
    ("golden", "contig", "first", "last", "size"),
    [
        ("trio_10kb", Contig("20", 63_025_520, ""), 10_000_000, 10_013_000, 3_000),
        ("tp53", Contig("17", 81_195_210, ""), 7_570_000, 7_592_000, 2_000),
    ],
)
def test_real_samples_cut_into_regions(
    shared_data: Path, tmp_path: Path, golden: str, contig: Contig, first: int, last: int, size: int
) -> None:
    found = sorted((shared_data / "gatk_goldens" / golden).glob("*.g.vcf.gz"))
    gvcfs = indexed(tmp_path, *(path for path in found if not path.name.startswith("combined")))
    whole = genotype_gvcfs(gvcfs, (contig,), tmp_path / "whole.vcf.gz")
    regions = [Interval(contig.name, start, start + size) for start in range(first, last, size)]
    lines = [list(call_region(gvcfs, (contig,), None, region)) for region in regions]
    assert sum(len(each) > 1 for each in lines) > 2, "calls lie in several regions"
    assert put_together(lines, gvcfs, (contig,), tmp_path / "regions.vcf.gz") == whole
    assert (tmp_path / "regions.vcf.gz").read_bytes() == (tmp_path / "whole.vcf.gz").read_bytes()


def test_a_deletion_that_begins_in_the_region_before_spans_into_the_next(tmp_path: Path) -> None:
    """And draws of QD go on; a sample without a record in a region has no genotype there."""
    sure = ("1/1", "0,20,0", "900,60,0,900,60,900")
    lines = [block(1, 99), variant(100, "ATTTT", "A", *HET_SNP), block(105, 199), variant(200, "A", "G", *sure)]
    one = write(tmp_path, "A", *lines, block(201, 900))
    other = write(tmp_path, "B", block(1, 101), variant(102, "T", "C", *sure), block(103, 150))
    gvcfs = indexed(tmp_path, one, other)
    whole = genotype_gvcfs(gvcfs, CONTIG, tmp_path / "whole.vcf.gz")
    cut = [Interval("c", 0, 101), Interval("c", 101, 180), Interval("c", 180, 1_000)]
    lines = [list(call_region(gvcfs, CONTIG, None, region)) for region in cut]
    assert [len(each) - 1 for each in lines] == [1, 1, 1]
    assert put_together(lines, gvcfs, CONTIG, tmp_path / "regions.vcf.gz") == whole
    assert lines_of(tmp_path / "regions.vcf.gz") == lines_of(tmp_path / "whole.vcf.gz")
    assert "*" in lines_of(tmp_path / "whole.vcf.gz")[1][4]


def test_a_file_without_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VariantFileError, match="cannot be read"):
        list(call_region([write(tmp_path, "A", block(1, 99))], CONTIG, None, Interval("c", 0, 50)))
