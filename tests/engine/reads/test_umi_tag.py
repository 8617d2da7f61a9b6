"""The UMI at the end of a name becomes the tag RX of its alignment."""

import pytest

from engine.reads.records import Records
from engine.reads.umi_tag_kernels import with_umi_tag
from tests.builders.packed import records_from_sam, sam_lines_of

CONTIGS = {"chr1": 1_000}


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("A:1:F:1:1101:5:7:ACGT", "ACGT"),
        ("A:1:F:1:1101:5:7:ACGT+TTGA", "ACGT-TTGA"),
        ("A:1:F:1:1101:5:7:rACGT+rTTGA", "ACGT-TTGA"),
        ("SRR1_ACGTN", "ACGTN"),
        ("A:1:F:1:1101:5:7", None),
    ],
)
def test_a_record_bears_the_umi_of_its_name_and_is_otherwise_as_it_was(name: str, tag: str | None) -> None:
    lines = [f"{name}\t0\tchr1\t{at}\t60\t15M\t*\t0\t0\tACGTAACGTAACGTA\t{'I' * 15}\tNM:i:{at}" for at in (10, 20, 30)]
    records = records_from_sam(lines, CONTIGS)
    tagged = Records(*with_umi_tag(records.data, records.offset))
    expected = [line if tag is None else f"{line}\tRX:Z:{tag}" for line in lines]
    assert sam_lines_of(tagged, CONTIGS) == expected
