"""Reference sites to lines: blocks against a plain restatement, and the text of each kind of line."""

import statistics

import numpy as np
import pytest

from engine.call.haplotype.records.gvcf_blocks import ReferenceLines
from engine.call.haplotype.reference_model.confidence import Sites

LETTERS = np.frombuffer(bytearray(b"ACGT" * 100), np.uint8)


def _sites(phred: list[tuple[int, ...]], depth: list[int], origin: int = 0) -> Sites:
    size = len(depth)
    return Sites(
        origin,
        np.array(phred, np.int32),
        np.array(depth, np.int32),
        np.array(depth, np.int32),
        np.ones(size, np.uint8),
    )


def _blocks(text: bytes) -> list[str]:
    return text.decode().splitlines()


def test_sites_of_one_band_become_one_line() -> None:
    lines = ReferenceLines("chr1", joined=True)
    sites = _sites([(0, 66, 900), (0, 63, 950), (0, 69, 990)], [22, 21, 24], origin=4)
    written = lines.add_sites(sites, 4, 7, LETTERS, 0) + lines.close()
    assert _blocks(written) == [
        "chr1\t5\t.\tA\t<NON_REF>\t.\t.\tEND=7\tGT:DP:GQ:MIN_DP:PL\t0/0:22:63:21:0,63,900",
    ]


def test_a_change_of_band_or_of_ploidy_or_a_gap_ends_a_block() -> None:
    lines = ReferenceLines("chr1", joined=True)
    sites = _sites([(0, 59, 700), (0, 60, 700), (0, 69, 700), (0, 120, 1800), (0, 200, 1800)], [9] * 5)
    sites.known[3] = 0
    written = lines.add_sites(sites, 0, 5, LETTERS, 0)
    haploid = _sites([(0, 120)], [9], origin=5)
    written += lines.add_sites(haploid, 5, 6, LETTERS, 0) + lines.close()
    fields = [line.split("\t") for line in _blocks(written)]
    assert [(row[1], row[7], row[9]) for row in fields] == [
        ("1", "END=1", "0/0:9:59:9:0,59,700"),
        ("2", "END=3", "0/0:9:60:9:0,60,700"),
        ("5", "END=5", "0/0:9:99:9:0,200,1800"),
        ("6", "END=6", "0:9:99:9:0,120"),
    ]


def test_a_block_goes_on_from_one_batch_to_the_next() -> None:
    lines = ReferenceLines("c", joined=True)
    first, second = (_sites([(0, 120, 1800)] * 3, depth, origin) for depth, origin in (([30] * 3, 0), ([50] * 3, 3)))
    assert lines.add_sites(first, 0, 3, LETTERS, 0) == b""
    assert lines.add_sites(second, 3, 6, LETTERS, 0) == b""
    assert _blocks(lines.close())[0].endswith("0/0:40:99:30:0,120,1800")


def test_sites_within_a_calls_reference_allele_are_silent() -> None:
    lines = ReferenceLines("c", joined=True)
    sites = _sites([(0, 120, 1800)] * 10, [40] * 10)
    written = lines.add_sites(sites, 0, 3, LETTERS, 0) + lines.pass_variant(7)
    written += lines.add_sites(sites, 4, 10, LETTERS, 0) + lines.close()
    assert [line.split("\t")[1::6] for line in _blocks(written)] == [["1", "END=3"], ["8", "END=10"]]


def test_single_sites_show_allele_depths() -> None:
    lines = ReferenceLines("c", joined=False)
    sites = _sites([(0, 105, 1575)], [38])
    sites.reference_depth[0] = 37
    assert lines.add_sites(sites, 0, 1, LETTERS, 0) == (
        b"c\t1\t.\tA\t<NON_REF>\t.\t.\t.\tGT:AD:DP:GQ:PL\t0/0:37,1:38:99:0,105,1575\n"
    )


@pytest.mark.parametrize("seed", range(10))
def test_blocks_hold_minima_and_the_median_depth(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = 200
    quality = np.repeat(generator.integers(0, 130, size // 10), 10)
    phred = [(0, int(q), int(q * 10 + generator.integers(0, 50))) for q in quality]
    depth = generator.integers(0, 400, size).tolist()
    lines = ReferenceLines("c", joined=True)
    written = _blocks(lines.add_sites(_sites(phred, depth), 0, size, LETTERS, 0) + lines.close())
    end = 0
    for line in written:
        fields = line.split("\t")
        start, end_before, end = int(fields[1]) - 1, end, int(fields[7][4:])
        assert start == end_before
        _, median, shown, least, likelihoods = fields[9].split(":")
        inside = range(start, end)
        assert int(median) == int(statistics.median(depth[i] for i in inside) + 0.5)
        assert int(least) == min(depth[i] for i in inside)
        assert likelihoods == ",".join(str(min(phred[i][g] for i in inside)) for g in range(3))
        assert int(shown) == min(99, min(phred[i][1] for i in inside))
    assert end == size
