"""Scores of predictors as knowledge: a table by allele, one column a predictor.

Missense predictors come as text in columns: ``chrom pos ref alt`` and a column for each predictor that the rule set
names, or the columns that REVEL's and CADD's own files have. Of splicing a VCF of SpliceAI is read, or such a table.
What a score speaks for is decided in :mod:`engine.acmg.decide`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.acmg.rule_set import rule_set
from engine.annotate.allele_table import (
    ALLELE,
    ColumnSource,
    Key,
    Placed,
    Record,
    Row,
    Rows,
    Source,
    VcfSource,
    read_alleles,
    said_of,
    write_alleles,
)
from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.reference.bundle import Contig
from engine.tables import Column

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTORS = "predictors.parquet"
SPLICE_PREDICTORS = "splice_predictors.parquet"
KNOWN = tuple(rule_set().at("predictors"))
"""The predictors for which the rule set has calibrated bounds, the first that has a score being used."""
KNOWN_OF_SPLICING = tuple(rule_set().at("splice_predictors"))
"""The same of splicing."""


def _columns(names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(
        Column(name, "DOUBLE", f"Score of {name}; absent where the source has none", "score") for name in names
    )


PREDICTOR_COLUMNS = (*ALLELE, *_columns(KNOWN))
SPLICE_PREDICTOR_COLUMNS = (*ALLELE, *_columns(KNOWN_OF_SPLICING))
_PLACES = {
    "GRCh37": (("chrom", "chr"), ("pos", "hg19_pos"), ("ref",), ("alt",)),
    "GRCh38": (("chrom", "chr"), ("pos", "grch38_pos"), ("ref",), ("alt",)),
}
"""Names of the columns of a place, in lower case: those of such a table, and those of REVEL's own file."""
_ALIASES: Mapping[str, tuple[str, ...]] = {"CADD": ("PHRED",)}
_IS_BASE = re.compile("[ACGT]").fullmatch
_REMEDY = "give a table with chrom, pos, ref, alt and a column for each predictor"
_DELTAS = slice(2, 6)
"""SpliceAI's own order: allele, gene, then the scores of a gained and a lost acceptor, a gained and a lost donor."""


@dataclass(frozen=True)
class PredictorMeasures(Placed):
    """What a table of scores holds; of an allele one record more for each further score of it.

    Attributes:
        predictors: those that have scores.
        release: date or name, as declared.
        licence: as declared.
    """

    predictors: list[str]
    release: str
    licence: str


def build_predictors(
    source: Path,
    fasta: Path,
    contigs: Sequence[Contig],
    folder: Path,
    *,
    release: str | None,
    licence: str | None,
    build: str = "GRCh38",
) -> PredictorMeasures:
    """Write :data:`PREDICTORS`, of missense predictors, sorted by place, into ``folder``.

    Raises:
        KnowledgeError: the source is missing, damaged, lacks a column, or a score is no number.
        ReferenceMismatchError: it belongs to another build.
    """
    scores = _ScoreColumns.of_predictors(source, build, KNOWN, substitutions=True)
    return _write(scores, fasta, contigs, folder / PREDICTORS, PREDICTOR_COLUMNS, release, licence)


def build_splice_predictors(
    source: Path,
    fasta: Path,
    contigs: Sequence[Contig],
    folder: Path,
    *,
    release: str | None,
    licence: str | None,
    build: str = "GRCh38",
) -> PredictorMeasures:
    """Write :data:`SPLICE_PREDICTORS`, of SpliceAI's VCF or a table, into ``folder``; errors as of build_predictors."""
    scores: _Scores
    if next(iter(text_lines(source, error=KnowledgeError)), "").startswith("##fileformat=VCF"):
        scores = _SpliceAi(source)
    else:
        scores = _ScoreColumns.of_predictors(source, build, KNOWN_OF_SPLICING)
    return _write(scores, fasta, contigs, folder / SPLICE_PREDICTORS, SPLICE_PREDICTOR_COLUMNS, release, licence)


def _write(
    scores: _Scores,
    fasta: Path,
    contigs: Sequence[Contig],
    table: Path,
    columns: Sequence[Column],
    release: str | None,
    licence: str | None,
) -> PredictorMeasures:
    import pyarrow as pa

    said = {"release": release or "", "licence": licence or ""}

    def arrays(rows: Rows) -> list[pa.Array]:
        values = [scores.of(row) for row in rows]
        return [pa.array(column, pa.float64()) for column in zip(*values, strict=True)]

    placed = write_alleles(scores, fasta, contigs, table, columns[len(ALLELE) :], arrays, lambda: said)
    return PredictorMeasures(**vars(placed), predictors=scores.predictors, release=release or "", licence=licence or "")


class _Scores(Source):
    """A source that can tell the scores of its rows, in the order of the table's columns."""

    @property
    @abstractmethod
    def predictors(self) -> list[str]:
        """Those that have scores."""

    @abstractmethod
    def of(self, row: Row) -> list[float | None]:
        """The scores of one row."""


class _ScoreColumns(ColumnSource, _Scores):
    """Scores in columns."""

    substitutions = False
    """Whether every row must be one of a single base."""

    @classmethod
    def of_predictors(cls, path: Path, build: str, known: Sequence[str], *, substitutions: bool = False) -> Self:
        """A source with a column for one of the known predictors at least."""
        names = {name: (name, *_ALIASES.get(name, ())) for name in known}
        source = cls(path, _PLACES[build], names, _REMEDY)
        source.substitutions = substitutions
        return source

    @property
    def predictors(self) -> list[str]:
        """Those that the header has."""
        return [name for name, at in self.values.items() if at is not None]

    def records(self) -> Iterator[Record]:
        """Every row."""
        for record in super().records():
            line, contig, position, ref, alt, _ = record
            if self.substitutions and not (_IS_BASE(ref) and _IS_BASE(alt)):
                raise self.refused(line, f"{contig} {position} {ref} {alt} is no substitution")
            yield record

    def of(self, row: Row) -> list[float | None]:
        """The scores of one row."""
        number, texts = row[5]
        return [self._score(text, number) for text in texts]

    def _score(self, text: str, number: int) -> float | None:
        try:
            return None if text in ("", ".", "NA") else float(text)
        except ValueError:
            raise self.refused(number, f"the score {text!r} is no number") from None


class _SpliceAi(VcfSource, _Scores):
    """SpliceAI's VCF: the greatest of the four changes of a splice site, over all genes."""

    @property
    def predictors(self) -> list[str]:
        """SpliceAI."""
        return ["SpliceAI"]

    def of(self, row: Row) -> list[float | None]:
        """The score of one row."""
        info, alt = row[5][0], row[3]
        entries = [one.split("|") for one in _field(info, "SpliceAI").split(",") if one]
        own = [one for one in entries if one[0] == alt] or entries
        try:
            found = [float(score) for one in own for score in one[_DELTAS] if score not in ("", ".")]
        except ValueError:
            raise KnowledgeError(
                f"the scores of SpliceAI cannot be read: {info!r}",
                file=self.path,
                place=f"{row[0]}:{row[1]:,}",
                remedy="give SpliceAI's VCF as it is published",
            ) from None
        return [max(found, default=None)]


def _field(info: str, name: str) -> str:
    return next((one[len(name) + 1 :] for one in info.split(";") if one.startswith(f"{name}=")), "")


def read_scores(table: Path, alleles: Iterable[Key], known: Sequence[str] = KNOWN) -> dict[Key, Mapping[str, float]]:
    """The scores of some alleles by predictor; of an allele that has several, the highest."""
    order = ", ".join(f"{name} NULLS FIRST" for name in known)
    return {
        key: {name: row[name] for name in known if row[name] is not None}
        for key, row in read_alleles(table, alleles, order=order).items()
    }


def release_of(table: Path) -> str | None:
    """The release that a table was made of, absent where the laboratory did not name it."""
    return said_of(table).get("release") or None
