"""``python -m benchmarks.structural [--held-out] [--reference FASTA] [--window CONTIG:START-END ...] [--folder DIR]``.

Planted structural variants found: 202 in each of two genomes, which are windows of real sequence with its repeats as
genomes of their own. Deletions, tandem duplications, inversions and insertions of 60 to 8,000 bases, half of them in
one copy, beside a changed base in every thousand. Half of the insertions are new bases, half copied from elsewhere in
either direction, as mobile elements are. Pairs of 2x150 at depth 30, aligned by our pipeline. On the same BAM files:
``genomics-engine structural``, dysgu alone as it comes, and Delly where it is installed (``--delly``).

Rules were made by looking at the first two genomes. ``--held-out`` takes two others, of other windows and draws, at
which nobody looked before the rules stood.

An event is found by a call that passes, of its kind (a tandem duplication is also the insertion of its bases), with
both ends within 100 bases or four fifths of either in common. A call is true that finds an event.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks.inputs import SHARED
from benchmarks.simulate import write_pairs
from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import align_reads
from engine.person import Sex
from engine.reads.lane import Lane
from engine.reference.genome import Reference, open_reference
from engine.reference.intervals import Interval
from engine.structural.dysgu import call_with_dysgu, dysgu_version
from engine.structural.sample import call_structural

REFERENCE: Final = SHARED / "b37_chr20_ref" / "20.fa.gz"
WINDOWS: Final = ("20:2000000-5200000", "20:40000000-43200000")
HELD_OUT: Final = ("20:10000000-13200000", "20:50000000-53200000")
FIRST_SEED, HELD_OUT_SEED = 0, 171
KINDS: Final = ("DEL", "DUP", "INV", "INS")
SIZES: Final = (60, 120, 250, 500, 1_000, 2_000, 4_000, 8_000)
INSERTED: Final = (60, 90, 120, 200, 300, 350, 500, 800)
"""What no read of 150 bases holds is put together from its ends, or is not."""
BANDS: Final = ((50, 100), (100, 300), (300, 1_000), (1_000, 10_000))
APART, DEPTH, CHANGED = 15_000, 30.0, 1e-3
PER_SIZE: Final = 26 // 4
_NEAR, _IN_COMMON = 100, 0.8
_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class Event:
    """A planted event, or one that was called.

    Attributes:
        kind: of :data:`KINDS`, or BND.
        start: 0-based.
        end: one past the last base; the start for an insertion.
        length: bases.
        genotype: ``0/1`` or ``1/1``.
    """

    kind: str
    start: int
    end: int
    length: int
    genotype: str

    def finds(self, other: Event) -> bool:
        """Whether a call of this is the other, planted one."""
        kinds = {self.kind, other.kind}
        if len(kinds) > 1 and kinds != {"DUP", "INS"}:
            return False
        if "INS" in kinds:
            if len(kinds) > 1 and max(self.length, other.length) > 2 * min(self.length, other.length):
                return False
            return min(abs(self.start - place) for place in (other.start, other.end)) <= _NEAR
        near = max(abs(self.start - other.start), abs(self.end - other.end)) <= _NEAR
        common = min(self.end, other.end) - max(self.start, other.start)
        return near or common >= _IN_COMMON * max(self.end - self.start, other.end - other.start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, sequence, align, call and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, default=REFERENCE)
    parser.add_argument("--window", action="append", dest="windows")
    parser.add_argument("--held-out", action="store_true", help="two genomes by which no rule was made")
    parser.add_argument("--seed", type=int, help="of the first genome; the others' follow")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--delly", default="delly", help="the program")
    options = parser.parse_args(arguments)
    windows, seed = (HELD_OUT, HELD_OUT_SEED) if options.held_out else (WINDOWS, FIRST_SEED)
    seed = seed if options.seed is None else options.seed
    with TemporaryDirectory(prefix="structural-") as name:
        folder = options.folder or Path(name)
        genomes = [
            _genome(options.reference, _interval(window), folder / str(number), number)
            for number, window in enumerate(options.windows or windows, start=seed)
        ]
        delly = shutil.which(options.delly)
        callers: list[tuple[str, Callable[[Path, Reference], list[Event]]]] = [
            ("genomics-engine structural", _ours),
            (f"{dysgu_version()} alone", _dysgu),
        ]
        if delly:
            callers.append((_version(delly), lambda reads, reference: _delly(delly, reads, reference)))
        for caller, call in callers:
            started = time.process_time() + _children()
            calls = [call(reads, reference) for reads, reference, _ in genomes]
            spent = time.process_time() + _children() - started
            _print(caller, [truth for _, _, truth in genomes], calls, spent)
    return 0


def _interval(text: str) -> Interval:
    contig, _, span = text.rpartition(":")
    start, end = map(int, span.split("-"))
    return Interval(contig, start, end)


def _children() -> float:
    import os

    times = os.times()
    return times.children_user + times.children_system


def _genome(fasta: Path, window: Interval, folder: Path, seed: int) -> tuple[Path, Reference, list[Event]]:
    """Reads of a genome with planted events: the BAM file, the reference, and what was planted."""
    import pysam

    folder.mkdir(parents=True, exist_ok=True)
    with pysam.FastaFile(str(fasta)) as sequences:
        text = sequences.fetch(window.contig, window.start, window.end).upper()
    draw = random.Random(seed)
    text = "".join(base if base in "ACGT" else draw.choice("ACGT") for base in text)
    events = plant(len(text), draw)
    made = folder / "reference.fa"
    made.write_text(f">chr1\n{text}\n")
    reference = open_reference(made)
    build_index(reference, folder / "index")
    copies = haplotypes(text, events, draw)
    read1, read2, _ = write_pairs(copies, folder, depth=DEPTH, seed=seed)
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    bam = align_reads(
        [Lane("L1", read1, read2)], "S1", reference, aligner, folder / "reads.bam", log=lambda _: None
    ).path
    return bam, reference, events


def plant(length: int, draw: random.Random) -> list[Event]:
    """Events in a genome of that length, each of its own stretch of :data:`APART` bases."""
    wanted = [
        (kind, size)
        for kind in KINDS
        for size in (INSERTED if kind == "INS" else SIZES)
        for _ in range(PER_SIZE + (size % 3 == 0))
    ]
    draw.shuffle(wanted)
    if len(wanted) * APART + APART > length:
        raise SystemExit(f"a window of {len(wanted) * APART + APART:,} bases is needed, and it has {length:,}")
    found = []
    for number, (kind, size) in enumerate(wanted):
        at = (number + 1) * APART - draw.randrange(3_000)
        end = at if kind == "INS" else at + size
        found.append(Event(kind, at, end, size, draw.choice(("0/1", "1/1"))))
    return found


def haplotypes(text: str, events: Iterable[Event], draw: random.Random) -> list[np.ndarray]:
    """Both copies of the genome with the events and a changed base in every thousand."""
    copies: list[list[str]] = [[], []]
    done = 0
    for event in events:
        piece = text[event.start : event.end]
        new = {"DEL": "", "DUP": piece * 2, "INV": piece[::-1].translate(_COMPLEMENT)}.get(event.kind)
        if new is None:
            new = _inserted(text, event.length, draw)
        one = draw.randrange(2)
        for number, copy in enumerate(copies):
            has = event.genotype == "1/1" or number == one
            copy += [text[done : event.start], new if has else piece]
        done = event.end
    return [_changed(np.frombuffer("".join([*copy, text[done:]]).encode(), np.uint8).copy(), draw) for copy in copies]


def _inserted(text: str, size: int, draw: random.Random) -> str:
    if draw.random() < 0.5:
        return "".join(draw.choices("ACGT", k=size))
    at = draw.randrange(len(text) - size)
    copied = text[at : at + size]
    return copied if draw.random() < 0.5 else copied[::-1].translate(_COMPLEMENT)


def _changed(bases: np.ndarray, draw: random.Random) -> np.ndarray:
    """Its own changed bases: half of those of a person are in one copy."""
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    places = np.flatnonzero(numbers.random(bases.size) < CHANGED / 2)
    letters = np.frombuffer(b"ACGT", np.uint8)
    bases[places] = letters[(np.searchsorted(letters, bases[places]) + numbers.integers(1, 4, places.size)) % 4]
    return bases


def _ours(reads: Path, reference: Reference) -> list[Event]:
    found = call_structural(reads, reference, sex=Sex.FEMALE)
    return [
        Event(one.kind, one.start + 1, one.end if one.kind != "INS" else one.start + 1, one.length, one.genotype)
        for one in found.events
        if one.passes
    ]


def _dysgu(reads: Path, reference: Reference) -> list[Event]:
    return [
        Event(one.kind, one.start + 1, one.end if one.kind != "INS" else one.start + 1, one.length, one.genotype)
        for one in call_with_dysgu(reads, reference.fasta)
        if one.passes
    ]


def _delly(program: str, reads: Path, reference: Reference) -> list[Event]:
    import pysam

    output = reads.with_suffix(".delly.bcf")
    command = [program, "call", "-g", str(reference.fasta), "-o", str(output), str(reads)]
    subprocess.run(command, check=True, capture_output=True)
    with pysam.VariantFile(str(output)) as calls:
        return [
            Event(
                one.info["SVTYPE"],
                one.start + 1,
                one.stop if one.info["SVTYPE"] != "INS" else one.start + 1,
                int(one.info.get("SVLEN", one.stop - one.start - 1)),
                "/".join("." if allele is None else str(allele) for allele in one.samples[0]["GT"]),
            )
            for one in calls
            if "PASS" in one.filter and any(one.samples[0]["GT"])
        ]


def _version(program: str) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return next((line.strip() for line in told.splitlines() if "version" in line.lower()), program)


def _print(caller: str, truths: Sequence[Sequence[Event]], calls: Sequence[Sequence[Event]], spent: float) -> None:
    every, true, genotyped = 0, 0, 0
    found: list[tuple[Event, Event | None]] = []
    for planted, called in zip(truths, calls, strict=True):
        every += len(called)
        true += sum(any(one.finds(event) for event in planted) for one in called)
        found += [(event, next((one for one in called if one.finds(event)), None)) for event in planted]
    right = [(event, one) for event, one in found if one]
    genotyped = sum(event.genotype == one.genotype for event, one in right)
    print(f"\n{caller}: {spent:.1f} CPU s", flush=True)
    print(
        f"recall {len(right)}/{len(found)} = {len(right) / len(found):.3f}, precision {true}/{every} = "
        f"{true / max(every, 1):.3f}, genotypes {genotyped}/{len(right)} = {genotyped / max(len(right), 1):.3f}"
    )
    for kind in KINDS:
        cells = []
        for least, most in BANDS:
            some = [one for event, one in found if event.kind == kind and least <= event.length < most]
            cells.append(f"{least}-{most - 1}: {sum(one is not None for one in some)}/{len(some)}" if some else "")
        false = sum(
            one.kind == kind and not any(one.finds(event) for event in planted)
            for planted, called in zip(truths, calls, strict=True)
            for one in called
        )
        print(f"  {kind}: {', '.join(filter(None, cells))}; false {false}")
    others = sum(one.kind not in KINDS for called in calls for one in called)
    print(f"  BND: {others}")


if __name__ == "__main__":
    sys.exit(main())
