"""What predictors of the protein and of splicing say of alleles: the tables of their scores beside the variants.

Which predictors there are, a table tells by its columns (:mod:`engine.acmg.predictor_table` writes it); what a score
speaks for is no business of annotation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.allele_table import ALLELE, said_of
from engine.annotate.columns import ANNOTATED_COLUMNS, PREDICTIONS
from engine.annotate.known_rows import KnownRows
from engine.errors import KnowledgeError
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa


class Predictions:
    """Tables of scores, read along with the alleles.

    Args:
        tables: by part of the knowledge, in the order in which they are told; an absent one tells nothing.

    Raises:
        KnowledgeError: a table cannot be read.
    """

    def __init__(self, tables: Mapping[str, Path | None]) -> None:
        self._tables = [_ScoreTable.of(part, table) for part, table in tables.items() if table]

    def of(self, contig: str, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> tuple[pa.ListArray, int]:
        """The scores of each allele, absent where there is no table, and how many alleles have any.

        Args:
            contig: without ``chr``, of all.
            positions: 1-based, shape (alleles,).
            ref: REF of each.
            alt: ALT of each.
        """
        import pyarrow as pa

        if not self._tables:
            return pa.nulls(len(positions), _kind()), 0
        scores: list[_Scores] = []
        for table in self._tables:
            known = table.rows.of(contig, positions, ref, alt).columns
            scores += [_Scores(name, table.release, known[name]) for name in table.predictors if name in known]
        return _listed(scores, len(positions))


class _ScoreTable(NamedTuple):
    """One table: its predictors, its release where the laboratory named it, and its rows."""

    predictors: tuple[str, ...]
    release: str | None
    rows: KnownRows

    @classmethod
    def of(cls, part: str, table: Path) -> _ScoreTable:
        """Open a table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            names = pq.read_schema(table).names
        except (OSError, pa.ArrowInvalid) as error:
            raise KnowledgeError(f"{part} cannot be read: {error}", file=table, remedy=f"build {part} again") from error
        predictors = tuple(name for name in names if name not in {column.name for column in ALLELE})
        rows = KnownRows(table, part, {name: name for name in predictors}, best=predictors)
        return cls(predictors, said_of(table).get("release") or None, rows)


class _Scores(NamedTuple):
    """One predictor's scores of some alleles, absent where it has none."""

    predictor: str
    release: str | None
    values: pa.Array


def _kind() -> pa.DataType:
    return arrow_schema(ANNOTATED_COLUMNS).field(PREDICTIONS.name).type


def _listed(scores: Sequence[_Scores], count: int) -> tuple[pa.ListArray, int]:
    """The scores of each allele as a list."""
    import pyarrow as pa

    kind = _kind()
    told = np.array([np.asarray(one.values.is_valid()) for one in scores], np.bool_).reshape(len(scores), count).T
    allele, number = np.nonzero(told)
    of_all = pa.array(number * count + allele)
    columns = [
        pa.array([one.predictor for one in scores], pa.string()).take(pa.array(number)),
        pa.concat_arrays([one.values for one in scores]).take(of_all) if scores else pa.array([], pa.float64()),
        pa.array([one.release for one in scores], pa.string()).take(pa.array(number)),
    ]
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(told.sum(axis=1), out=offsets[1:])
    structs = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), structs, type=kind), int(told.any(axis=1).sum())
