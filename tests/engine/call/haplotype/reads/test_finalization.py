"""Finalised and trimmed reads: exactly the ones GATK gave its PairHMM, and one clip at a time."""

from pathlib import Path

import numpy as np
import pytest

from engine.call.haplotype.activity.regions import PADDING
from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.reads.clip_kernels import clip, read_index, start_shift, unclip
from engine.call.haplotype.reads.decoding_kernels import Naming, key_names
from engine.call.haplotype.reads.finalization import evidence_in, finalize_region
from engine.call.haplotype.reads.source import DecodedReads, ReadSource, WantedReads
from tests.builders.gatk_goldens import CONTIG, END, START, Golden

OPERATORS = "MIDNSHP=X"


def _packed(text: str) -> np.ndarray:
    elements, number = [], ""
    for letter in text:
        if letter.isdigit():
            number += letter
        else:
            elements.append(int(number) << 4 | OPERATORS.index(letter))
            number = ""
    return np.array(elements, np.uint32)


def _text(cigar: np.ndarray) -> str:
    return "".join(f"{int(element) >> 4}{OPERATORS[int(element) & 15]}" for element in cigar)


@pytest.mark.parametrize(
    ("before", "start", "stop", "after", "shift"),
    [
        ("10M", 0, 3, "3H7M", 3),
        ("10M", 8, 10, "8M2H", 0),
        ("2H8M", 0, 2, "4H6M", 2),
        ("3S7M", 0, 3, "3H7M", 0),
        ("5M2D5M", 0, 5, "5H5M", 7),
        ("5M2D5M", 5, 10, "5M5H", 0),
        ("5M3I5M", 0, 6, "6H2I5M", 5),
        ("5M3I5M", 7, 13, "5M2I6H", 0),
    ],
)
def test_hard_clips(before: str, start: int, stop: int, after: str, shift: int) -> None:
    cigar, out = _packed(before), np.empty(8, np.uint32)
    count = clip(cigar, cigar.size, start, stop, out)
    assert _text(out[:count]) == after
    if start == 0:
        assert start_shift(cigar, cigar.size, stop) == shift


def test_soft_clips_become_matches() -> None:
    cigar, out = _packed("2H3S5M4S"), np.empty(8, np.uint32)
    assert _text(out[: unclip(cigar, cigar.size, out)]) == "2H12M"


def test_a_position_within_a_deletion_gives_the_base_behind_it() -> None:
    cigar = _packed("5M2D5M")
    places = [read_index(cigar, cigar.size, 100, position) for position in (99, 104, 105, 107, 112)]
    assert places == [(-1, False), (4, True), (5, False), (5, True), (-1, False)]


def _decoded(rows: list[dict[str, object]]) -> DecodedReads:
    """Reads from dictionaries: start, cigar, bases, flag, mate_start, template_length, name."""
    cigars = [_packed(str(row["cigar"])) for row in rows]
    bases = [np.frombuffer(bytearray(str(row["bases"]).encode()), np.uint8) for row in rows]
    lengths = [int(sum(int(e) >> 4 for e in cigar if OPERATORS[int(e) & 15] in "MDN=X")) for cigar in cigars]
    start = np.array([row["start"] for row in rows], np.int64)
    names = [str(row.get("name", i)).encode() for i, row in enumerate(rows)]
    number = {name: k for k, name in enumerate(dict.fromkeys(names))}
    columns = ReadColumns(
        start=start,
        end=start + np.array(lengths),
        flag=np.array([row.get("flag", 0) for row in rows], np.uint16),
        mapq=np.full(len(rows), 60, np.uint8),
        mate_start=np.array([row.get("mate_start", -1) for row in rows], np.int64),
        mate_contig=np.zeros(len(rows), np.int32),
        template_length=np.array([row.get("template_length", 0) for row in rows], np.int32),
        name=np.array([number[name] for name in names], np.int32),
        base_offset=np.cumsum([0, *(b.size for b in bases)]).astype(np.int64),
        bases=np.concatenate(bases),
        qualities=np.concatenate(
            [np.full(b.size, row.get("quality", 30), np.uint8) for b, row in zip(bases, rows, strict=True)]
        ),
        cigar_offset=np.cumsum([0, *(c.size for c in cigars)]).astype(np.int64),
        cigar=np.concatenate(cigars),
    )
    naming = Naming(
        np.cumsum([0, *(len(name) for name in names)]).astype(np.int64),
        np.frombuffer(bytearray(b"".join(names)), np.uint8),
        np.array([names.index(name) for name in number], np.int32),
        np.empty(len(number), np.uint64),
    )
    key_names(naming)
    return DecodedReads(columns, naming, np.maximum.accumulate(columns.end))


def test_soft_clips_of_a_known_fragment_are_released_and_others_cut() -> None:
    known = {"flag": 0x1 | 0x20, "mate_start": 150, "template_length": 200}
    reads = _decoded(
        [
            {"start": 100, "cigar": "4S10M", "bases": "A" * 14, **known},
            {"start": 100, "cigar": "4S10M", "bases": "A" * 14, "name": "alone"},
        ]
    )
    final = finalize_region(reads, 0, 1_000)
    assert final.start.tolist() == [96, 100]
    assert [_text(final.cigar[a:b]) for a, b in zip(final.cigar_offset, final.cigar_offset[1:], strict=False)] == [
        "14M",
        "4H10M",
    ]


def test_released_bases_before_the_contig_are_cut() -> None:
    row = {"start": 2, "cigar": "5S10M", "bases": "CCCCC" + "A" * 10, "flag": 0x21, "mate_start": 50}
    final = finalize_region(_decoded([{**row, "template_length": 100}]), 0, 1_000)
    assert (final.start[0], final.end[0], _text(final.cigar)) == (0, 12, "3H12M")


def test_adaptor_beyond_the_mates_end_is_cut() -> None:
    row = {"start": 100, "cigar": "20M", "bases": "A" * 20, "flag": 0x21, "mate_start": 100}
    final = finalize_region(_decoded([{**row, "template_length": 15}]), 0, 1_000)
    assert (final.end[0], _text(final.cigar)) == (115, "15M5H")


def test_mates_that_agree_are_capped_and_that_differ_count_nothing() -> None:
    pair = [
        {"start": 100, "cigar": "12M", "bases": "A" * 12, "flag": 0x21, "mate_start": 106, "template_length": 18},
        {
            "start": 106,
            "cigar": "12M",
            "bases": "AC" + "A" * 10,
            "flag": 0x11,
            "mate_start": 100,
            "template_length": -18,
        },
    ]
    final = finalize_region(_decoded([{**row, "name": "pair"} for row in pair]), 0, 1_000)
    assert final.qualities[:12].tolist() == [30] * 6 + [20, 0] + [20] * 4
    assert final.qualities[12:].tolist() == [20, 0] + [20] * 4 + [30] * 6


def test_order_is_start_then_strand_then_name() -> None:
    rows = [("b", 0), ("a", 0), ("c", 0x10), ("aa", 0)]
    reads = _decoded([{"start": 10, "cigar": "9M", "bases": "A" * 9, "name": n, "flag": f} for n, f in rows])
    names = [rows[number][0] for number in finalize_region(reads, 0, 100).name]
    assert names == ["a", "aa", "b", "c"]


def test_short_reads_and_those_with_their_mate_elsewhere_are_no_evidence() -> None:
    reads = _decoded([{"start": 10, "cigar": f"{n}M", "bases": "A" * n, "flag": 0x1} for n in (9, 10, 11)])
    reads.columns.mate_contig[:] = (0, 0, 1)
    evidence, filtered = evidence_in(reads, finalize_region(reads, 0, 100), 0, 100, contig=0)
    assert (np.diff(evidence.base_offset).tolist(), np.diff(filtered.base_offset).tolist()) == ([10], [11])


def test_every_read_gatk_gave_its_pair_hmm(shared_data: Path) -> None:
    golden = Golden(shared_data)
    source = ReadSource(golden.reads, fasta=golden.reads, sample=None, reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    wanted = WantedReads(contig, START - 1000, END, np.array([START - 100]), np.array([START + 20_101]))
    reads = source.fetch(wanted)
    ours = set()
    for start, end, span_start, span_end in golden.trimmed_spans():
        final = finalize_region(reads, start - PADDING, end + PADDING)
        evidence, _ = evidence_in(reads, final, span_start, span_end, contig)
        capped = np.minimum(evidence.qualities, np.repeat(evidence.mapq, np.diff(evidence.base_offset)))
        capped[capped < 18] = 6
        for first, last in zip(evidence.base_offset, evidence.base_offset[1:], strict=False):
            ours.add((evidence.bases[first:last].tobytes().decode(), (capped[first:last] + 33).tobytes().decode()))
    gatks = {tuple(line.split()[1:3]) for line in golden.lines("na12878_20kb/pairhmm.txt.gz")}
    assert ours == gatks
    assert len(ours) > 5_000
