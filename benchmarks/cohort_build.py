"""``python -m benchmarks.cohort_build [FOLDER] [--samples N]``: memory and time of building the cohort's tables.

Calls are drawn by a formula, so that any number of samples is written quickly: at each of 100,000 places every sample
carries one of eight alleles. Files are as large as those of the cohort's own, one for each group of samples. A run that
is given the folder of an earlier one takes the files that it finds there; ``--only-draw`` writes them and no more.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import duckdb

from engine.cohort.columns import BIN, GOLD, GROUP
from engine.cohort.gold import rebuilt, summed
from engine.cohort.tables import MEMORY, build_tables, count_rows
from engine.duckdb_paths import as_literal

CALLS, CONTIGS = 100_000, 22
_CALLS = f"""
SELECT printf('S%05d', s) AS sample_id, 'chr' || (1 + i * {CONTIGS} // {CALLS}) AS contig,
    (i * 1000 // {BIN})::INTEGER AS bin, (1 + i * 1000 + hash(s, i) % 8 * 100)::INTEGER AS position,
    'A' AS ref, 'G' AS alt, (1 + hash(i, s) % 2)::TINYINT AS copies, 2::TINYINT AS ploidy,
    60::SMALLINT AS genotype_quality, (20 + hash(s, i) % 20)::INTEGER AS depth, 15::INTEGER AS alt_depth,
    15::INTEGER AS ref_depth, 99::INTEGER AS likelihood_ref, 0::INTEGER AS likelihood_het,
    900::INTEGER AS likelihood_alt
FROM range($1, $2) AS people(s), range({CALLS}) AS places(i)
ORDER BY contig, position, sample_id"""
_MISSING = """
SELECT printf('S%05d', s) AS sample_id, 'chr1' AS contig, (i * 50000 + hash(s, i) % 40000)::INTEGER AS start,
    (start + 900)::INTEGER AS "end", 2::TINYINT AS missing_copies
FROM range($1, $2) AS people(s), range(1000) AS places(i) ORDER BY start, sample_id"""
_SAMPLES = """
SELECT printf('S%05d', s) AS sample_id, CASE WHEN s % 2 = 0 THEN 'male' ELSE 'female' END AS sex,
    NULL::VARCHAR AS family_id, NULL::VARCHAR AS father_id, NULL::VARCHAR AS mother_id, 'drawn' AS reference,
    'drawn' AS caller, '1' AS calls_version FROM range($1, $2) AS people(s)"""
_MEASURES = """
SELECT printf('S%05d', s) AS sample_id, 'raw_reads' AS asset, 'pairs' AS measure, 1.0::DOUBLE AS value
FROM range($1, $2) AS people(s)"""
_DRAWN = {"calls": _CALLS, "no_calls": _MISSING, "samples": _SAMPLES, "measures": _MEASURES}


def main() -> int:
    """Write a cohort, build its tables and tell what that took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cohort_build", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="for what is made; a temporary one by default")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--only-draw", action="store_true", help="write the files, build nothing")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    files = _written(folder, options.samples)
    if options.only_draw:
        return 0
    for name in ("made", "scratch"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    began = time.monotonic()
    results = build_tables(files, folder / "made", folder / "scratch", threads=2)
    if not all(result.passed for result in results):
        raise SystemExit("a test of the tables failed")
    dbt, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{options.samples:,} samples of {CALLS:,} calls, DuckDB held to {MEMORY}: {time.monotonic() - began:,.0f} s;"
        f" dbt {dbt.ru_utime:,.0f} CPU s, peak {dbt.ru_maxrss / 1024:,.0f} MB; writing and the drawing before it"
        f" {own.ru_utime:,.0f} CPU s, peak {own.ru_maxrss / 1024:,.0f} MB;"
        f" {count_rows(folder / 'made' / 'fct_call.parquet'):,} calls,"
        f" {count_rows(folder / 'made' / 'cohort_allele_frequency.parquet'):,} alleles"
    )
    return 0


def _written(folder: Path, samples: int) -> dict[str, list[str]]:
    """Files of all tables that dbt reads of contributions, and of the sums over them."""
    files: dict[str, list[str]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill"), "threads": 2}) as db:
        for first in range(0, samples, GROUP):
            for name, query in _DRAWN.items():
                last = min(first + GROUP, samples)
                path = folder / f"{name}.{first}-{last}.parquet"
                _write(db, query.replace("$1", str(first)).replace("$2", str(last)), path)
                files.setdefault(name, []).append(str(path))
        for name in GOLD:
            rebuilt(db, files, name).create_view("rows", replace=True)
            path = folder / f"{name}.{samples}.parquet"
            _write(db, summed(name, 1), path)
            files[name] = [str(path)]
    return files


def _write(db: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """What a query makes, unless it is there."""
    if not path.exists():
        draft = path.with_suffix(".draft")
        db.execute(f"COPY ({query}) TO {as_literal(draft)} (FORMAT parquet, COMPRESSION zstd)")
        draft.rename(path)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        raise SystemExit(main())
