import gzip
import random
import tracemalloc
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.reads import duplicates as marking
from engine.reads import record_kernels as kernels
from engine.reads.duplicates import DuplicateFinder, Duplicates, estimate_library_size
from engine.reads.records import Records
from tests.builders.packed import by_template, flags_of, names_of, records_from_sam, records_of
from tests.builders.picard_rules import duplicates as slow_duplicates

CONTIGS = {"1": 100_000, "2": 100_000}


def find(
    records: Records,
    libraries: list[str],
    *,
    memory: int = 1 << 30,
    groups: list[int] | None = None,
    by_umi: bool = False,
    umi_errors: bool = False,
) -> Duplicates:
    together, places = by_template(records)
    read_groups = np.zeros(len(places), dtype=np.int32) if groups is None else np.array(groups, dtype=np.int32)[places]
    with DuplicateFinder(libraries, memory=memory, by_umi=by_umi, umi_errors=umi_errors) as finder:
        step = max(1, len(places) // 7)
        starts = [0]
        names = names_of(together)
        while starts[-1] < len(places):
            stop = min(starts[-1] + step, len(places))
            while stop < len(places) and names[stop] == names[stop - 1]:
                stop += 1
            starts.append(stop)
        for start, stop in pairwise(starts):
            offset = together.offset[start : stop + 1]
            part = Records(together.data[offset[0] : offset[-1]], offset - offset[0])
            finder.add(part, places[start:stop], read_groups[start:stop])
        return finder.finish(len(places))


def marked(found: Duplicates, count: int) -> set[int]:
    return {place for place in range(count) if found.is_duplicate(place)}


def test_the_set_and_the_metrics_are_picards_on_real_reads(shared_data: Path) -> None:
    records = records_of(shared_data / "na12878_chr20_10m" / "NA12878_S1.chr20.10_10p1mb.bam")
    found = find(records, ["Unknown Library"])
    names, flags = names_of(records), flags_of(records)
    ours = {(names[i], flags[i] & ~kernels.DUPLICATE) for i in marked(found, len(records))}
    golden = shared_data / "gatk_goldens" / "na12878_100kb"
    with gzip.open(golden / "duplicate_reads.tsv.gz", "rt") as lines:
        theirs = {(name, int(flag) & ~kernels.DUPLICATE) for name, flag in map(str.split, lines)}
    assert len(theirs) == 229
    assert ours == theirs
    table = (golden / "duplicates.metrics").read_text().splitlines()
    expected = table[next(i for i, line in enumerate(table) if line.startswith("LIBRARY")) + 1].split("\t")
    (library,) = found.libraries
    values = [*vars(library).values()]
    assert [str(value) for value in values[:8]] + [f"{values[8]:.6f}", str(values[9])] == expected
    sets = table[next(i for i, line in enumerate(table) if line.startswith("BIN")) + 1 :][:100]
    for row in (line.split("\t") for line in sets if line):
        assert found.set_sizes[:, int(float(row[0]))].tolist() == [int(row[2]), int(row[3]), int(row[4])]


def random_sam(seed: int, templates: int = 400) -> list[str]:
    """Templates crowded into few places: clips, all strands, mates unmapped or on another contig, secondary records."""
    rng = random.Random(seed)
    lines = []
    for i in range(templates):
        tile, x, y = (
            rng.choice((1101, 1102)),
            rng.choice((0, 32_600)) + rng.randrange(0, 400, 40),
            rng.randrange(0, 300, 30),
        )
        name = rng.choice((f"I{i}:1:F:1:{tile}:{x}:{y}", f"I{i}:1:{tile}:{x}:{y}", f"plain{i}"))
        group = rng.choice("ab")
        kind = rng.random()
        mates = [_mate(rng) for _ in (1, 2)]
        if rng.random() < 0.3:
            mates[1] = mates[0][:2] + mates[1][2:]
        for number, (contig, start, reverse, cigar, quality) in enumerate(mates):
            other = mates[1 - number]
            flag = 0x1 | (0x40 if number == 0 else 0x80) | (0x10 if reverse else 0) | (0x20 if other[2] else 0)
            if kind < 0.15:
                flag |= 0x4 if number else 0x8
            if kind > 0.95:
                flag |= 0x200
            place = (contig, start) if not (flag & 4) else mates[0][:2]
            fields = [name, flag, place[0], place[1], 60, "*" if flag & 4 else cigar, other[0], other[1], 0]
            lines.append("\t".join(map(str, [*fields, "A" * 30, quality * 30, f"RG:Z:{group}"])))
            if rng.random() < 0.1 and not flag & 4:
                fields[1] = flag | rng.choice((0x100, 0x800))
                lines.append("\t".join(map(str, [*fields, "A" * 30, quality * 30, f"RG:Z:{group}"])))
    return lines


def _mate(rng: random.Random) -> tuple[str, int, bool, str, str]:
    clip = rng.choice((0, 0, 2, 5))
    reverse = rng.random() < 0.5
    body = f"{30 - clip}M"
    cigar = body if not clip else rng.choice((f"{clip}S{body}", f"{body}{clip}S", f"{clip - 1}H1S{body[:-1]}M"))
    if cigar.count("H"):
        cigar = f"{clip - 1}H1S29M"
    return rng.choice(("1", "2")), 1000 + rng.randrange(12), reverse, cigar, rng.choice("5?I")


@pytest.mark.parametrize("seed", range(6))
def test_crowded_templates_are_marked_as_the_rules_say(seed: int, tmp_path: Path) -> None:
    header = [f"@SQ\tSN:{name}\tLN:{length}" for name, length in CONTIGS.items()]
    header += ["@RG\tID:a\tLB:x\tSM:s", "@RG\tID:b\tLB:y\tSM:s"]
    sam, bam = tmp_path / "x.sam", tmp_path / "x.bam"
    sam.write_text("\n".join([*header, *random_sam(seed), ""]))
    pysam.sort("-o", str(bam), str(sam))
    with pysam.AlignmentFile(str(bam)) as file:
        reads = list(file)
    expected, optical = slow_duplicates(reads, {"a": "x", "b": "y"})
    groups = ["ab".index(str(read.get_tag("RG"))) for read in reads]
    records = records_of(bam)
    found = find(records, ["x", "y"], groups=groups)
    assert len(expected) > 50
    assert marked(found, len(reads)) == expected
    assert sum(library.read_pair_optical_duplicates for library in found.libraries) == optical
    on_disk = find(records, ["x", "y"], groups=groups, memory=1000)
    assert np.array_equal(on_disk.bits, found.bits)
    assert on_disk.libraries == found.libraries


def test_pairs_that_go_to_disk_are_never_in_memory_twice_and_small_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "_WRITTEN_AT_ONCE", 100_000)
    lines = []
    for i in range(1000):
        for flag, at, mate in ((99, i + 1, i + 200), (147, i + 200, i + 1)):
            lines.append(f"m:1:a:1:1:{i}:{i % 7}\t{flag}\t1\t{at}\t60\t30M\t=\t{mate}\t0\t{'A' * 30}\t{'I' * 30}")
    records = records_from_sam(lines, CONTIGS)
    groups = np.zeros(2000, dtype=np.int32)
    limit = 40 * 56_000

    def fill(finder: DuplicateFinder) -> None:
        for again in range(60):
            finder.add(records, np.arange(2000) + 2000 * again, groups)

    with DuplicateFinder(["x"], memory=limit, folder=tmp_path) as finder:
        fill(finder)  # what is compiled and imported at the first time is no pair
    with DuplicateFinder(["x"], memory=limit, folder=tmp_path) as finder:
        tracemalloc.start()
        fill(finder)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found = finder.finish(2000 * 60, threads=2)
        assert [*tmp_path.rglob("*.pairs")] == []
    assert limit < peak < 1.4 * limit
    assert found.libraries[0].read_pair_duplicates == 59_000


@pytest.mark.parametrize("separator", [":", "_"])
@pytest.mark.parametrize("seed", range(3))
def test_umis_divide_a_library_as_libraries_do(seed: int, separator: str, tmp_path: Path) -> None:
    """With UMIs in the names the marks are those of the rules where every UMI is a library of its own."""
    rng = random.Random(seed)
    umi_of: dict[str, str] = {}
    plain, with_umis = [], []
    for line in random_sam(seed):
        name, rest = line.split("\t", 1)
        umi = umi_of.setdefault(name, rng.choice(("ACGT", "ACGA", "TTGA+CCCC", "TTGA+rCCCG")))
        plain.append(f"{name}\t{rest}{umi}")
        with_umis.append(f"{name}{separator}{umi}\t{rest}")
    divided = {group + umi: (group, umi) for group in "ab" for umi in set(umi_of.values())}
    contigs = [f"@SQ\tSN:{name}\tLN:{length}" for name, length in CONTIGS.items()]
    bams = []
    for name, lines, groups in (("plain", plain, divided), ("umi", with_umis, {"a": "", "b": ""})):
        sam, bam = tmp_path / f"{name}.sam", tmp_path / f"{name}.bam"
        sam.write_text("\n".join([*contigs, *(f"@RG\tID:{group}\tLB:{group}\tSM:s" for group in groups), *lines, ""]))
        pysam.sort("-o", str(bam), str(sam))
        bams.append(bam)
    with pysam.AlignmentFile(str(bams[0])) as file:
        reads = list(file)
    expected, optical = slow_duplicates(reads, {group: group for group in divided})
    groups = ["ab".index(divided[str(read.get_tag("RG"))][0]) for read in reads]
    found = find(records_of(bams[1]), ["x", "y"], groups=groups, by_umi=True)
    assert len(expected) > 20
    assert marked(found, len(reads)) == expected
    assert sum(library.read_pair_optical_duplicates for library in found.libraries) == optical
    on_disk = find(records_of(bams[1]), ["x", "y"], groups=groups, by_umi=True, memory=1000)
    assert np.array_equal(on_disk.bits, found.bits)
    without = find(records_of(bams[1]), ["x", "y"], groups=groups)
    assert len(marked(without, len(reads))) > len(expected)


def pair(name: str, start: int, quality: str = "I", mate: int = 1200) -> list[str]:
    return [
        f"{name}\t99\t1\t{start}\t60\t30M\t=\t{mate}\t230\t{'A' * 30}\t{quality * 30}",
        f"{name}\t147\t1\t{mate}\t60\t30M\t=\t{start}\t-230\t{'A' * 30}\t{quality * 30}",
    ]


def directional(umis: list[str]) -> dict[str, str]:
    """Each UMI's molecule by the rule as it is published: edges first, then networks from the most frequent on."""
    counts = Counter(umis)
    names = sorted(counts, key=lambda umi: (-counts[umi], umi))
    edges = {
        one: [
            other for other in names
            if sum(a != b for a, b in zip(one, other, strict=True)) == 1 and counts[one] >= 2 * counts[other] - 1
        ]
        for one in names
    }  # fmt: skip
    molecule: dict[str, str] = {}
    for seed in names:
        reached = [seed] if seed not in molecule else []
        for one in reached:
            molecule[one] = seed
            reached += [other for other in edges[one] if other not in molecule and other not in reached]
    return molecule


@pytest.mark.parametrize("memory", [1 << 30, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_a_umi_with_an_error_is_that_of_a_more_frequent_one(seed: int, memory: int) -> None:
    rng = random.Random(seed)
    lines, place_of, written = [], {}, defaultdict(list)
    for number in range(600):
        place, umi = rng.choice((1000, 1500, 2000)), rng.choice(("ACGTAC+GGTT", "ACGTAA+GGTT", "TTTTTT+CCCC"))
        for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 2))):
            at = rng.choice([at for at, letter in enumerate(umi) if letter != "+"])
            umi = umi[:at] + rng.choice("ACGTN") + umi[at + 1 :]
        lines += pair(f"r{number}:{umi}", place, mate=place + 200)
        place_of[f"r{number}:{umi}"] = place
        written[place].append(umi)
    molecules = {place: directional(umis) for place, umis in written.items()}
    expected = {(place, molecule) for place, told in molecules.items() for molecule in told.values()}
    records = records_from_sam(lines, CONTIGS)
    exact = find(records, ["x"], by_umi=True, memory=memory)
    near = find(records, ["x"], by_umi=True, umi_errors=True, memory=memory)
    kept = {name for place, name in enumerate(names_of(records)) if not near.is_duplicate(place)}
    told = [(place_of[name], molecules[place_of[name]][name.partition(":")[2]]) for name in kept]
    assert len(told) == len(set(told)) and set(told) == expected
    assert len(marked(exact, len(records))) < len(marked(near, len(records)))


@pytest.mark.parametrize(
    ("frequent", "seldom", "same"),
    [
        ("ACGT", "ACGA", True), ("ACGT", "ACTA", False), ("ACGT", "ACG", False), ("CACG", "ACG", False),
        ("ACGT+TTTT", "ACGT+TTTA", True), ("ACGT+TTTT", "ACGT-TTTT", True), ("ACGT", "ACGN", True),
        ("A" * 20, "A" * 19 + "T", True), ("A" * 21, "A" * 20 + "T", False), ("A" * 21, "A" * 21, True),
    ],
)  # fmt: skip
def test_umis_that_differ_in_one_letter(frequent: str, seldom: str, same: bool) -> None:
    lines = [line for number in range(3) for line in pair(f"r{number}:{frequent}", 1000)] + pair(f"s:{seldom}", 1000)
    records = records_from_sam(lines, CONTIGS)
    found = find(records, ["x"], by_umi=True, umi_errors=True)
    assert found.libraries[0].read_pair_duplicates == (3 if same else 2)


def test_the_better_pair_is_kept_and_among_equals_the_first_by_tile_x_and_y() -> None:
    lines = [
        *pair("M:1:F:1:1102:5:5", 1000),
        *pair("M:1:F:1:1101:9:1", 1000),
        *pair("M:1:F:1:1101:7:9", 1000),
        *pair("M:1:F:1:1101:1:1", 1000, quality="5"),
        *pair("M:1:F:1:1101:1:2", 1001),
    ]
    records = records_from_sam(lines, CONTIGS)
    found = find(records, ["x"])
    kept = {names_of(records)[i] for i in range(len(records)) if not found.is_duplicate(i)}
    assert kept == {"M:1:F:1:1101:7:9", "M:1:F:1:1101:1:2"}


def test_places_beyond_32767_are_negative_for_picard() -> None:
    """Of a NovaSeq's NA12878 Picard keeps the pair at 32850, not that at 32479; over the edge none is optical."""
    lines = [line for x in (32479, 32850) for line in pair(f"A00217:77:HFJWFDSXX:2:2119:{x}:25285", 1000)]
    lines += [line for x in (32760, 32770) for line in pair(f"A00217:77:HFJWFDSXX:2:2119:{x}:25285", 1100)]
    records = records_from_sam(lines, CONTIGS)
    found = find(records, ["x"])
    kept = {names_of(records)[i] for i in range(len(records)) if not found.is_duplicate(i)}
    assert {name.split(":")[5] for name in kept} == {"32850", "32770"}
    assert found.libraries[0].read_pair_optical_duplicates == 0


def test_a_lone_read_beside_a_pair_is_a_duplicate_however_good() -> None:
    lone = f"lone\t73\t1\t1000\t60\t30M\t=\t1000\t0\t{'A' * 30}\t{'J' * 30}"
    records = records_from_sam([lone, *pair("p", 1000, quality="5")], CONTIGS)
    found = find(records, ["x"])
    assert marked(found, 3) == {0}
    assert found.libraries[0].unpaired_read_duplicates == 1
    alone = records_from_sam([lone], CONTIGS)
    assert marked(find(alone, ["x"]), 1) == set()


@pytest.mark.parametrize("umi", ["", ":ACGT", ":ACGT+rTTGA", "_ACGT"])
def test_a_umi_in_the_name_does_not_hide_optical_duplicates(umi: str) -> None:
    lines = [line for x in (0, 90, 5000) for line in pair(f"M:1:F:1:1101:{x}:10{umi}", 1000)]
    found = find(records_from_sam(lines, CONTIGS), ["x"])
    assert found.libraries[0].read_pair_optical_duplicates == 1


def test_optical_duplicates_chain() -> None:
    lines = [line for x in (0, 90, 180, 500, 560, 5000) for line in pair(f"M:1:F:1:1101:{x}:10", 1000)]
    found = find(records_from_sam(lines, CONTIGS), ["x"])
    assert found.libraries[0].read_pair_duplicates == 5
    assert found.libraries[0].read_pair_optical_duplicates == 3


def test_a_library_without_duplicates_has_no_estimate() -> None:
    assert estimate_library_size(100, 100) is None
    assert estimate_library_size(0, 0) is None
    size = estimate_library_size(1_000_000, 800_000)
    assert size is not None
    assert 800_000 / size == pytest.approx(1 - np.exp(-1_000_000 / size), rel=1e-6)


def test_nothing_at_all() -> None:
    with DuplicateFinder(["x"]) as finder:
        found = finder.finish(0)
    assert found.libraries[0].duplication == 0.0
