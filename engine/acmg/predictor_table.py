"""Scores of missense predictors as knowledge: a table by allele, one column a predictor.

The source is text with a header, parted by tabs or commas, plain or gzip: ``chrom pos ref alt`` and a column for each
predictor that the rule set names (``REVEL``, ``BayesDel_noAF``, ``VEST4``, ``CADD``), sorted or not. Other columns are
left out. What a score speaks for is decided in :mod:`engine.acmg.decide`.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.acmg.rule_set import rule_set
from engine.columns import ALT, CONTIG, POSITION, REF
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.reference.contig_names import contig_aliases
from engine.tables import Column, arrow_schema

PREDICTORS = "predictors.parquet"
KNOWN = tuple(rule_set().at("predictors"))
"""The predictors for which the rule set has calibrated bounds, the first that has a score being used."""
PREDICTOR_COLUMNS = (
    CONTIG,
    POSITION,
    REF,
    ALT,
    *(Column(name, "DOUBLE", f"Score of {name}; absent where the source has none", "score") for name in KNOWN),
)
_PLACE = ("chrom", "pos", "ref", "alt")
_IS_BASE = re.compile("[ACGT]").fullmatch
_MISMATCHES_ALLOWED = 0.01
_BATCH = 100_000


@dataclass(frozen=True)
class PredictorMeasures:
    """What a table of scores holds.

    Attributes:
        records: substitutions with a score.
        elsewhere: rows on no contig of the reference, or where it reads N.
        ref_mismatches: rows left out because their REF is not what the reference reads.
        predictors: those that have scores.
        release: date or name, as declared.
        licence: as declared.
    """

    records: int
    elsewhere: int
    ref_mismatches: int
    predictors: list[str]
    release: str
    licence: str


def build_predictors(
    source: Path, fasta: Path, contigs: Sequence[Contig], folder: Path, *, release: str | None, licence: str | None
) -> PredictorMeasures:
    """Write :data:`PREDICTORS`, sorted by place, into ``folder``.

    Raises:
        KnowledgeError: the source is missing, damaged, lacks a column, or a score is no number.
        ReferenceMismatchError: it belongs to another build.
    """
    import duckdb
    import pyarrow.parquet as pq
    import pysam

    reader = _Reader(source, contigs)
    unsorted = folder / f".{PREDICTORS}"
    schema = arrow_schema(PREDICTOR_COLUMNS)
    with pysam.FastaFile(str(fasta)) as sequences, pq.ParquetWriter(unsorted, schema) as writer:
        rows, records = reader.rows(sequences), 0
        while batch := list(itertools.islice(rows, _BATCH)):
            writer.write_table(_as_table(batch))
            records += len(batch)
    if reader.ref_mismatches > _MISMATCHES_ALLOWED * (records + reader.ref_mismatches) or not records:
        unsorted.unlink()
        raise ReferenceMismatchError(
            f"REF disagrees with the reference at {reader.ref_mismatches:,} rows, and {records:,} could be placed",
            file=source,
            remedy="give scores of the reference's build",
        )
    order = " ".join(f"WHEN '{bare_contig(contig.name)}' THEN {number}" for number, contig in enumerate(contigs))
    with duckdb.connect() as db:
        db.sql(
            f"SELECT * FROM read_parquet($table) ORDER BY CASE contig {order} END, position, alt",
            params={"table": as_pattern(unsorted)},
        ).write_parquet(str(folder / PREDICTORS), compression="zstd")
    unsorted.unlink()
    return PredictorMeasures(
        records, reader.elsewhere, reader.ref_mismatches, reader.predictors, release or "", licence or ""
    )


_Row = tuple[Any, ...]


def _as_table(batch: Sequence[_Row]) -> Any:
    import pyarrow as pa

    schema = arrow_schema(PREDICTOR_COLUMNS)
    columns = zip(*batch, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class _Reader:
    """Reads the rows of a source and counts those that are left out."""

    def __init__(self, source: Path, contigs: Sequence[Contig]) -> None:
        self._source, self._names = source, contig_aliases(contigs)
        self.elsewhere = self.ref_mismatches = 0
        lines = text_lines(source, error=KnowledgeError)
        header = next(lines, "").lstrip("#")
        self._separator = "\t" if "\t" in header else ","
        self._columns = [name.strip() for name in header.strip().split(self._separator)]
        lower = [name.lower() for name in self._columns]
        self.predictors = [name for name in KNOWN if name in self._columns]
        missing = [name for name in _PLACE if name not in lower]
        if missing or not self.predictors:
            lacking = ", ".join(missing) or f"a predictor ({', '.join(KNOWN)})"
            raise KnowledgeError(
                f"the header has no column {lacking}",
                file=source,
                place="line 1",
                remedy="give a table with chrom, pos, ref, alt and a column for each predictor",
            )
        self._places = [lower.index(name) for name in _PLACE]
        self._scores = [self._columns.index(name) if name in self._columns else None for name in KNOWN]

    def rows(self, sequences: Any) -> Iterator[_Row]:
        """Contig without chr, position, ref, alt and scores."""
        lines = itertools.islice(text_lines(self._source, error=KnowledgeError), 1, None)
        loaded, sequence = "", ""
        for number, cells in enumerate(csv.reader(lines, delimiter=self._separator), start=2):
            if len(cells) != len(self._columns):
                raise self._refused(number, f"it has {len(cells)} columns, the header {len(self._columns)}")
            contig, position, ref, alt = (cells[place] for place in self._places)
            if not (position.isascii() and position.isdigit() and _IS_BASE(ref) and _IS_BASE(alt)):
                raise self._refused(number, f"{contig} {position} {ref} {alt} is no substitution")
            name = self._names.get(contig)
            if name is None:
                self.elsewhere += 1
                continue
            if name != loaded:
                loaded, sequence = name, sequences.fetch(name).upper()
            there = sequence[int(position) - 1 : int(position)]
            if there in ("", "N"):
                self.elsewhere += 1
            elif there != ref:
                self.ref_mismatches += 1
            else:
                yield (bare_contig(name), int(position), ref, alt, *self._read(cells, number))

    def _read(self, cells: Sequence[str], number: int) -> Iterator[float | None]:
        for place in self._scores:
            text = "" if place is None else cells[place].strip()
            try:
                yield None if text in ("", ".", "NA") else float(text)
            except ValueError:
                raise self._refused(number, f"the score {text!r} is no number") from None

    def _refused(self, number: int, problem: str) -> KnowledgeError:
        return KnowledgeError(
            f"this is no row of scores: {problem}", file=self._source, place=f"line {number:,}", remedy=COPY_AGAIN
        )


def read_scores(
    table: Path, alleles: Iterable[tuple[str, int, str, str]]
) -> dict[tuple[str, int, str, str], Mapping[str, float]]:
    """The scores of some alleles by predictor, by contig without ``chr``, 1-based position, ref and alt."""
    import duckdb
    import pyarrow as pa

    wanted = list(alleles)
    if not wanted:
        return {}
    contigs, positions, refs, alts = zip(*wanted, strict=True)
    asked = pa.table({"contig": contigs, "position": pa.array(positions, pa.int32()), "ref": refs, "alt": alts})
    with duckdb.connect() as db:
        db.register("asked", asked)
        rows = (
            db.sql(
                "SELECT s.* FROM read_parquet($table) AS s JOIN asked USING (contig, position, ref, alt)",
                params={"table": as_pattern(table)},
            )
            .to_arrow_table()
            .to_pylist()
        )
    return {
        (row["contig"], row["position"], row["ref"], row["alt"]): {
            name: row[name] for name in KNOWN if row[name] is not None
        }
        for row in rows
    }
