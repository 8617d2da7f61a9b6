"""``python -m benchmarks.cohort [FOLDER] [--plink2 PROGRAM]``: what the cohort costs, user CPU seconds.

Genotypes are drawn at random: frequencies log-uniform, 1.5% of the bases of every sample without coverage. Two hundred
samples at 100,000 sites are counted beside bcftools and plink2; 2,500 samples at 50,000 sites are added one by one, and
adding, replacing and withdrawing is measured at 10, 300 and 2,500, in turns. Counts are compared with the matrix. A run
that is given the folder of an earlier one goes on adding there.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
from jinja2 import Template

from benchmarks.measure import run
from dbt_project import FOLDER
from engine.cohort.columns import GOLD, TABLES, typed_table
from engine.cohort.lookup import calls_within, carriers
from engine.reference.intervals import Interval
from engine.tables import arrow_schema
from resources.warehouse import Warehouse

HAIL = Path(__file__).parent.parent / ".hail" / "bin" / "python"
CONTIG, LENGTH, BIN = "chr22", 35_000_000, 1_000_000
AT = (10, 300, 2_500)
WINDOW = 64
"""Samples over which a cost is told: twice as many as make a group's files one."""
GENOME_CALLS, GENOME_HOLES, AUTOSOMES, MOST = 4_600_000, 900_000, 22, 130_000_000
"""Calls of a whole genome, stretches of it that were not called, its autosomes and how long they are in the mean."""
GENOME_BLOCKS = 12_000_000
"""Reference blocks of a whole genome: 4,220 a Mb, as HG004's at 30x in three bands of quality."""
OF_A_GENOME = ("calls", "no_calls", "ref_blocks", "variant_records")
NEW = 50_000
"""Number of the first sample that is added to all cohorts."""


class Drawn:
    """A matrix of genotypes.

    Attributes:
        positions: of sites, 1-based, sorted.
        copies: uint8, sites by samples; 255 where it was not covered.
    """

    def __init__(self, sites: int, samples: int, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.positions = np.sort(draw.choice(np.arange(1, LENGTH), sites, replace=False)).astype(np.int32)
        frequency = np.exp(draw.uniform(np.log(1 / 4_000), np.log(0.5), sites))
        self.copies = np.empty((sites, samples), np.uint8)
        self.holes: list[np.ndarray[Any, Any]] = []
        for sample in range(samples):
            start = np.sort(draw.choice(LENGTH // 5_000, 105, replace=False)).astype(np.int64) * 5_000
            holes = np.stack([start, start + draw.integers(4_900, 5_000, 105)], axis=1)
            copies = draw.binomial(2, frequency).astype(np.uint8)
            before = np.searchsorted(holes[:, 0], self.positions - 1, side="right") - 1
            copies[(before >= 0) & (self.positions - 1 < holes[before, 1])] = 255
            self.copies[:, sample] = copies
            self.holes.append(holes)

    def tables(self, number: int, sample: str) -> dict[str, pa.Table]:
        """What a sample contributes."""
        copies = self.copies[:, number]
        there = (copies > 0) & (copies < 255)
        count = int(there.sum())
        positions = self.positions[there]
        columns = [
            pa.repeat(sample, count),
            pa.repeat(CONTIG, count),
            positions // BIN,
            positions,
            pa.repeat("A", count),
            pa.repeat("G", count),
            copies[there],
            pa.repeat(2, count),
            pa.repeat(60, count),
            pa.repeat(30, count),
            pa.repeat(15, count),
            *(pa.repeat(each, count) for each in (15, 99, 0, 900)),
        ]
        schema = arrow_schema(TABLES["calls"], bare=True)
        arrays = [pa.array(each).cast(field.type) for each, field in zip(columns, schema, strict=True)]
        holes = [(sample, CONTIG, int(start), int(end), 2) for start, end in self.holes[number]]
        starts = np.arange(0, LENGTH, LENGTH // (3 * count), dtype=np.int32)
        facts = (sample, "female", None, None, None, "drawn", "drawn", "1")
        return {
            "calls": pa.table(arrays, schema=schema),
            "ref_blocks": _ref_blocks(sample, CONTIG, starts),
            "variant_records": _variant_records(sample, CONTIG, positions),
            "no_calls": typed_table(holes, TABLES["no_calls"]),
            "samples": typed_table([facts], TABLES["samples"]),
            "measures": typed_table([(sample, "raw_reads", "pairs", 1.0)], TABLES["measures"]),
        }


def _ref_blocks(sample: str, contig: str, starts: np.ndarray[Any, Any]) -> pa.Table:
    """Reference blocks one after the other, as many values in them as at a depth of 30 reads: three times the calls."""
    draw = np.random.default_rng(len(starts))
    quality = draw.integers(20, 99, len(starts))
    ends = np.append(starts[1:], starts[-1:] + 100)
    numbers = (quality, draw.integers(15, 40, len(starts)), 0, quality, quality * 15)
    return _table("ref_blocks", (sample, contig, starts // BIN, starts, ends, "A", 2, *numbers), len(starts))


def _variant_records(sample: str, contig: str, positions: np.ndarray[Any, Any]) -> pa.Table:
    draw = np.random.default_rng(len(positions))
    likelihoods = [f"{a},0,{b},{a + 45},{b + 45},{a + b}" for a, b in draw.integers(200, 900, (len(positions), 2))]
    depths = [f"{a},{b},0" for a, b in draw.integers(10, 25, (len(positions), 2))]
    told = ("A", "G,<NON_REF>", "0/1", 99, 30, depths, likelihoods)
    return _table("variant_records", (sample, contig, positions // BIN, positions, *told), len(positions))


def _table(name: str, columns: Sequence[Any], rows: int) -> pa.Table:
    """Columns of one value throughout, or of a value a row."""
    schema = arrow_schema(TABLES[name], bare=True)
    arrays = [pa.array(one) if isinstance(one, np.ndarray | list) else pa.repeat(one, rows) for one in columns]
    cast = [array.cast(field.type) for array, field in zip(arrays, schema, strict=True)]
    return pa.table(cast, schema=schema)


def main() -> int:
    """Measure, compare and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cohort", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="for what is made; a temporary one by default")
    parser.add_argument("--growing", action="store_true", help="measure the large cohort alone")
    parser.add_argument("--genomes", action="store_true", help="measure adding whole genomes alone")
    parser.add_argument("--plink2", default="plink2", help="the program, where it is installed")
    parser.add_argument("--samples", type=int, default=AT[-1], help="of the large cohort")
    parser.add_argument("--sites", type=int, default=50_000, help="of the large cohort")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if options.genomes:
        _genomes(folder)
        return 0
    if not options.growing:
        _frequencies_beside_others(folder, options.plink2)
    _growing(folder, options.samples, options.sites)
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    return 0


def _frequencies_beside_others(folder: Path, plink2: str) -> None:
    drawn = Drawn(100_000, 200, seed=1)
    warehouse = Warehouse(folder / "counted")
    for number in range(200):
        _contribute(warehouse, drawn, number)
    files = warehouse.listing()
    _require_exact(drawn, _frequencies(files, "kept"))
    for kind in ("kept", "scanned"):
        spent = _median(partial(_frequencies, files, kind))
        print(f"counts, numbers and frequencies of 200 samples x 100,000 sites, {kind}: {spent:.3f} CPU s")
    stored = sum(Path(file).stat().st_size for name in ("calls", "no_calls") for file in files[name])
    evidence = sum(Path(file).stat().st_size for name in ("ref_blocks", "variant_records") for file in files[name])
    print(f"bytes a genotype, calls with quality and depths, and missing stretches: {stored / drawn.copies.size:.3f}")
    print(f"reference blocks and variant records besides: {evidence / drawn.copies.size:.3f}")
    _peers(drawn, folder, plink2)


def _growing(folder: Path, samples: int, sites: int) -> None:
    drawn = Drawn(sites, 500, seed=2)
    warehouse = Warehouse(folder / "growing")
    smaller = [size for size in AT if size < samples]
    for number in range(_members(warehouse), samples):
        _contribute(warehouse, drawn, number)
        if number + 1 in smaller:
            shutil.copytree(warehouse.root, folder / f"of_{number + 1}")
    kept = {size: folder / f"of_{size}" for size in smaller} | {samples: warehouse.root}
    cohorts = {size: _copied(root, folder / f"measured_{size}") for size, root in kept.items()}
    costs = _in_turns(cohorts, drawn)
    for size, cohort in cohorts.items():
        each = costs[size]
        print(
            f"sample N+1 at {size:,}: median {statistics.median(each):.3f}, mean of {WINDOW}"
            f" {statistics.mean(each):.3f} CPU s",
            flush=True,
        )
        _replace_and_withdraw(cohort, drawn, size)
    files = warehouse.listing()["calls"]
    gene, stretch = Interval(CONTIG, 20_000_000, 20_060_000), Interval(CONTIG, 10_000_000, 10_030_000)
    with duckdb.connect() as db:
        db.execute("SET threads = 2")
        print(
            f"carriers in a gene of 60 kb, {samples:,} samples: {_median(lambda: carriers(db, files, gene)):.3f} CPU s"
        )
        spent = _median(lambda: calls_within(db, files, stretch))
        print(f"all calls of 30 kb, {samples:,} samples, {len(files)} files: {spent:.3f} CPU s")


def _genomes(folder: Path) -> None:
    """Whole genomes added one after the other: what each costs beyond what its size does not matter to."""
    warehouse = Warehouse(folder / "genomes")
    for number in range(4):
        tables = _genome(number)
        versions = dict.fromkeys(tables, "1")
        spent = _spent(partial(warehouse.contribute, tables, sample=f"S{number:05}", versions=versions))
        size = {name: len(rows) for name, rows in tables.items()}
        told = ", ".join(f"{size[name]:,} {name}" for name in OF_A_GENOME)
        print(f"genome {number + 1}: {told}: {spent:.1f} CPU s", flush=True)
    files = warehouse.listing()
    for name in (*OF_A_GENOME, *GOLD):
        stored = sum(Path(file).stat().st_size for file in files[name])
        print(f"{name}: {stored / 4 / 1e6:,.1f} MB a genome")


def _genome(number: int) -> dict[str, pa.Table]:
    """Tables of a whole genome; of its alleles nine in ten are others' as well."""
    draw = np.random.default_rng(number)
    tables: dict[str, list[pa.Table]] = {name: [] for name in OF_A_GENOME}
    for contig in range(1, AUTOSOMES + 1):
        shared = np.random.default_rng(contig).integers(1, MOST, 2 * GENOME_CALLS // AUTOSOMES)
        own = draw.integers(1, MOST, GENOME_CALLS // 10 // AUTOSOMES)
        seen = draw.choice(shared, GENOME_CALLS * 9 // 10 // AUTOSOMES, replace=False)
        positions = np.unique(np.concatenate([seen, own])).astype(np.int32)
        starts = np.unique(draw.integers(0, MOST // 200, GENOME_HOLES // AUTOSOMES)).astype(np.int32) * 200
        fixed = {
            "calls": [positions // BIN, positions, "A", "G", 1 + positions % 2, 2, 60, 30, 15, 15, 99, 0, 900],
            "no_calls": [starts, starts + 150, 2],
        }
        for name, columns in fixed.items():
            count = len(positions) if name == "calls" else len(starts)
            whole = [f"S{number:05}", f"chr{contig}", *columns]
            arrays = [pa.array(one) if isinstance(one, np.ndarray) else pa.repeat(one, count) for one in whole]
            schema = arrow_schema(TABLES[name], bare=True)
            cast = [one.cast(field.type) for one, field in zip(arrays, schema, strict=True)]
            tables[name].append(pa.table(cast, schema=schema))
        blocks = np.sort(draw.choice(MOST, GENOME_BLOCKS // AUTOSOMES, replace=False)).astype(np.int32)
        tables["ref_blocks"].append(_ref_blocks(f"S{number:05}", f"chr{contig}", blocks))
        tables["variant_records"].append(_variant_records(f"S{number:05}", f"chr{contig}", positions))
    facts = (f"S{number:05}", "female", None, None, None, "drawn", "drawn", "1")
    return {
        **{name: pa.concat_tables(parts) for name, parts in tables.items()},
        "samples": typed_table([facts], TABLES["samples"]),
        "measures": typed_table([(f"S{number:05}", "raw_reads", "pairs", 1.0)], TABLES["measures"]),
    }


def _members(warehouse: Warehouse) -> int:
    """Samples that an earlier run of this left there."""
    files = warehouse.listing()["samples"]
    return sum(pq.read_metadata(file).num_rows for file in files)


def _copied(root: Path, to: Path) -> Warehouse:
    shutil.rmtree(to, ignore_errors=True)
    return Warehouse(shutil.copytree(root, to))


def _in_turns(cohorts: Mapping[int, Warehouse], drawn: Drawn) -> dict[int, list[float]]:
    """What the same samples cost in each cohort, one after the other: what else the machine does, it does to all."""
    costs: dict[int, list[float]] = {size: [] for size in cohorts}
    for number in range(WINDOW):
        for size, cohort in cohorts.items():
            costs[size].append(_spent(partial(_contribute, cohort, drawn, NEW + number)))
    return costs


def _replace_and_withdraw(warehouse: Warehouse, drawn: Drawn, number: int) -> None:
    spent = [_spent(partial(_contribute, warehouse, drawn, each, version=str(number))) for each in range(2, 5)]
    change = [_spent(partial(warehouse.take_out, f"S{each:05}")) for each in range(5, 8)]
    proof = _spent(lambda: warehouse.remove("S00005"))
    for each in range(5, 8):
        _contribute(warehouse, drawn, each)
    print(
        f"  replacing {statistics.median(spent):.3f}, taking out {statistics.median(change):.3f},"
        f" forgetting and reading every byte for traces {proof:.3f} CPU s",
        flush=True,
    )


def _contribute(warehouse: Warehouse, drawn: Drawn, number: int, version: str = "1") -> None:
    sample = f"S{number:05}"
    column = (number + int(version)) % drawn.copies.shape[1] if version != "1" else number % drawn.copies.shape[1]
    tables = drawn.tables(column, sample)
    warehouse.contribute(tables, sample=sample, versions=dict.fromkeys(tables, version))


def _frequencies(files: dict[str, list[str]], kind: str) -> list[tuple[int, int, int]]:
    """Position, allele count and allele number by the cohort's own SQL, from the sums or from every sample's rows."""
    with duckdb.connect() as db:
        db.execute("SET threads = 2")
        for name in (*GOLD, "calls", "no_calls", "samples"):
            db.read_parquet(files[name]).create_view(f"{name}_kept")
        db.execute("CREATE VIEW dim_sample AS FROM samples_kept")
        for name in ("calls", "no_calls", "samples"):
            db.execute(f"CREATE VIEW stg_{name} AS FROM {name}_kept")
        for name in GOLD:
            db.execute(f"CREATE VIEW stg_{name} AS {_model('staging', f'stg_{name}', kind)}")
        made = db.sql(_model("marts", "cohort_allele_frequency", kind))
        rows: list[tuple[int, int, int]] = made.project("position, allele_count, allele_number").fetchall()
    return rows


def _model(layer: str, name: str, kind: str) -> str:
    """A model's SQL as dbt would render it, with names of views in the place of references."""
    frequencies = (FOLDER / "macros" / "frequencies.sql").read_text()
    rendered: str = Template(frequencies + (FOLDER / "models" / layer / f"{name}.sql").read_text()).render(
        ref=str,
        delta=lambda table, of_samples=True: f"{table}_kept",
        var=lambda name, default: "yes" if kind == "scanned" and name == "sum_anew" else default,
        adapter={"quote": lambda name: f'"{name}"'},
    )
    return rendered


def _require_exact(drawn: Drawn, rows: Sequence[tuple[int, int, int]]) -> None:
    called = drawn.copies < 255
    count = np.where(called, drawn.copies, 0).sum(axis=1)
    number = 2 * called.sum(axis=1)
    seen = count > 0
    expected = zip(drawn.positions[seen].tolist(), count[seen].tolist(), number[seen].tolist(), strict=True)
    if sorted(rows) != sorted(expected):
        raise SystemExit("counts differ from the matrix")
    print(f"{len(rows):,} sites: allele counts and numbers are those of the matrix")


def _peers(drawn: Drawn, folder: Path, plink2: str) -> None:
    """bcftools and plink2 on the same genotypes, in their own formats, where they are installed."""
    bcftools = shutil.which("bcftools")
    if bcftools is None:
        return
    vcf, bcf = folder / "drawn.vcf", folder / "drawn.bcf"
    _write_vcf(drawn, vcf)
    _hail(vcf, folder)
    run([bcftools, "view", "-Ob", "-o", str(bcf), str(vcf)], folder / "log")
    cost = run(
        [bcftools, "+fill-tags", str(bcf), "-Ob", "-o", str(folder / "tags.bcf"), "--", "-t", "AC,AN,AF"],
        folder / "log",
    )
    size = bcf.stat().st_size / drawn.copies.size
    print(f"bcftools +fill-tags: {cost.user:.3f} CPU s; BCF of genotypes alone {size:.3f} bytes a genotype")
    if shutil.which(plink2):
        pgen = [plink2, "--bcf", str(bcf), "--make-pgen", "--out", str(folder / "drawn"), "--threads", "2"]
        run(pgen, folder / "log")
        cost = run([plink2, "--pfile", str(folder / "drawn"), "--freq", "--out", str(folder / "freq")], folder / "log")
        size = (folder / "drawn.pgen").stat().st_size / drawn.copies.size
        print(f"plink2 --freq: {cost.user:.3f} CPU s; PGEN {size:.3f} bytes a genotype")


def _hail(vcf: Path, folder: Path) -> None:
    """Hail on the same genotypes, of a VCF that is packed as it wants it, where ``make hail`` installed it."""
    if not HAIL.exists():
        return
    packed = folder / "drawn.vcf.bgz"
    pysam.tabix_compress(str(vcf), str(packed), force=True)
    for name, script in _HAIL.items():
        cost = run([str(HAIL), "-c", _HAIL_BEGIN + script, str(packed), str(folder)], folder / "log")
        print(f"hail, {name}: {cost.wall:.1f} s of the clock, its JVM's start included", flush=True)


_HAIL_BEGIN = """
import sys
import hail as hl
packed, folder = sys.argv[1:]
here = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
hl.init(quiet=True, log=f"{folder}/hail.log", tmp_dir=folder, local="local[2]", spark_conf=here)
"""
_HAIL = {
    "start alone": "",
    "import into a matrix table": (
        "hl.import_vcf(packed, reference_genome=None).write(f'{folder}/drawn.mt', overwrite=True)"
    ),
    "variant_qc of it": (
        "calls = hl.variant_qc(hl.read_matrix_table(f'{folder}/drawn.mt')).rows()\n"
        "calls.select(AC=calls.variant_qc.AC, AN=calls.variant_qc.AN).export(f'{folder}/hail.tsv')"
    ),
}


def _write_vcf(drawn: Drawn, path: Path) -> None:
    words = np.array(["0/0", "0/1", "1/1", "./."])
    names = "\t".join(f"S{number:05}" for number in range(drawn.copies.shape[1]))
    with path.open("w") as file:
        file.write(f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for position, copies in zip(drawn.positions, np.minimum(drawn.copies, 3), strict=True):
            file.write(f"{CONTIG}\t{position}\t.\tA\tG\t.\t.\t.\tGT\t" + "\t".join(words[copies]) + "\n")


def _spent(do: Callable[[], object]) -> float:
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    do()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - began


def _median(do: Callable[[], object]) -> float:
    return statistics.median(_spent(do) for _ in range(7))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        raise SystemExit(main())
