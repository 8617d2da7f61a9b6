"""Simulating the six people's reads and what is true of them: FASTQ files, sample sheet, true variants, regions.

The sequence and the genotypes are real, the reads are not. Equal seeds give equal files. A sample whose files are
there, whole and of this version, is left alone. Run as ``python -m demo.simulate --output FOLDER``.
"""

import argparse
import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.people import PEOPLE, Person, Variant, variants_of
from demo.reference import DATA, read_slices
from demo.sequencer import Library, Reads, load_flow_cell, sequence
from demo.slices import CONTIG, CONTIG_LENGTH, SLICES
from engine.files.calls_index import index_calls

SEED = 20
COVERAGE = 30.0
FLOW_CELL = "SIMULATED:1:DEMOCELL"
"""Instrument, run and flow cell in every read's name: nobody shall take the reads for a person's."""
INDEXES = (
    ("AACGTGAT", "CTGTAGCC"),
    ("AAACATCG", "AGTACAAG"),
    ("ATGCCTAA", "AACAACCA"),
    ("AGTGGTCA", "AACCGAGA"),
    ("ACCACTGT", "AACGCTTA"),
    ("ACATTGGC", "AAGACGGA"),
)
"""Index reads of each sample, in the order of :data:`demo.people.PEOPLE`."""
UNCERTAIN_EDGE = 500
"""Bases at each end of a slice where coverage runs out; left out of the regions in which calls are judged."""
SHEET = "demo-family.csv"
_MANIFEST = ".simulated.json"


def simulate_family(
    folder: Path,
    truth: Path | None = None,
    *,
    people: Sequence[Person] = PEOPLE,
    seed: int = SEED,
    log: Callable[[str], None] | None = None,
) -> Path:
    """Write everybody's FASTQ files and the sample sheet.

    Args:
        folder: for the FASTQ files and the sheet.
        truth: for ``<sample>.vcf.gz`` with index and ``confident.bed``; ``folder/truth`` when absent.
        people: some of :data:`demo.people.PEOPLE`; a person's reads do not depend on who else is there.
        seed: of the random numbers.
        log: told of each sample when it is done.

    Returns:
        The sheet, which appears when all that it names is complete.
    """
    truth = truth or folder / "truth"
    for place in (folder, truth):
        place.mkdir(parents=True, exist_ok=True)
    write_confident_regions(truth / "confident.bed")
    manifest = _Manifest.read(folder / _MANIFEST, _version(seed))
    rows = []
    for person in people:
        lanes = manifest.lanes(person.sample)
        if lanes is None:
            (folder / SHEET).unlink(missing_ok=True)
            _write_truth(person, truth / f"{person.sample}.vcf.gz")
            lanes = _write_reads(person, folder, seed)
            beside = [truth / f"{person.sample}.vcf.gz", truth / f"{person.sample}.vcf.gz.tbi"]
            manifest.add(person.sample, lanes, beside)
            if log:
                log(f"simulated {person.sample}: {len(lanes)} lane{'s' if len(lanes) > 1 else ''}")
        rows += [_row(person, lane) for lane in lanes]
    _publish(folder / SHEET, _csv(rows))
    return folder / SHEET


def write_confident_regions(bed: Path) -> None:
    """The slices without their ends, where coverage runs out."""
    lines = [f"{CONTIG}\t{piece.start + UNCERTAIN_EDGE}\t{piece.end - UNCERTAIN_EDGE}\n" for piece in SLICES]
    _publish(bed, "".join(lines).encode())


def haplotypes(variants: Sequence[Variant]) -> list[NDArray[np.uint8]]:
    """The sequences of both haplotypes of every slice: slice by slice, first haplotype then second."""
    sequences = []
    for piece, reference in zip(SLICES, read_slices(), strict=True):
        for haplotype in (0, 1):
            parts, position = [], 0
            for variant in variants:
                start = variant.position - piece.start
                if 0 <= start < len(piece) and variant.carried[haplotype]:
                    parts += [reference[position:start], variant.alt]
                    position = start + len(variant.ref)
            parts.append(reference[position:])
            sequences.append(np.frombuffer("".join(parts).encode(), np.uint8))
    return sequences


@dataclass(frozen=True)
class _Lane:
    """The two files of one sample on one lane.

    Attributes:
        name: as on the sheet.
        reads: paths of read 1 and read 2.
        md5: their digests.
    """

    name: str
    reads: tuple[Path, Path]
    md5: tuple[str, str]


def _write_reads(person: Person, folder: Path, seed: int) -> list[_Lane]:
    number = PEOPLE.index(person)
    index, random = INDEXES[number], np.random.default_rng([seed, number])
    library = Library(haplotypes(variants_of(person.sample)), COVERAGE, person.lanes, index)
    fragments = load_flow_cell(library, random)
    lanes = []
    for lane in person.lanes:
        reads = sequence(library, fragments.take(np.flatnonzero(fragments.lane == lane)), FLOW_CELL, random)
        name = f"L{lane:03d}"
        paths = folder / f"{person.sample}_{name}_R1.fastq.gz", folder / f"{person.sample}_{name}_R2.fastq.gz"
        for mate, path in enumerate(paths):
            _publish(path, _fastq(reads, mate, "+".join(index)))
        lanes.append(_Lane(name, paths, (_md5(paths[0]), _md5(paths[1]))))
    return lanes


def _fastq(reads: Reads, mate: int, index: str) -> bytes:
    """A gzip FASTQ with names as Illumina has written them since version 1.8."""
    from deflate import gzip_compress

    end = f" {mate + 1}:N:0:{index}\n"
    rows = zip(reads.names, reads.bases[mate], reads.qualities[mate] + 33, strict=True)
    text = b"".join(
        part for name, bases, quality in rows for part in (f"@{name}{end}".encode(), bases, b"\n+\n", quality, b"\n")
    )
    return bytes(gzip_compress(text, 1))


def _write_truth(person: Person, path: Path) -> None:
    """A person's variants with phased genotypes as a bgzip VCF with its tabix index."""
    import pysam

    lines = [
        "##fileformat=VCFv4.3",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        f"##contig=<ID={CONTIG},length={CONTIG_LENGTH}>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">',
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{person.sample}",
    ]
    for variant in variants_of(person.sample):
        genotype = "|".join(str(int(carried)) for carried in variant.carried)
        fixed = [CONTIG, str(variant.position + 1), variant.name, variant.ref, variant.alt]
        lines.append("\t".join([*fixed, ".", "PASS", ".", "GT", genotype]))
    making = path.with_name(f".{os.getpid()}.{path.name}")
    with pysam.BGZFile(str(making), "wb") as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())
    index_calls(making)
    making.with_name(f"{making.name}.tbi").replace(path.with_name(f"{path.name}.tbi"))
    making.replace(path)


def _row(person: Person, lane: _Lane) -> dict[str, str]:
    father, mother = person.parents or ("", "")
    return {
        "sample_id": person.sample,
        "subject_id": person.subject,
        "sex": person.sex,
        "read1": lane.reads[0].name,
        "read2": lane.reads[1].name,
        "lane": lane.name,
        "read1_md5": lane.md5[0],
        "read2_md5": lane.md5[1],
        "family_id": person.family or "",
        "father_id": father,
        "mother_id": mother,
        "phenotype_hpo": ";".join(person.phenotype),
        "order_id": person.order,
        "secondary_findings_consent": "yes" if person.consent else "no",
    }


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


class _Manifest:
    """Which samples are complete: for each its lanes and the digests of its files, kept beside the reads."""

    def __init__(self, path: Path, version: str, samples: dict[str, dict[str, list[list[str]]]]) -> None:
        self._path, self._version, self._samples = path, version, samples

    @classmethod
    def read(cls, path: Path, version: str) -> "_Manifest":
        """What was written before, if it was this version."""
        told = json.loads(path.read_text()) if path.exists() else {}
        return cls(path, version, told["samples"] if told.get("version") == version else {})

    def lanes(self, sample: str) -> list[_Lane] | None:
        """The lanes of a sample whose every file is there and has its digest, None where one has not."""
        files = self._samples.get(sample)
        if files is None:
            return None
        folder = self._path.parent
        everything = [*files["truth"], *(pair for _, *row in files["lanes"] for pair in (row[:2], row[2:]))]
        if any(not (folder / name).is_file() or _md5(folder / name) != md5 for name, md5 in everything):
            return None
        return [_Lane(name, (folder / r1, folder / r2), (md5, other)) for name, r1, md5, r2, other in files["lanes"]]

    def add(self, sample: str, lanes: Sequence[_Lane], beside: Sequence[Path]) -> None:
        """Note a sample as complete."""
        rows = [[lane.name, lane.reads[0].name, lane.md5[0], lane.reads[1].name, lane.md5[1]] for lane in lanes]
        truth = [[os.path.relpath(path, self._path.parent), _md5(path)] for path in beside]
        self._samples[sample] = {"lanes": rows, "truth": truth}
        told = {"version": self._version, "samples": self._samples}
        _publish(self._path, (json.dumps(told, indent=1) + "\n").encode())


def _version(seed: int) -> str:
    """Digest of everything that decides the reads: the seed, the code and the data."""
    code = ("simulate.py", "sequencer.py", "qualities.py", "people.py", "slices.py")
    data = ("slices.fa.gz", "people.vcf.gz", "qualities.json")
    digest = hashlib.sha256(f"{seed}".encode())
    for path in [*(Path(__file__).with_name(name) for name in code), *(DATA / name for name in data)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _publish(path: Path, content: bytes) -> None:
    """Let a file appear when it is complete, and leave one alone that has this content already."""
    if path.exists() and path.read_bytes() == content:
        return
    making = path.with_name(f".{os.getpid()}.{path.name}")
    making.write_bytes(content)
    making.replace(path)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; ``arguments`` are the process's own when absent."""
    parser = argparse.ArgumentParser(prog="python -m demo.simulate", description="Simulate the demo family's reads.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the FASTQ files and the sample sheet")
    parser.add_argument("--truth", type=Path, help="folder for true variants and regions (default: OUTPUT/truth)")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    given = parser.parse_args(arguments)
    print(simulate_family(given.output, given.truth, seed=given.seed, log=print))


if __name__ == "__main__":
    main()
