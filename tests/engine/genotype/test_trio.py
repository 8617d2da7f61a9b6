"""Whether three people's joint genotypes fit a child and its parents."""

import gzip
from pathlib import Path

import pysam
import pytest

from engine.genotype.trio import measure_trio

HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr20,length=64444167>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tchild\tfather\tmother
"""


def joint(folder: Path, *sites: str) -> Path:
    """A joint VCF; each site is the genotypes of child, father and mother, ``0/1:99`` or ``0/1`` for a sure one."""
    lines = []
    for number, site in enumerate(sites, start=1):
        columns = [one if ":" in one else f"{one}:99" for one in site.split()]
        lines.append("\t".join(["chr20", str(number), ".", "A", "C,G", "50", "PASS", ".", "GT:GQ", *columns]) + "\n")
    plain = folder / "joint.vcf"
    plain.write_text(HEADER + "".join(lines))
    pysam.tabix_index(str(plain), preset="vcf", force=True)
    return folder / "joint.vcf.gz"


@pytest.mark.parametrize(
    ("site", "errors"),
    [
        ("0/1 0/1 0/0", 0),
        ("0/1 0/0 0/0", 1),
        ("1/1 0/1 0/0", 1),
        ("1/2 0/1 0/2", 0),
        ("1/2 1/2 0/0", 1),
        ("1|0 0/0 1/1", 0),
    ],
)
def test_a_child_has_one_copy_of_each_parent(tmp_path: Path, site: str, errors: int) -> None:
    measures = measure_trio(joint(tmp_path, site), "child", "father", "mother")
    assert (measures.compared_sites, measures.mendelian_errors) == (1, errors)


@pytest.mark.parametrize("site", ["0/1:10 0/0 0/0", "./. 0/0 0/0", "1 0 0/0", "0/1 ./.:0 0/0"])
def test_a_doubtful_missing_or_single_copy_genotype_is_not_compared(tmp_path: Path, site: str) -> None:
    measures = measure_trio(joint(tmp_path, site), "child", "father", "mother")
    assert measures.compared_sites == 0 and measures.mendelian_error_fraction is None


def test_columns_are_told_by_name(tmp_path: Path) -> None:
    path = joint(tmp_path, *["1/1 0/0 1/1"] * 3, "0/0 0/0 0/0")
    assert measure_trio(path, "child", "father", "mother").mendelian_error_fraction == 0.75
    assert measure_trio(path, "mother", "child", "child").mendelian_error_fraction == 0.0


def test_a_contig_of_one_parent_is_told_and_is_no_wrong_parent(tmp_path: Path) -> None:
    """The mother's allele twice on one chromosome; the other one as it should be."""
    path = joint(tmp_path, *["1/1 0/0 1/1"] * 30)
    lines = gzip.decompress(path.read_bytes()).decode()
    header, _, records = lines.partition("#CHROM")
    ordinary = records.partition("\n")[2].replace("chr20", "chr21").replace("1/1:99\t0/0", "0/1:99\t0/0")
    other = tmp_path / "other.vcf"
    other.write_text(f"{header}##contig=<ID=chr21,length=46709983>\n#CHROM{records}{ordinary}")
    pysam.tabix_index(str(other), preset="vcf", force=True)
    found = measure_trio(tmp_path / "other.vcf.gz", "child", "father", "mother")
    assert (found.telling_contigs, found.uniparental_contigs, found.mendelian_error_fraction) == (2, 1, 0)
    assert "chr20 came from the mother alone, by 30 of 30 telling sites" in found.uniparental_contigs_told
    alone = measure_trio(path, "child", "father", "mother")
    assert (alone.uniparental_contigs, alone.mendelian_error_fraction) == (0, 1), "no father at all is a wrong father"
