"""Reading a sample's call as different callers write it."""

import pytest

from engine.annotate.calls import Call, read_call


@pytest.mark.parametrize(
    ("keys", "values", "call"),
    [
        ("GT:AD:DP:GQ", "0/1:10,9:19:99", Call("0/1", 1, 2, None, None, 19, 10, 9, 99)),
        ("GT:AD", "1/1:0,12", Call("1/1", 2, 2, None, None, None, 0, 12, None)),
        ("GT", "1", Call("1", 1, 1, None, None, None, None, None, None)),
        ("GT:DP", "./.:.", Call("./.", 0, 2, None, None, None, None, None, None)),
        ("GT:RO:AO:GQ", "0/1:7:6:12.6", Call("0/1", 1, 2, None, None, None, 7, 6, 13)),
        ("GT:PS", "0|1:77", Call("0|1", 1, 2, "77", (1,), None, None, None, None)),
        ("GT", "1|0", Call("1|0", 1, 2, "contig", (0,), None, None, None, None)),
        ("GT:PS", "1|1:.", Call("1|1", 2, 2, "contig", (0, 1), None, None, None, None)),
        ("GT:PS", "0/1:77", Call("0/1", 1, 2, None, None, None, None, None, None)),
        ("GT:PGT:PID", "0/1:0|1:5_A_T", Call("0/1", 1, 2, "5_A_T", (1,), None, None, None, None)),
        ("GT:PGT:PID", "0/1:.:.", Call("0/1", 1, 2, None, None, None, None, None, None)),
        ("GT:AD", "0/1", Call("0/1", 1, 2, None, None, None, None, None, None)),  # trailing fields left out
        ("GT:AD", "0/1:4,5,6", Call("0/1", 1, 2, None, None, None, None, None, None)),  # not one allele's depths
    ],
)
def test_calls(keys: str, values: str, call: Call) -> None:
    assert read_call(keys, values) == call
