from hypothesis import given
from hypothesis import strategies as st

from engine.call.reference_blocks import BlockStream, ReferenceSite
from engine.reference.intervals import Interval


def blocks(intervals, *steps):
    """(start, end, GT, DP, GQ) of each block written, or the text of a variant."""
    lines = []
    stream = BlockStream(intervals, lambda position: "ACGT"[position % 4], lines.append)
    for name, *arguments in steps:
        getattr(stream, name)(*arguments)
    stream.finish()
    return [line if line.startswith("variant") else told(line) for line in lines]


def told(line):
    fields = line.rstrip("\n").split("\t")
    assert fields[3] == "ACGT"[(int(fields[1]) - 1) % 4]
    genotype, depth, quality, _, _ = fields[9].split(":")
    return int(fields[1]) - 1, int(fields[7].removeprefix("END=")), genotype, int(depth), int(quality)


def site(start, end, quality, depth=30):
    return ReferenceSite(start, end, depth, (0, quality, 9 * quality), quality)


WHOLE = [Interval("c", 0, 20)]


def test_sites_of_one_band_share_a_block_with_the_least_certain_values():
    assert blocks(
        WHOLE, ("add_reference", site(0, 5, 99)), ("add_reference", site(5, 9, 61)),
        ("add_reference", site(9, 20, 85, depth=20)),
    ) == [(0, 5, "0/0", 30, 99), (5, 20, "0/0", 20, 61)]  # fmt: skip


def test_bases_without_reads_are_said_to_be_not_called():
    assert blocks([Interval("c", 0, 8), Interval("c", 12, 20)], ("add_reference", site(2, 14, 40))) == [
        (0, 2, "./.", 0, 0),
        (2, 14, "0/0", 30, 40),
        (14, 20, "./.", 0, 0),
    ]
    assert blocks(WHOLE) == [(0, 20, "./.", 0, 0)]


def test_a_variant_ends_the_block_beneath_it_and_speaks_for_its_deleted_bases():
    assert blocks(
        WHOLE, ("add_reference", site(0, 6, 50)), ("add_variant", 5, 9, "variant"), ("add_reference", site(7, 20, 50)),
    ) == [(0, 5, "0/0", 30, 50), "variant", (9, 20, "0/0", 30, 50)]  # fmt: skip


def test_doubt_lowers_one_base():
    assert blocks(
        WHOLE, ("add_reference", site(0, 6, 50)), ("doubt", site(5, 6, 7)), ("add_reference", site(6, 20, 50)),
    ) == [(0, 5, "0/0", 30, 50), (5, 6, "0/0", 30, 7), (6, 20, "0/0", 30, 50)]  # fmt: skip


def test_a_haploid_block_has_one_allele():
    assert blocks(WHOLE, ("add_reference", ReferenceSite(0, 20, 9, (0, 200), 99))) == [(0, 20, "0", 9, 99)]


steps = st.lists(
    st.tuples(st.sampled_from(["add_reference", "doubt", "variant"]), st.integers(0, 39), st.integers(1, 6),
              st.integers(0, 99)), max_size=20,
)  # fmt: skip


@given(steps)
def test_every_target_base_is_covered_exactly_once_whatever_comes(steps):
    intervals = [Interval("c", 3, 17), Interval("c", 25, 50)]
    lines = []
    stream = BlockStream(intervals, lambda position: "A", lines.append)
    covered = []
    for kind, start, length, quality in sorted(steps, key=lambda step: step[1]):
        if not any(each.start <= start < each.end for each in intervals):
            continue
        if kind == "variant":
            stream.add_variant(start, start + length, f"variant {start} {start + length}")
        elif kind == "doubt":
            stream.add_reference(site(start, start + 1, 99))
            stream.doubt(site(start, start + 1, quality))
        else:
            stream.add_reference(site(start, start + length, quality))
    stream.finish()
    reached = 0
    for line in lines:
        start, end = map(int, line.split()[1:]) if line.startswith("variant") else told_limits(line)
        if not line.startswith("variant"):
            assert start >= reached
            covered += range(start, end)
        else:
            covered += range(max(start, reached), end)
        reached = max(reached, end)
    wanted = {place for each in intervals for place in range(each.start, each.end)}
    assert wanted <= set(covered)
    assert len(covered) == len(set(covered))


def told_limits(line):
    fields = line.split("\t")
    return int(fields[1]) - 1, int(fields[7].removeprefix("END="))
