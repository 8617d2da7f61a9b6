"""Reading a sample's call as different callers write it."""

import pytest

from engine.annotate.calls import Call, read_call, read_site_reads


@pytest.mark.parametrize(
    ("keys", "values", "call"),
    [
        ("GT:AD:DP:GQ", "0/1:10,9:19:99", Call("0/1", 1, 2, None, None, 19, 10, 9, 19, 99)),
        ("GT:AD", "1/1:0,12", Call("1/1", 2, 2, None, None, None, 0, 12, 12, None)),
        ("GT", "1", Call("1", 1, 1, None, None, None, None, None, None, None)),
        ("GT:DP", "./.:.", Call("./.", 0, 2, None, None, None, None, None, None, None)),
        ("GT:RO:AO:GQ", "0/1:7:6:12.6", Call("0/1", 1, 2, None, None, None, 7, 6, 13, 13)),
        ("GT:PS", "0|1:77", Call("0|1", 1, 2, "77", (1,), None, None, None, None, None)),
        ("GT", "1|0", Call("1|0", 1, 2, "contig", (0,), None, None, None, None, None)),
        ("GT:PS", "1|1:.", Call("1|1", 2, 2, "contig", (0, 1), None, None, None, None, None)),
        ("GT:PS", "0/1:77", Call("0/1", 1, 2, None, None, None, None, None, None, None)),
        ("GT:PGT:PID", "0/1:0|1:5_A_T", Call("0/1", 1, 2, "5_A_T", (1,), None, None, None, None, None)),
        ("GT:PGT:PID", "0/1:.:.", Call("0/1", 1, 2, None, None, None, None, None, None, None)),
        ("GT:AD", "0/1", Call("0/1", 1, 2, None, None, None, None, None, None, None)),  # trailing fields left out
        ("GT:AD", "0/1:4,5,6", Call("0/1", 1, 2, None, None, None, None, None, None, None)),  # not one allele's depths
    ],
)
def test_calls(keys: str, values: str, call: Call) -> None:
    assert read_call(keys, values) == call


@pytest.mark.parametrize(
    ("sample", "reads"),
    [
        ("GT:AD\t1/2:0,15,14", 29),
        ("GT:RO:AO\t1/2:2:15,14", 31),
        ("GT:AD\t1/2:0,15", None),  # not one for each allele
        ("GT:AD\t1/2:.,15,14", None),
        ("GT\t1/2", None),
    ],
)
def test_reads_of_a_site_are_those_of_all_its_alleles(sample: str, reads: int | None) -> None:
    site_reads = read_site_reads([f"chr1\t7\t.\tA\tC,G\t.\t.\t.\t{sample}"])
    assert site_reads.of("DP=3;ORIGINAL=chr1|7|A|C,G|2;AC=1") == reads
    assert site_reads.of("DP=3") is None


def test_a_piece_of_a_record_keeps_the_reads_of_the_whole() -> None:
    call = read_call("GT:AD", "0/1:0,14", 29)
    assert (call.alt_depth, call.informative_depth) == (14, 29)
