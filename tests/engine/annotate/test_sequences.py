"""A contig's bases are those that htslib reads, however the FASTA's lines lie."""

from __future__ import annotations

from pathlib import Path

import pysam
import pytest

from engine.annotate.sequences import Sequences

TEXTS = {
    "lines of one length": b">1\nACGTACGT\nACGTACGN\n>2 of two\nGG\n",
    "a last line that is shorter": b">1\nACGTACGT\nACG\n>2\nG\n",
    "line ends of Windows": b">1\r\nACGTACGT\r\nACG\r\n>2\r\nTT\r\n",
    "no line end at the end": b">1\nACGTACGT\nACG\n>2\nTT",
    "small letters": b">1\nACGTacgt\nnnG\n>2\ntt\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "bgzip"])
def test_bases_are_read_in_capitals(tmp_path: Path, text: bytes, packed: bool) -> None:
    fasta = tmp_path / "reference.fa"
    fasta.write_bytes(text)
    if packed:
        pysam.tabix_compress(str(fasta), f"{fasta}.gz")
        fasta = Path(f"{fasta}.gz")
    pysam.faidx(str(fasta))
    with pysam.FastaFile(str(fasta)) as by_htslib, Sequences(fasta) as sequences:
        for contig in ("1", "2", "1"):
            read = sequences.of(contig)
            assert read.bases == by_htslib.fetch(contig).upper()
            assert read.letters.tobytes() == read.bases.encode()
