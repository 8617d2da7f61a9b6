"""What names of each sequencer tell: the platform, flow cell and lane, and where on the tile a cluster lies."""

from __future__ import annotations

import pytest

from engine.reads.duplicate_kernels import location
from engine.reads.read_names import ReadOrigin, origin_of
from tests.builders.packed import records_from_sam

ORIGINS = {
    "A00488:61:HMLGNDSXX:4:1101:1940:1000": ("ILLUMINA", "HMLGNDSXX.4"),
    "A00488:61:HMLGNDSXX:4:1101:1940:1000:ACGT": ("ILLUMINA", "HMLGNDSXX.4"),
    "LH00182:10:23LJWKLT4:1:1101:3281:1028:CGTGCGCC+rCGCTCGAG": ("ILLUMINA", "23LJWKLT4.1"),
    "A00488:61:HMLGNDSXX:4:1101:1940:1000_ACGT": ("ILLUMINA", "HMLGNDSXX.4"),
    "M03745:11:000000000-B54L5:1:2108:4127:8949": ("ILLUMINA", "000000000-B54L5.1"),
    "AV100203:20230101:2305070001:1:10102:0001:0001": ("ELEMENT", "2305070001.1"),
    "P2-05:Dual-Index-Sim:FC-63067cc:1:10201:0000:0015": ("ELEMENT", "FC-63067cc.1"),
    "SDF-02:GFH-0166::1:13435:2311:1233:GTAGCCAATCA": ("ELEMENT", "GFH-0166.1"),
    "DNBSEQT7:001:E100012314:1:002:0020000077:0020000077": ("DNBSEQ", "E100012314.1"),
    "V300046476L1C001R00100001719": ("DNBSEQ", "V300046476.1"),
    "8A_V100004684L3C001R029311637": ("DNBSEQ", "V100004684.3"),
    "CL100025298L1C002R050_244547": ("DNBSEQ", "CL100025298.1"),
    "012345_1-X0003-0072646116": ("ULTIMA", "012345_1"),
    "004733-UGAv3-72-1234567890": ("ULTIMA", "004733"),
    "V115:429032-107901333-Z0001-CAGCTCGAATGCGAT:NA:NA:2:2:1:45:13": ("ULTIMA", "429032"),
}


@pytest.mark.parametrize("name", ORIGINS)
def test_platform_and_unit_of_a_name(name: str) -> None:
    assert origin_of(name) == ReadOrigin(*ORIGINS[name])


@pytest.mark.parametrize("name", ["SRR1770413.1", "r1", "HWUSI-EAS100R:6:73:941:1973#0", "a:b:c:d:e:f:g"])
def test_a_name_that_tells_nothing_is_not_guessed_at(name: str) -> None:
    assert origin_of(name) is None


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("A00488:61:HMLGNDSXX:4:1101:1940:1000", (1101, 1940, 1000)),
        ("A00488:61:HMLGNDSXX:4:1101:1940:1000:ACGT+TTGA", (1101, 1940, 1000)),
        ("A00488:61:HMLGNDSXX:4:1101:1940:1000:rACGT", (1101, 1940, 1000)),
        ("A00488:61:HMLGNDSXX:4:1101:1940:1000_ACGT", (1101, 1940, 1000)),
        ("HWUSI-EAS100R:6:73:941:1973#0", (73, 941, 1973)),
        ("HWUSI-EAS100R:6:73:941:1973:ACGT", (73, 941, 1973)),
        ("AV100203:20230101:2305070001:1:10102:0031:0007", (10102, 31, 7)),
        ("V300046476L1C001R00100001719", (-1, -1, -1)),
        ("MGI2000:001:V300053419:2:003:00100001039:00100001039", (-1, -1, -1)),
        ("012345_1-X0003-0072646116", (-1, -1, -1)),
        ("SRR1770413.1", (-1, -1, -1)),
    ],
)
def test_the_place_on_the_tile(name: str, place: tuple[int, int, int]) -> None:
    records = records_from_sam([f"{name}\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\tIIII"], {"1": 1000})
    assert location(records.data, 0) == place
