"""VRS ids without a sequence repository: the same of one allele however it is written, and as others have published."""

from __future__ import annotations

from pathlib import Path

import pysam
import pytest

from engine.exchange.vrs import refget_digest, vrs_id

SEQUENCE = "ACGTACGTAAAAACGTGCATGCATGCACACACTT"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "r.fa"
    path.write_text(f">20\n{SEQUENCE.lower()}\n>one\nACGT\n")
    pysam.faidx(str(path))
    return path


def test_a_contig_has_the_digest_of_refgets_own_example(fasta: Path) -> None:
    """Of ACGT, https://samtools.github.io/hts-specs/refget.html; lower case is the same sequence."""
    assert refget_digest(fasta, "one") == "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"


@pytest.mark.parametrize(
    "same",
    [
        [(9, "A", "AA"), (12, "AA", "AAA"), (8, "T", "TA")],
        [(9, "AA", "A"), (12, "AA", "A"), (8, "TA", "T")],
        [(26, "CAC", "C"), (28, "CAC", "C"), (26, "CACA", "CA")],
        [(3, "G", "T"), (2, "CG", "CT")],
    ],
)
def test_an_allele_has_one_id_however_it_is_written(fasta: Path, same: list[tuple[int, str, str]]) -> None:
    for position, ref, _ in same:
        assert SEQUENCE[position - 1 : position - 1 + len(ref)] == ref
    ids = {vrs_id(fasta, "20", *one) for one in same}
    assert len(ids) == 1 and ids.pop().startswith("ga4gh:VA.")


def test_other_alleles_have_other_ids(fasta: Path) -> None:
    alleles = [(3, "G", "T"), (3, "G", "A"), (7, "G", "T"), (9, "A", "AA"), (9, "AA", "A")]
    assert len({vrs_id(fasta, "20", *one) for one in alleles}) == len(alleles)
