"""The rows of a scoring file read by columns: millions in seconds.

Only what can be understood in one way is read here: whole numbers, decimal fractions, a row's weight for each copy. A
file with anything else in it is left to :mod:`engine.risk.scoring_file`, which reads row by row and says what is wrong
in which line; both give the same of every file that both read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.files.text import text_pieces
from engine.reference.accessions import bare_contig
from engine.risk.scored_rows import FARTHEST, Numbered, Pair, ScoredRows, distinct

if TYPE_CHECKING:
    import pyarrow as pa

IS_BASES = re.compile("[ACGT]+").fullmatch
DOSAGE_WEIGHTS = ("dosage_0_weight", "dosage_1_weight", "dosage_2_weight")
NOT_AN_ALLELE = ("is_haplotype", "is_diplotype", "is_interaction")
_PIECE = 1 << 24
_AT_THE_EDGE = (b" \t", b"\t ", b" \n", b"\n ")
"""Where a space stands beside a value: Arrow takes it for nothing, the values' own readers do not always."""


@dataclass(frozen=True)
class Head:
    """What stands before the rows.

    Attributes:
        facts: by name.
        columns: names.
        lines: how many lines it has.
    """

    facts: Mapping[str, str]
    columns: list[str]
    lines: int

    @property
    def is_harmonised(self) -> bool:
        """Whether the places are those of the build that the catalog harmonised to."""
        return {"hm_chr", "hm_pos"} <= set(self.columns)


class _NotPlainError(Exception):
    """The rows are to be read one by one."""


def rows_by_columns(path: Path, head: Head) -> tuple[ScoredRows, int] | None:
    """What can be counted, and how many rows there are; absent where the file is not plain throughout.

    Raises:
        KnowledgeError: the file is damaged or no text.
    """
    if len({*head.columns}) < len(head.columns) or DOSAGE_WEIGHTS[0] in head.columns:
        return None
    rows = _Rows(head)
    try:
        for text in _bodies(path, head.lines):
            rows.add(text)
    except _NotPlainError:
        return None
    return rows.joined(), rows.count


def _bodies(path: Path, skipped: int) -> Iterator[bytes]:
    """The text behind the head, in pieces of whole lines."""
    for text in text_pieces(path, size=_PIECE, needs_line_end=False):
        if b"\r" in text or (b" " in text and any(one in text for one in _AT_THE_EDGE)):
            raise _NotPlainError
        at = 0
        while skipped and at < len(text):
            at = text.find(b"\n", at) + 1 or len(text)
            skipped -= 1
        if at < len(text):
            yield text[at:] if at else text


class _Rows:
    """Rows, piece by piece."""

    def __init__(self, head: Head) -> None:
        self._head, self.count = head, 0
        self._contigs, self._pairs, self._rsids = Numbered[str](), Numbered[Pair](), dict[int, str]()
        self._pieces: list[tuple[NDArray[Any], ...]] = []
        self._kept = 0
        chosen = ("hm_chr", "hm_pos") if head.is_harmonised else ("chr_name", "chr_position")
        self._placed_by = chosen if {*chosen} <= {*head.columns} else None

    def add(self, text: bytes) -> None:
        """Read some."""
        table = self._table(text)
        self.count += len(table["effect_allele"])
        pair = self._pair(table)
        contig, position = self._place(table, len(pair))
        weights = _weights(table)
        kept = np.flatnonzero((pair >= 0) & ~_is_complex(table))
        if len(kept) < len(pair):
            pair, contig, position, weights = pair[kept], contig[kept], position[kept], weights[kept]
        self._add_ids(text, kept, np.flatnonzero(contig < 0))
        self._pieces.append((contig, position, pair, weights))
        self._kept += len(pair)

    def joined(self) -> ScoredRows:
        """All of them."""
        if not self._pieces:
            return ScoredRows.of([])
        contig, position, pair, weights = (np.concatenate(every) for every in zip(*self._pieces, strict=True))
        return ScoredRows(tuple(self._contigs), contig, position, self._rsids, tuple(self._pairs), pair, weights)

    def _table(self, text: bytes) -> dict[str, pa.Array]:
        import pyarrow as pa

        repeated = pa.dictionary(pa.int32(), pa.string())
        wanted = {"effect_allele": repeated, "effect_weight": pa.float64()}
        if self._placed_by:
            wanted |= {self._placed_by[0]: repeated, self._placed_by[1]: pa.int64()}
        for name in ("other_allele", "hm_inferOtherAllele", "is_dominant", "is_recessive", *NOT_AN_ALLELE):
            if name in self._head.columns:
                wanted[name] = repeated
        return _read(text, self._head.columns, wanted)

    def _place(self, table: Mapping[str, pa.Array], count: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        if self._placed_by is None:
            return np.full(count, -1, np.int16), np.zeros(count, np.int64)
        names, positions = (table[name] for name in self._placed_by)
        numbers = [self._contigs.number(bare_contig(name)) if name else -1 for name in names.dictionary.to_pylist()]
        contig = np.array(numbers, np.int16)[names.indices.to_numpy()]
        position = positions.fill_null(-1).to_numpy() if positions.null_count else positions.to_numpy()
        placed = position >= 0
        if (~placed).sum() > positions.null_count:
            raise _NotPlainError
        return np.where(placed, contig, -1), np.where(placed & (contig >= 0), np.minimum(position, FARTHEST), 0)

    def _pair(self, table: Mapping[str, pa.Array]) -> NDArray[np.int32]:
        """Number of each row's alleles, -1 where the one that is counted is none of bases."""
        columns = [table[name] for name in ("effect_allele", "other_allele", "hm_inferOtherAllele") if name in table]
        texts = [column.dictionary.to_pylist() for column in columns]
        if "" in texts[0]:
            raise _NotPlainError
        codes = np.zeros(len(columns[0]), np.int64)
        for column, known in zip(columns, texts, strict=True):
            codes = codes * max(len(known), 1) + column.indices.to_numpy()
        used, places = distinct(codes, math.prod(max(len(known), 1) for known in texts))
        numbers = []
        for code in used.tolist():
            told = []
            for known in reversed(texts):
                code, which = divmod(code, max(len(known), 1))
                told.append(known[which])
            effect, *others = reversed(told)
            numbers.append(self._number_of(effect.upper(), next(filter(None, others), "").upper()))
        return np.array(numbers, np.int32)[places]

    def _number_of(self, effect: str, others: str) -> int:
        if not IS_BASES(effect):
            return -1
        told = tuple(one for one in others.split("/") if IS_BASES(one))
        if effect in told:
            raise _NotPlainError
        return self._pairs.number((effect, told))

    def _add_ids(self, text: bytes, kept: NDArray[np.int64], unplaced: NDArray[np.int64]) -> None:
        """Ids of rows without a place."""
        import pyarrow as pa

        names = [name for name in ("hm_rsID", "rsID") if name in self._head.columns]
        if not len(unplaced) or not names:
            return
        ids = _read(text, self._head.columns, dict.fromkeys(names, pa.string()))
        told = [ids[name].take(pa.array(kept[unplaced])).to_pylist() for name in names]
        for row, *every in zip(unplaced.tolist(), *told, strict=True):
            if one := next(filter(None, every), ""):
                self._rsids[self._kept + row] = one


def _read(text: bytes, columns: list[str], wanted: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
    """Some columns of some lines."""
    import pyarrow as pa
    import pyarrow.csv as csv

    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=dict(wanted),
                include_columns=list(wanted),
                strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        raise _NotPlainError from None
    return {name: table[name].chunk(0) if len(table) else pa.array([], wanted[name]) for name in wanted}


def _is_true(column: pa.Array) -> NDArray[np.bool_]:
    told = np.array([text.lower() == "true" for text in column.dictionary.to_pylist()], np.bool_)
    indices: NDArray[np.int32] = column.indices.to_numpy()
    return told[indices]


def _is_complex(table: Mapping[str, pa.Array]) -> NDArray[np.bool_]:
    found = np.zeros(len(table["effect_allele"]), np.bool_)
    for name in NOT_AN_ALLELE:
        if name in table:
            found |= _is_true(table[name])
    return found


def _weights(table: Mapping[str, pa.Array]) -> NDArray[np.float64]:
    """What none, one and two copies add, by row."""
    weight = table["effect_weight"]
    if weight.null_count or not np.isfinite(weight.to_numpy()).all():
        raise _NotPlainError
    one = weight.to_numpy()
    weights = np.zeros((len(one), 3))
    weights[:, 1], weights[:, 2] = one, 2 * one
    if "is_recessive" in table:
        recessive = _is_true(table["is_recessive"])
        weights[recessive, 1], weights[recessive, 2] = 0.0, one[recessive]
    if "is_dominant" in table:
        dominant = _is_true(table["is_dominant"])
        weights[dominant, 1:] = one[dominant, None]
    return weights
