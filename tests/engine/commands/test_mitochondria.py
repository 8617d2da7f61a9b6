"""``genomics-engine mitochondria``: the door, and a published BAM."""

from pathlib import Path

import pysam
import pytest

from engine import cli
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference


def test_a_published_bam_with_the_common_deletion_in_all_reads(shared_data: Path, tmp_path: Path) -> None:
    """GATK finds no small variant in it; all reads lack 8,470 to 13,446, and the rCRS's N is no variant."""
    data = shared_data / "chrM_cyp2d6"
    reads, fasta = data / "nf.test_illumina_mt.bam", data / "rCRS_NC_012920.fa"
    output = tmp_path / "mt.vcf.gz"
    options = ["--reads", str(reads), "--reference", str(fasta), "--output", str(output), "--quiet"]
    assert cli.main(["mitochondria", *options]) == 0
    with pysam.VariantFile(str(output)) as file:
        (record,) = [record for record in file if list(record.filter) == ["PASS"]]
    assert (record.pos, record.stop, record.alts) == (8_469, 13_446, ("<DEL>",))
    assert record.samples[0]["AF"][0] == 1


@pytest.mark.parametrize(
    ("contig", "options", "told"),
    [
        ("chr1", [], "the reference has no mitochondrial contig"),
        ("chr1", ["--contig", "chrQ"], "the reference has no contig chrQ"),
        ("chrM", ["--contig", "chr2"], "chr2 has 900 bases, which is no mitochondrion"),
        ("chrM", [], "no read is on chrM"),
    ],
)
def test_what_is_no_mitochondrion_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], contig: str, options: list[str], told: str
) -> None:
    sequences = {contig: random_sequence(5_000), "chr2": random_sequence(900)}
    reference = write_reference(tmp_path, sequences)
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("chr2", sequences["chr2"])])
    arguments = ["--reads", str(reads), "--reference", str(reference.fasta), "--output", str(tmp_path / "o.vcf.gz")]
    assert cli.main(["mitochondria", *arguments, *options]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "Remedy: " in error
    assert not (tmp_path / "o.vcf.gz").exists()
