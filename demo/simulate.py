"""Simulating the six people's reads: 30x, 2x150, with qualities, errors, duplicates and adapters as a sequencer gives.

The sequence and the genotypes are real, the reads are not. Equal seeds give equal files. Run as
``python -m demo.simulate FOLDER``; what is there and complete is left alone.
"""

import csv
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.people import FAMILY, PEOPLE, Person, Variant, variants_of, write_truth
from demo.reference import DATA, read_slices
from demo.slices import CONTIG, SLICES

SEED = 20
COVERAGE = 30.0
READ_LENGTH = 150
INSERT_MEAN, INSERT_SD = 400.0, 60.0
SHORT_INSERTS = 0.015
"""Share of fragments of 60 to 150 bases, which the sequencer reads through into the adapter."""
DUPLICATES = 0.06
OPTICAL = 0.3
"""Share of duplicates that are a neighbouring spot on the flow cell rather than a copy made by PCR."""
UNCERTAIN_EDGE = 500
"""Bases at each end of a slice where coverage runs out; left out of the regions in which calls are judged."""
NO_CALL = 0.0005
ADAPTERS = (b"AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC", b"AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGTA")
"""Illumina TruSeq adapters as read 1 and read 2 meet them (Illumina adapter sequences, document 1000000002694)."""
QUALITY_BINS = np.array([2, 11, 25, 37], np.uint8)
"""The four qualities of Illumina's binned base calls."""
BASES = np.frombuffer(b"ACGT", np.uint8)
COMPLEMENT = np.zeros(256, np.uint8)
COMPLEMENT[np.frombuffer(b"ACGTN", np.uint8)] = np.frombuffer(b"TGCAN", np.uint8)


@dataclass(frozen=True)
class Fragments:
    """Fragments of a person's DNA on the flow cell, one row each.

    Attributes:
        haplotype: row of the haplotype it was cut from.
        start: first base on the haplotype.
        insert: its length.
        reverse: whether read 1 is of the reverse strand.
        tile: of the flow cell.
        x: place on the tile.
        y: place on the tile.
    """

    haplotype: NDArray[np.int64]
    start: NDArray[np.int64]
    insert: NDArray[np.int64]
    reverse: NDArray[np.bool_]
    tile: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> "Fragments":
        """The fragments of those rows."""
        return Fragments(*(column[rows] for column in self.__dict__.values()))


def simulate_family(folder: Path, truth: Path, seed: int = SEED) -> Path:
    """Write FASTQ files and their sample sheet into ``folder``, true variants and confident regions into ``truth``.

    Returns the sheet, which comes last: a folder with the sheet is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    sheet, mark = folder / "demo-family.csv", folder / ".simulated.json"
    version = _version(seed)
    if sheet.exists() and mark.exists() and json.loads(mark.read_text())["version"] == version:
        return sheet
    sheet.unlink(missing_ok=True)
    rows = []
    for number, person in enumerate(PEOPLE):
        rows += _write_person(person, folder, truth, np.random.default_rng([seed, number]))
    write_confident_regions(truth / "confident.bed")
    _write_sheet(rows, sheet)
    mark.write_text(json.dumps({"version": version}) + "\n")
    return sheet


def write_confident_regions(bed: Path) -> None:
    """The slices without their ends, where coverage runs out."""
    lines = [f"{CONTIG}\t{piece.start + UNCERTAIN_EDGE}\t{piece.end - UNCERTAIN_EDGE}\n" for piece in SLICES]
    bed.write_text("".join(lines))


def haplotypes(variants: Sequence[Variant]) -> list[NDArray[np.uint8]]:
    """The sequences of both haplotypes of every slice: slice by slice, first haplotype then second."""
    sequences = []
    for piece, reference in zip(SLICES, read_slices(), strict=True):
        for haplotype in (0, 1):
            parts, position = [], 0
            for variant in variants:
                start = variant.position - piece.start
                if 0 <= start < len(piece) and variant.carried[haplotype] and start >= position:
                    parts += [reference[position:start], variant.alt]
                    position = start + len(variant.ref)
            parts.append(reference[position:])
            sequences.append(np.frombuffer("".join(parts).encode(), np.uint8))
    return sequences


def _write_person(person: Person, folder: Path, truth: Path, random: np.random.Generator) -> list[dict[str, str]]:
    variants = variants_of(person)
    write_truth(person, truth / f"{person.sample}.vcf.gz")
    sequences = haplotypes(variants)
    fragments = _spots(_cut(sequences, random), random)
    lane_of = random.integers(0, person.lanes, len(fragments.start))
    rows = []
    for lane in range(person.lanes):
        chosen = fragments.take(np.flatnonzero(lane_of == lane))
        paths = []
        for mate in (1, 2):
            path = folder / f"{person.sample}_L{lane + 1:03d}_R{mate}.fastq.gz"
            _write_fastq(path, chosen, sequences, mate, lane + 1, random)
            paths.append(path)
        rows.append(_row(person, lane + 1, paths))
    return rows


def _cut(sequences: Sequence[NDArray[np.uint8]], random: np.random.Generator) -> Fragments:
    """Fragments that cover every haplotype at half the coverage."""
    parts = []
    for row, sequence in enumerate(sequences):
        count = round(len(sequence) * COVERAGE / 2 / (2 * READ_LENGTH))
        insert = np.clip(np.rint(random.normal(INSERT_MEAN, INSERT_SD, count)), READ_LENGTH, 1000).astype(np.int64)
        short = random.random(count) < SHORT_INSERTS
        insert[short] = random.integers(60, READ_LENGTH, int(short.sum()))
        start = np.floor(random.random(count) * (len(sequence) - insert)).astype(np.int64)
        parts.append((np.full(count, row), start, insert, random.random(count) < 0.5))
    haplotype, start, insert, reverse = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    tile, x, y = _places(len(start), random)
    return Fragments(haplotype, start, insert, reverse, tile, x, y)


def _places(count: int, random: np.random.Generator) -> tuple[NDArray[np.int64], ...]:
    surface, swath, number = random.integers(1, 3, count), random.integers(1, 7, count), random.integers(1, 79, count)
    return (
        surface * 1000 + swath * 100 + number,
        random.integers(10_000, 32_000, count),
        random.integers(10_000, 99_000, count),
    )


def _spots(fragments: Fragments, random: np.random.Generator) -> Fragments:
    """Duplicate some fragments, and order all by their place on the flow cell, as a sequencer writes them."""
    count = len(fragments.start)
    copies = fragments.take(np.flatnonzero(random.random(count) < DUPLICATES))
    optical = random.random(len(copies.start)) < OPTICAL
    tile, x, y = _places(len(copies.start), random)
    near = random.integers(-40, 41, (2, len(copies.start)))
    copies.tile[~optical], copies.x[~optical], copies.y[~optical] = tile[~optical], x[~optical], y[~optical]
    copies.x[optical] += near[0][optical]
    copies.y[optical] += near[1][optical]
    both = zip(fragments.__dict__.values(), copies.__dict__.values(), strict=True)
    spots = Fragments(*(np.concatenate(columns) for columns in both))
    np.clip(spots.x, 10_000, 99_999, out=spots.x)
    np.clip(spots.y, 10_000, 99_999, out=spots.y)
    return spots.take(np.lexsort((spots.x, spots.y, spots.tile)))


def _write_fastq(
    path: Path,
    fragments: Fragments,
    sequences: Sequence[NDArray[np.uint8]],
    mate: int,
    lane: int,
    random: np.random.Generator,
) -> None:
    from isal import igzip

    qualities = _qualities(len(fragments.start), mate, random)
    bases = _with_errors(_read(fragments, sequences, mate), qualities, random)
    unknown = random.random(bases.shape) < NO_CALL
    bases[unknown], qualities[unknown] = ord("N"), QUALITY_BINS[0]
    names = [
        f"@DEMO:1:H000DEMO:{lane}:{tile}:{x}:{y} {mate}:N:0:ACGTACGT\n"
        for tile, x, y in zip(fragments.tile.tolist(), fragments.x.tolist(), fragments.y.tolist(), strict=True)
    ]
    rows = zip(names, bases, qualities + 33, strict=True)
    text = b"".join(b"".join((name.encode(), b.tobytes(), b"\n+\n", q.tobytes(), b"\n")) for name, b, q in rows)
    making = path.with_name(f".{path.name}")
    making.write_bytes(igzip.compress(text, compresslevel=2, mtime=0))
    making.replace(path)


def _read(fragments: Fragments, sequences: Sequence[NDArray[np.uint8]], mate: int) -> NDArray[np.uint8]:
    """The bases of one mate, read without error: into the fragment from its end, and on into the adapter."""
    offsets = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])])
    genome = np.concatenate([*sequences, np.frombuffer(b"A" * READ_LENGTH, np.uint8)])
    cycle = np.arange(READ_LENGTH)
    first = offsets[fragments.haplotype] + fragments.start
    last = first + fragments.insert - 1
    backward = fragments.reverse if mate == 1 else ~fragments.reverse
    forward_bases = genome[first[:, None] + cycle]
    backward_bases = COMPLEMENT[genome[np.maximum(last[:, None] - cycle, 0)]]
    bases = np.where(backward[:, None], backward_bases, forward_bases)
    adapter = np.frombuffer(ADAPTERS[mate - 1] + b"A" * READ_LENGTH, np.uint8)
    beyond = cycle - fragments.insert[:, None]
    return np.where(beyond >= 0, adapter[np.clip(beyond, 0, None)], bases).astype(np.uint8)


def _qualities(count: int, mate: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Binned qualities that fall along the read, faster in read 2; a few reads break off into poor quality."""
    progress = np.linspace(0.0, 1.0, READ_LENGTH) ** 2
    best = 0.965 - (0.05 if mate == 1 else 0.11) * progress
    spread = random.normal(0.0, 0.02, (count, 1))
    drawn = random.random((count, READ_LENGTH))
    high = np.clip(best + spread, 0.5, 0.995)
    bins = np.where(drawn < high, 3, np.where(drawn < high + (1 - high) * 0.65, 2, np.where(drawn < 0.997, 1, 0)))
    breaks = np.where(random.random(count) < 0.01 * mate, random.integers(40, READ_LENGTH, count), READ_LENGTH)
    bins = np.where(np.arange(READ_LENGTH) >= breaks[:, None], np.minimum(bins, 1), bins)
    return QUALITY_BINS[bins]


def _with_errors(
    bases: NDArray[np.uint8], qualities: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Substitute another base with the probability that the quality states."""
    wrong = random.random(bases.shape) < 10.0 ** (qualities / -10.0)
    ordinal = np.searchsorted(BASES, bases[wrong])
    bases[wrong] = BASES[(ordinal + random.integers(1, 4, len(ordinal))) % 4]
    return bases


def _row(person: Person, lane: int, paths: Sequence[Path]) -> dict[str, str]:
    father, mother = FAMILY.get(person.sample) or ("", "")
    md5 = [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in paths]
    return {
        "sample_id": person.sample,
        "subject_id": f"subject-{person.sample.removeprefix('demo-')}",
        "sex": person.sex,
        "read1": paths[0].name,
        "read2": paths[1].name,
        "lane": f"L{lane:03d}",
        "read1_md5": md5[0],
        "read2_md5": md5[1],
        "family_id": "demo-family" if person.sample in FAMILY else "",
        "father_id": father,
        "mother_id": mother,
        "phenotype_hpo": ";".join(person.phenotype),
        "order_id": person.order,
        "secondary_findings_consent": "yes" if person.consent else "no",
    }


def _write_sheet(rows: Sequence[dict[str, str]], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    making = path.with_name(f".{path.name}.part")
    making.write_text(text.getvalue())
    making.replace(path)


def _version(seed: int) -> str:
    """Digest of everything that decides the reads: this code, the data and the seed."""
    digest = hashlib.sha256(f"{seed}".encode())
    for path in [*sorted(Path(__file__).parent.glob("*.py")), *sorted(DATA.glob("*.gz"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    print(simulate_family(Path(sys.argv[1]), Path(sys.argv[1]) / "truth"))
