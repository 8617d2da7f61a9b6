"""``python -m benchmarks.reanalysis [SAMPLES ...] [--alleles 3500000]``: what a new ClinVar release costs, by samples.

A deployment of so many synthetic samples is made in a temporary folder: a genome of random bases, a ClinVar table of
as many alleles as ClinVar has (3,500,000), samples with 1,000 calls each. In the next release 2,000 alleles differ, of
which ten samples carry one. Measured is the whole look, in CPU seconds of this process: the difference, whom it
touches, the confirmation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from numpy.typing import NDArray

from engine.ops import knowledge
from engine.ops.reanalysis import reanalyse
from engine.person import Person
from engine.reads.lane import Lane
from engine.reads.registration import SampleStatus
from engine.reads.sample_sheet import SampleEntry
from engine.reanalysis.carried import CARRIED_COLUMNS, TABLE
from engine.receipt import Receipt, Recipe, content_version, describe_file
from engine.tables import arrow_schema
from resources.environment import Resources, Settings, build_resources
from resources.lake import LocalLake

_COUNTS = (100, 1_000, 10_000)
_KNOWN, _CHANGED, _CALLS, _TOUCHED = 3_500_000, 2_000, 1_000, 10
_APART, _FIRST = 18, 5_000
_PART = 500
_ASSETS = {
    "exon_coverage": ("gene_model", "panels"),
    "variant_consequences": ("gene_model",),
    "annotated_variants": ("gene_model", "clinvar", "frequencies"),
    "findings": ("panels", "phenotypes"),
    "statement": ("gene_model", "panels"),
}
_PLAIN = str.maketrans("ACGT", "CGTA")


def main() -> int:
    """Measure a look for each number of samples, and a second one, which finds nothing new."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reanalysis")
    parser.add_argument("samples", nargs="*", type=int, default=_COUNTS, metavar="SAMPLES", help="100 1000 10000")
    parser.add_argument("--alleles", type=int, default=_KNOWN, help=f"in ClinVar's table (default: {_KNOWN})")
    options = parser.parse_args()
    for count in options.samples:
        with tempfile.TemporaryDirectory() as folder:
            places = _places(options.alleles)
            platform, bases = _platform(Path(folder), places)
            _samples(platform, Path(folder), bases, places, count)
            platform = build_resources(platform.settings)
            reanalyse(platform)  # as the sensor asks for it once samples have come to their end
            _release(platform, bases, places, changed=True)
            spent = []
            for _ in range(2):
                began = time.process_time()
                look = reanalyse(platform)
                spent.append(time.process_time() - began)
                if len(spent) == 1:
                    told = f"{len(look.touched):,} touched, {look.confirmed:,} confirmed"
        print(f"{count:,} samples: {told}, {spent[0]:.2f} CPU s; a second look {spent[1]:.2f} CPU s", flush=True)
    return 0


def _platform(folder: Path, places: Places) -> tuple[Resources, str]:
    """A deployment whose knowledge is built under the first release."""
    sources = folder / "data" / "sources"
    sources.mkdir(parents=True)
    (folder / "data" / "landing").mkdir()
    length = int(places.max()) + _FIRST
    bases = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(1).integers(0, 4, length)].tobytes().decode()
    (sources / "genome.fa").write_text(f">chr1\n{bases}\n")
    lines = ["##gff-version 3", "chr1\tt\tgene\t1001\t4000\t.\t+\t.\tID=gene:G1;Name=G1;biotype=protein_coding"]
    lines.append("chr1\tt\tmRNA\t1001\t4000\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding")
    lines += [f"chr1\tt\t{kind}\t1001\t4000\t.\t+\t{phase}\tParent=transcript:T1" for kind, phase in _PARTS]
    (sources / "genes.gff3").write_text("\n".join([*lines, ""]))
    (folder / "synthetic.yaml").write_text(
        "name: synthetic\nbuild: GRCh38\nfasta: genome.fa\ngene_model: genes.gff3\nclinvar: clinvar.vcf\n"
    )
    options = {"GENOMICS_DATA": str(folder / "data"), "GENOMICS_REFERENCE": str(folder / "synthetic.yaml")}
    platform = build_resources(Settings.from_environment(options))
    lake = LocalLake(platform.settings.data / "lake")  # the audit log takes what lies there when it is first used
    platform = replace(platform, lake=lake, knowledge=replace(platform.knowledge, lake=lake))
    for contract in (knowledge.reference_genome, knowledge.gene_model):
        contract.make(platform, "", log=lambda _: None)
    for part in set(platform.knowledge.parts) - {"reference_genome", "aligner_index", "gene_model", "clinvar"}:
        getattr(knowledge, part).make(platform, "", log=lambda _: None)
    _release(platform, bases, places, changed=False)
    return platform, bases


_PARTS = (("exon", "."), ("CDS", "0"))


Places = NDArray[np.int64]


def _places(known: int) -> Places:
    """1-based positions that ClinVar knows, in random order: the first are those that change."""
    return _FIRST + _APART * np.random.default_rng(2).permutation(known)


def _release(platform: Resources, bases: str, places: Places, *, changed: bool) -> None:
    """ClinVar's next release, built."""
    telling = set(places[:_CHANGED].tolist()) if changed else set()
    status = "CLNREVSTAT=criteria_provided,_single_submitter"
    with (platform.settings.data / "sources" / "clinvar.vcf").open("w") as file:
        file.write(
            f"##fileformat=VCFv4.1\n##fileDate=2025-0{1 + changed}-01\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
        for number, position in enumerate(np.sort(places).tolist(), 1):
            word = "Pathogenic" if position in telling else "Uncertain_significance"
            ref = bases[position - 1]
            file.write(f"1\t{position}\t{number}\t{ref}\t{ref.translate(_PLAIN)}\t.\t.\tCLNSIG={word};{status}\n")
    knowledge.clinvar.make(platform, "", log=lambda _: None)


def _samples(platform: Resources, folder: Path, bases: str, places: Places, count: int) -> None:
    """Samples that have come to their end, with receipts and calls."""
    reads = [folder / f"R{mate}.fastq" for mate in (1, 2)]
    for path in reads:
        path.write_text("@r\nACGT\n+\nIIII\n")
    lanes = (Lane("L001", reads[0], reads[1]),)
    names = [f"S{number:06}" for number in range(count)]
    for start in range(0, count, _PART):
        entries = [SampleEntry(name, Person(f"P{name}"), lanes) for name in names[start : start + _PART]]
        platform.registry.register(entries, sheet="sheet.csv", sheet_digest="0")
    for sample in platform.registry.take_waiting(count):
        platform.registry.mark(sample.sample_id, SampleStatus.DONE, run_key=sample.run_key)
    now = {
        part: platform.knowledge.require(part).data_version
        for part in platform.knowledge.parts
        if part != "aligner_index"
    }
    made = dict(_published(platform, names, now))
    for start in range(0, count, _PART):
        rows = pa.concat_tables(
            _calls(name, made[name], bases, places, number)
            for number, name in enumerate(names[start : start + _PART], start)
        )
        write_deltalake(str(platform.settings.data / "cohort" / TABLE), rows, mode="append")


def _published(platform: Resources, names: list[str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Receipts as they lie in a lake; data version of the annotated variants by sample. The log takes them at once."""
    for name in names:
        for asset, parts in _ASSETS.items():
            home = platform.settings.data / "lake" / "samples" / name / asset
            home.mkdir(parents=True)
            (home / "file").write_text(f"{name} {asset}")
            files = (describe_file(home / "file"),)
            version = content_version(files)
            (home / version).mkdir()
            (home / "file").rename(home / version / "file")
            recipe = Recipe(inputs={part: now[part] for part in parts if part in now})
            receipt = Receipt(asset, name, version, files, 1, recipe, {}, "2025-01-15T00:00:00+00:00")
            (home / "receipt.json").write_text(receipt.to_json())
            if asset == "annotated_variants":
                yield name, version


def _calls(name: str, made: str, bases: str, places: Places, number: int) -> pa.Table:
    """Calls of one sample at places that ClinVar does not know; the first ten samples carry one that changes."""
    chosen = np.random.default_rng(number).choice(places, _CALLS) + _APART // 2
    positions = sorted({*chosen.tolist(), *(places[number : number + 1].tolist() if number < _TOUCHED else ())})
    refs = [bases[position - 1] for position in positions]
    columns = [
        [name] * len(positions), [made] * len(positions), ["1"] * len(positions), positions, refs,
        [ref.translate(_PLAIN) for ref in refs], [False] * len(positions), [False] * len(positions),
        [[]] * len(positions),
    ]  # fmt: skip
    schema = arrow_schema(CARRIED_COLUMNS, bare=True)
    return pa.table([pa.array(v, f.type) for v, f in zip(columns, schema, strict=True)], schema=schema)


if __name__ == "__main__":
    sys.exit(main())
