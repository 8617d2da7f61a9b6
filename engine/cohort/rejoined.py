"""gVCFs made of the cohort's tables, so that samples are genotyped together though their files are archived.

Each holds a sample's variant records as its caller wrote them, without INFO, and its reference blocks
(:mod:`engine.cohort.evidence`). Where neither says anything nothing was seen, and a joint genotype is no call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.duckdb_paths import as_pattern
from engine.errors import LakeError
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval

if TYPE_CHECKING:
    import duckdb

_EVIDENCE = ("ref_blocks", "variant_records")
_HEADER = (
    "##fileformat=VCFv4.2",
    '##ALT=<ID=NON_REF,Description="Any allele not seen">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the block">',
)
_BLOCK = "<NON_REF>"
_KEYS = "GT:AD:DP:GQ:PL"
_MADE_OF = f"""
    SELECT position - 1 AS start, position - 1 + length(ref) AS "end", ref, alts, genotype, genotype_quality, depth,
        allele_depths, likelihoods
    FROM variant_records WHERE sample_id = $1 AND contig = $2
    UNION ALL
    SELECT start, "end", ref, '{_BLOCK}',
        CASE WHEN likelihood_ref IS NULL THEN './.' WHEN ploidy = 1 THEN '0' ELSE '0/0' END, genotype_quality, depth,
        NULL, nullif(concat_ws(',', likelihood_ref, likelihood_het, likelihood_alt), '')
    FROM ref_blocks WHERE sample_id = $1 AND contig = $2"""
_ROWS = f'SELECT * FROM ({_MADE_OF}) WHERE start < $4 AND "end" > $3 ORDER BY start'


def write_gvcfs(
    files: Mapping[str, Sequence[str]],
    samples: Sequence[str],
    contigs: Sequence[Contig],
    folder: Path,
    at: Interval | None = None,
) -> list[Path]:
    """Write one gVCF, plain text, for each sample.

    Args:
        files: Parquet files of the cohort's Delta tables, by the log, all of one moment.
        samples: ids.
        contigs: the reference's.
        folder: for the files.
        at: only what overlaps it; everything where absent.

    Raises:
        LakeError: a sample has no rows, as one that has not contributed, or to an earlier release.
    """
    import duckdb

    with duckdb.connect() as db:
        for name in _EVIDENCE if all(files.get(name) for name in _EVIDENCE) else ():
            db.read_parquet([as_pattern(Path(file)) for file in files[name]]).create_view(name)
        _require_rows(db, samples, files)
        return [_write(db, sample, contigs, folder, at) for sample in samples]


def _require_rows(db: duckdb.DuckDBPyConnection, samples: Sequence[str], files: Mapping[str, Sequence[str]]) -> None:
    there: set[str] = set()
    if all(files.get(name) for name in _EVIDENCE):
        told = db.execute(
            "SELECT DISTINCT sample_id FROM ref_blocks WHERE list_contains($1, sample_id)", [list(samples)]
        )
        there = {sample for (sample,) in told.fetchall()}
    if lacking := sorted(set(samples) - there):
        raise LakeError(
            "the cohort's table ref_blocks has no rows of the sample: it has not contributed since there is one",
            sample=lacking[0],
            remedy="materialize cohort_contribution of the sample, or call from gVCFs",
        )


def _write(
    db: duckdb.DuckDBPyConnection, sample: str, contigs: Sequence[Contig], folder: Path, at: Interval | None
) -> Path:
    path = folder / f"{sample}.g.vcf"
    with path.open("w") as stream:
        lengths = (f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs)
        columns = "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample))
        stream.writelines(f"{line}\n" for line in (*_HEADER, *lengths, columns))
        for contig in contigs:
            if at is None or at.contig == contig.name:
                start, end = (0, contig.length) if at is None else (at.start, at.end)
                found = db.execute(_ROWS, [sample, contig.name, start, end])
                while rows := found.fetchmany(10_000):
                    stream.writelines(_lines(contig.name, rows))
    return path


def _lines(contig: str, rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    for start, end, ref, alts, genotype, quality, depth, depths, likelihoods in rows:
        place = (contig, start + 1, ".", ref, alts, ".", ".")
        info = f"END={end}" if alts == _BLOCK else "."
        call = ":".join(
            "." if value is None else str(value) for value in (genotype, depths, depth, quality, likelihoods)
        )
        yield "\t".join(map(str, (*place, info, _KEYS, call))) + "\n"
