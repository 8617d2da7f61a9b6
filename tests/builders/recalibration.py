"""Builders for recalibration: random aligned reads of every shape, and a slow count of them that is easy to believe."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

Site = tuple[int, int]
"""A known site, 0-based half-open."""


def random_bases(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(random.Random(seed).choices(letters, k=length))


@dataclass(frozen=True)
class ShapedReads:
    """A reference of one contig, reads over it with clips, gaps, N, low qualities and adaptors, and known sites."""

    sequence: str
    bam: Path
    fasta: Path
    known: Path
    sites: tuple[Site, ...]


def shaped_reads(folder: Path, seed: int, count: int = 120) -> ShapedReads:
    choose = random.Random(seed)
    sequence = random_bases(400, seed)
    fasta = folder / "reference.fa"
    fasta.write_text(f">chr1\n{sequence}\n")
    sites = tuple(sorted((start, start + choose.choice([1, 1, 1, 2, 5])) for start in choose.sample(range(395), 25)))
    known = folder / "known.vcf"
    records = [f"chr1\t{start + 1}\t.\t{'N' * (end - start)}\t<X>\t.\t.\t.\n" for start, end in sites]
    known.write_text("##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "".join(records))
    bam = folder / "reads.bam"
    write_reads(bam, [_random_read(choose, number) for number in range(count)], [("chr1", len(sequence))])
    return ShapedReads(sequence, bam, fasta, known, sites)


def _random_read(choose: random.Random, number: int) -> dict[str, object]:
    cigar = _random_cigar(choose)
    bases = sum(length for operator, length in cigar if operator in (0, 1, 4, 7, 8))
    span = sum(length for operator, length in cigar if operator in (0, 2, 7, 8))
    start = choose.randrange(0, 400 - span)
    reverse = choose.random() < 0.5
    flag = 1 | 16 * reverse | choose.choice([0, 32]) | choose.choice([64, 128])
    flag |= choose.choice([0] * 12 + [4, 8, 256, 512, 1024, 2048])
    return {
        "name": f"r{number}",
        "flag": flag,
        "start": start,
        "mapq": choose.choice([60] * 8 + [0, 255, 1]),
        "cigar": cigar,
        "bases": "".join(choose.choices("ACGTN", weights=[10, 10, 10, 10, 1], k=bases)),
        "qualities": choose.choices([2, 2, 5, 6, 20, 30, 41], k=bases),
        "mate_contig": choose.choice([0] * 9 + [-1]),
        "mate_start": max(start + choose.randrange(-40, 60), 0),
        "template_length": choose.choice([-1, 1]) * choose.choice([0, 20, 30, 45, 60, 200]),
        "group": choose.choice(["a", "b", "c"]),
    }


def _random_cigar(choose: random.Random) -> list[tuple[int, int]]:
    middle: list[tuple[int, int]] = [(choose.choice([0, 0, 7, 8]), choose.randrange(3, 15))]
    for _ in range(choose.randrange(3)):
        middle += [(choose.choice([1, 2]), choose.randrange(1, 5)), (0, choose.randrange(2, 15))]
    soft = [(4, choose.randrange(1, 6)) if choose.random() < 0.3 else None for _ in "12"]
    hard = [(5, choose.randrange(1, 6)) if choose.random() < 0.2 else None for _ in "12"]
    return [element for element in (hard[0], soft[0], *middle, soft[1], hard[1]) if element]


READ_GROUPS = ({"ID": "a", "SM": "S1", "PU": "unit1"}, {"ID": "b", "SM": "S1", "PU": "unit1"}, {"ID": "c", "SM": "S1"})


def write_reads(
    path: Path,
    reads: Sequence[dict[str, object]],
    contigs: Sequence[tuple[str, int]],
    *,
    groups: Sequence[dict[str, str]] = READ_GROUPS,
    sort: bool = True,
) -> Path:
    """A BAM file of such reads; missing keys get plain values."""
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": n, "LN": length} for n, length in contigs]}
    order = sorted(reads, key=lambda read: (read.get("contig", 0), read["start"])) if sort else reads
    with pysam.AlignmentFile(str(path), "wb", header=header | ({"RG": list(groups)} if groups else {})) as bam:
        for each in order:
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.flag = str(each.get("name", "r")), each.get("flag", 0)
            read.reference_id, read.reference_start = each.get("contig", 0), each["start"]
            read.mapping_quality, read.cigartuples = each.get("mapq", 60), each["cigar"]
            read.query_sequence = each["bases"]
            if each.get("qualities") is not None:
                read.query_qualities = pysam.qualitystring_to_array("".join(chr(33 + q) for q in each["qualities"]))
            read.next_reference_id = each.get("mate_contig", 0)
            read.next_reference_start = each.get("mate_start", 0)
            read.template_length = each.get("template_length", 0)
            read.set_tag("NM", 1)
            read.set_tag("XB", [1, 2, 3])
            if each.get("group"):
                read.set_tag("RG", each["group"])
            bam.write(read)
    return path


@dataclass
class SlowCounts:
    """Bases and mismatches by (unit, quality, covariate) as plain counters."""

    bases: Counter[tuple[str, int, str]]
    mismatches: Counter[tuple[str, int, str]]


def slow_count(shaped: ShapedReads) -> SlowCounts:
    """Section 16.1 of the specification, base by base on pysam's aligned pairs."""
    counts = SlowCounts(Counter(), Counter())
    units = {group["ID"]: group.get("PU", group["ID"]) for group in READ_GROUPS}
    with pysam.AlignmentFile(str(shaped.bam), "rb") as bam:
        for read in bam:
            if read.flag & (4 | 256 | 512 | 1024) or read.mapping_quality in (0, 255):
                continue
            _count_read(read, shaped, units[str(read.get_tag("RG"))], counts)
    return counts


def _count_read(read: pysam.AlignedSegment, shaped: ShapedReads, unit: str, counts: SlowCounts) -> None:
    pairs = read.get_aligned_pairs()
    within = _before_adaptor(read, pairs)
    kept = [index for index in range(read.query_alignment_start, read.query_alignment_end) if index in within]
    if not kept:
        return
    known = _known_bases(pairs, kept, shaped.sites)
    at = {index: position for index, position in pairs if index is not None}
    bases, qualities = read.query_sequence, list(read.query_qualities)
    order = kept[::-1] if read.is_reverse else kept
    masked = set()
    for ends in (kept, kept[::-1]):
        for index in ends:
            if qualities[index] > 2:
                break
            masked.add(index)
    for cycle, index in enumerate(order, 1):
        if index in known or bases[index] == "N" or qualities[index] < 6:
            continue
        wrong = at[index] is not None and bases[index] != shaped.sequence[at[index]]
        keys = [str(-cycle if read.is_read2 else cycle)]
        if cycle > 1 and not {index, order[cycle - 2]} & masked and bases[order[cycle - 2]] != "N":
            pair = bases[order[cycle - 2]] + bases[index]
            keys.append(pair.translate(str.maketrans("ACGT", "TGCA")) if read.is_reverse else pair)
        for key in keys:
            counts.bases[unit, qualities[index], key] += 1
            counts.mismatches[unit, qualities[index], key] += wrong


def _before_adaptor(read: pysam.AlignedSegment, pairs: list[tuple[int | None, int | None]]) -> set[int]:
    """Indices of bases within the fragment, by the rule for its boundary."""
    everything = set(range(read.query_length))
    first, last = read.reference_start, read.reference_end - 1
    has_mate = not read.mate_is_unmapped and read.next_reference_id >= 0
    if not has_mate or read.template_length == 0 or read.is_reverse == read.mate_is_reverse:
        return everything
    if read.is_reverse:
        boundary = read.next_reference_start - 1
        if last <= read.next_reference_start or boundary < first:
            return everything
        beyond = [i for i, position in _placed(pairs, following=False) if position <= boundary]
    else:
        boundary = first + abs(read.template_length)
        if first > read.next_reference_start + abs(read.template_length) or boundary > last:
            return everything
        beyond = [i for i, position in _placed(pairs, following=True) if position >= boundary]
    if not beyond:
        return everything
    return set(range(max(beyond) + 1, read.query_length)) if read.is_reverse else set(range(min(beyond)))


def _placed(pairs: list[tuple[int | None, int | None]], *, following: bool) -> list[tuple[int, int]]:
    """Bases with positions; a deleted position belongs to the base behind it or ahead of it."""
    placed: list[tuple[int, int]] = []
    for index, (base, position) in enumerate(pairs):
        if position is None:
            continue
        if base is None:
            row = pairs[index + 1 :] if following else pairs[:index][::-1]
            base = next((i for i, _ in row if i is not None), None)
        if base is not None:
            placed.append((base, position))
    return placed


def _known_bases(pairs: list[tuple[int | None, int | None]], kept: list[int], sites: Sequence[Site]) -> set[int]:
    """Indices at known sites: from the base of its first position to the base of its last, or those beside a gap."""
    aligned = [position for index, position in pairs if index in set(kept) and position is not None]
    if not aligned:
        return set()
    behind = {position: index for index, position in _placed(pairs, following=False)}
    ahead = {position: index for index, position in _placed(pairs, following=True)}
    known: set[int] = set()
    for start, end in sites:
        if end <= aligned[0] or start > aligned[-1]:
            continue
        first = kept[0] if start < aligned[0] else behind[start]
        last = kept[-1] if end - 1 > aligned[-1] else ahead[end - 1]
        known.update(range(first, last + 1))
    return known
