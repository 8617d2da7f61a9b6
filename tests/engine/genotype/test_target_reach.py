"""What a sample's VCF keeps of calls made with padding: records that reach into a target, wherever they begin."""

from pathlib import Path

import pysam
import pytest

from engine.call.caller import call_gvcf
from engine.genotype.sample import genotype_sample
from engine.genotype.target_reach import TargetReach
from engine.reference.intervals import Interval
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference

START, END = 1_500, 1_700


def sequence() -> str:
    """Random, with CA six times up to the second base of the target, and AT four times from its last base on."""
    bases = random_sequence(3_000, seed=5)
    bases = bases[:1_489] + "G" + "CA" * 6 + "T" + bases[1_503:]
    return bases[:1_698] + "GATATATATC" + bases[1_708:]


SEQUENCE = sequence()


def other(base: str) -> str:
    return "A" if base != "A" else "C"


def deletion(position: int, length: int) -> tuple[int, str, str]:
    return position, SEQUENCE[position : position + length + 1], SEQUENCE[position]


def insertion(position: int, bases: str) -> tuple[int, str, str]:
    return position, SEQUENCE[position], SEQUENCE[position] + bases


def snv(position: int) -> tuple[int, str, str]:
    return position, SEQUENCE[position], other(SEQUENCE[position])


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (deletion(1_497, 5), True),
        (deletion(1_480, 30), True),
        (deletion(1_469, 10), False),
        (deletion(1_489, 2), True),  # of a CA: the same bases are gone if the last CA, inside the target, is
        (deletion(1_699, 3), True),
        (deletion(1_705, 3), False),
        (insertion(1_499, "G"), True),
        (insertion(1_499 - 30, "GG"), False),
        (snv(1_499), False),
        (snv(1_500), True),
        (snv(1_699), True),
        (snv(1_700), False),
    ],
)
def test_a_record_is_kept_where_it_changes_a_target(edit: tuple[int, str, str], kept: bool, tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"c": SEQUENCE, "d": SEQUENCE})
    with TargetReach([Interval("c", START, END)], reference.fasta) as reach:
        assert reach("c", edit[0] + 1, *edit[1:]) is kept
        assert not reach("d", edit[0] + 1, *edit[1:])


@pytest.mark.parametrize("caller", ["haplotype", "bcftools"])
def test_a_deletion_over_the_start_of_an_exon_is_called(caller: str, tmp_path: Path) -> None:
    """It begins one base before the target; a variant that lies wholly in the padding is another's business."""
    start = 2_300
    planted = (snv(start - 60), deletion(start - 2, 8), snv(start + 100))
    reference = write_reference(tmp_path, {"c": SEQUENCE})
    copies = [Haplotype("c", SEQUENCE, planted), Haplotype("c", SEQUENCE)]
    reads = write_bam(tmp_path / "S1.bam", reference, copies, length=100, step=5)
    (tmp_path / "x.bed").write_text(f"c\t{start}\t{start + 200}\n")
    gvcf, vcf = tmp_path / "S1.g.vcf.gz", tmp_path / "S1.vcf.gz"
    summary = call_gvcf(reads, reference, gvcf, caller=caller, targets=tmp_path / "x.bed")
    assert (summary.target_bases, summary.uncovered_target_bases) == (200, 0)
    measures = genotype_sample(gvcf, reference, vcf, caller=caller, targets=tmp_path / "x.bed")
    with pysam.VariantFile(str(vcf)) as records:
        assert [(record.start, record.ref, record.alts[0]) for record in records] == list(planted[1:])
    assert (measures.records, measures.uncovered_target_bases) == (2, 0)
    genotype_sample(gvcf, reference, vcf, caller=caller)
    with pysam.VariantFile(str(vcf)) as records:
        assert [record.start for record in records] == [edit[0] for edit in planted]
