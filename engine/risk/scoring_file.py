"""Scoring files of the PGS Catalog, format 2.0, raw or harmonised to a build.

A row gives an allele and what each copy of it weighs. Harmonised files have the variant's place on another build in
``hm_chr`` and ``hm_pos``, which then count. A copy weighs the same as the first by default; ``is_dominant`` and
``is_recessive`` say otherwise, and ``dosage_0_weight`` to ``dosage_2_weight`` weigh none, one and two copies each. What
is no single allele of bases (HLA types, haplotypes, interactions) cannot be read off a VCF and counts as not matched.
Rows are read by columns (:mod:`engine.risk.scoring_columns`); a file that is not plain throughout, row by row.

A row that is there again counts once. Rows that give one allele different weights are refused where they stand at the
authors' own places; where harmonising laid them upon each other, the allele counts as not matched
(:mod:`engine.risk.repeated_rows`).

Format: https://www.pgscatalog.org/downloads/#scoring_header
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.reference.accessions import bare_contig
from engine.risk.repeated_rows import settle
from engine.risk.scored_rows import ScoredAllele, ScoredRows
from engine.risk.scoring_columns import DOSAGE_WEIGHTS, IS_BASES, NOT_AN_ALLELE, Head, rows_by_columns

_BUILDS = {"grch37": "GRCh37", "hg19": "GRCh37", "grch38": "GRCh38", "hg38": "GRCh38"}


@dataclass(frozen=True)
class ScoringFile:
    """A score.

    Attributes:
        score_id: the catalog's id, or the file's name.
        build: ``GRCh37`` or ``GRCh38``, absent where the file does not tell.
        alleles: what can be counted.
        complex_rows: how many rows more there are whose effect is no single allele of bases.
        trait: what it is a score of, empty where the file does not tell.
        repeated: rows that were there before, and count once.
        contradicted: alleles that rows of a harmonised file give different weights, which are not known then.
    """

    score_id: str
    build: str | None
    alleles: ScoredRows
    complex_rows: int
    trait: str = ""
    repeated: int = 0
    contradicted: int = 0

    @property
    def variants(self) -> int:
        """All rows of the file that say something of their own; alleles that it contradicts itself about count once."""
        return len(self.alleles) + self.complex_rows + self.contradicted


def read_scoring_file(path: Path) -> ScoringFile:
    """Read a scoring file, plain or gzip.

    Raises:
        KnowledgeError: it is damaged, lacks a column, has a row that is cut off, a weight that is no number or an
            effect allele that is the other allele as well, or, at places that are not harmonised, different weights of
            one allele.
    """
    lines = enumerate(text_lines(path, needs_line_end=False), start=1)
    head = _head(lines, path)
    alleles, rows = rows_by_columns(path, head) or _rows_one_by_one(lines, head, path)
    _require_whole(rows, head.facts.get("variants_number", ""), path)
    build = head.facts.get("HmPOS_build" if head.is_harmonised else "genome_build", "")
    score_id = head.facts.get("pgs_id") or head.facts.get("omicspred_id") or path.name.partition(".")[0]
    trait = head.facts.get("trait_mapped") or head.facts.get("trait_reported") or ""
    settled = settle(alleles)
    if settled.first and not head.is_harmonised:
        raise _contradiction(settled.first, settled.contradicted, path)
    return ScoringFile(
        score_id,
        _BUILDS.get(build.lower()),
        settled.rows,
        rows - len(alleles),
        trait,
        settled.repeated,
        settled.contradicted,
    )


def _contradiction(first: ScoredAllele, alleles: int, path: Path) -> KnowledgeError:
    named = first.rsid or f"{first.contig}:{first.position or 0:,}"
    more = f", and {alleles - 1:,} more" if alleles > 1 else ""
    return KnowledgeError(
        f"different rows give the allele {first.effect} different weights",
        file=path,
        place=f"{named}{more}",
        remedy="leave one of the rows in, or use the file that the PGS Catalog harmonised",
    )


def _head(lines: Iterator[tuple[int, str]], path: Path) -> Head:
    """The facts and the names of the columns."""
    facts: dict[str, str] = {}
    number, line = next(lines, (1, ""))
    while line.startswith("#"):
        key, _, value = line.lstrip("#").strip().partition("=")
        facts[key] = value
        number, line = next(lines, (number, ""))
    columns = line.rstrip("\n").split("\t")
    if twice := next((name for name in columns if name and columns.count(name) > 1), None):
        raise KnowledgeError(
            f"the column {twice} stands there twice",
            file=path,
            place=f"line {number:,}",
            remedy="leave in the one that is meant",
        )
    if "effect_allele" not in columns or not ({"effect_weight", DOSAGE_WEIGHTS[0]} & set(columns)):
        raise KnowledgeError(
            "this is no scoring file: it has no columns effect_allele and effect_weight",
            file=path,
            place=f"line {number:,}",
            remedy="use a scoring file of the PGS Catalog, format 2.0",
        )
    return Head(facts, columns, number)


def _rows_one_by_one(lines: Iterator[tuple[int, str]], head: Head, path: Path) -> tuple[ScoredRows, int]:
    """What can be counted, and how many rows there are."""
    rows = list(_rows(lines, head.columns, path))
    _require_whole(len(rows), head.facts.get("variants_number", ""), path)
    alleles = [allele for place, row in rows if (allele := _allele(row, head.is_harmonised, path, place))]
    return ScoredRows.of(alleles), len(rows)


def _require_whole(rows: int, stated: str, path: Path) -> None:
    """The catalog ends the last line of a harmonised file with no line end; the header says how many rows there are."""
    if stated.isdigit() and rows < int(stated):
        raise KnowledgeError(
            f"there are {rows:,} variants, the header says {int(stated):,}: the file has been cut",
            file=path,
            remedy="download the scoring file again",
        )


def _rows(lines: Iterator[tuple[int, str]], columns: list[str], path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in lines:
        fields = line.rstrip("\n").split("\t")
        if not any(fields):
            continue
        if len(fields) != len(columns):
            raise KnowledgeError(
                f"there are {len(fields)} columns where the header has {len(columns)}",
                file=path,
                place=f"line {number:,}",
                remedy="download the scoring file again",
            )
        yield number, dict(zip(columns, fields, strict=True))


def _allele(row: Mapping[str, str], harmonised: bool, path: Path, number: int) -> ScoredAllele | None:
    """What a row counts, absent where it is no single allele of bases."""
    effect = row["effect_allele"].upper()
    is_complex = any(row.get(name, "").lower() == "true" for name in NOT_AN_ALLELE)
    if is_complex or not IS_BASES(effect):
        return None
    contig, position = (row.get("hm_chr", ""), row.get("hm_pos", "")) if harmonised else _raw_place(row)
    others = (row.get("other_allele") or row.get("hm_inferOtherAllele") or "").upper().split("/")
    if effect in others:
        raise KnowledgeError(
            f"the effect allele {effect[:20]} is the other allele, too: nobody can tell which of two is counted",
            file=path,
            place=f"line {number:,}",
            remedy="correct the row, or leave it out",
        )
    placed = bool(contig) and position.isascii() and position.isdigit()
    return ScoredAllele(
        contig=bare_contig(contig) if placed else None,
        position=int(position) if placed else None,
        rsid=(row.get("hm_rsID") or row.get("rsID") or None) if not placed else None,
        effect=effect,
        others=tuple(other for other in others if IS_BASES(other)),
        weights=_weights(row, path, number),
    )


def _raw_place(row: Mapping[str, str]) -> tuple[str, str]:
    return row.get("chr_name", ""), row.get("chr_position", "")


def _weights(row: Mapping[str, str], path: Path, number: int) -> tuple[float, float, float]:
    """What none, one and two copies add."""
    names = DOSAGE_WEIGHTS if row.get(DOSAGE_WEIGHTS[0]) else ("effect_weight",)
    try:
        values = [float(row[name]) for name in names]
        if not all(map(math.isfinite, values)) or any("_" in row[name] or not row[name].isascii() for name in names):
            raise ValueError
    except (KeyError, ValueError):
        raise KnowledgeError(
            f"{' or '.join(names)} is no number",
            file=path,
            place=f"line {number:,}",
            remedy="download the scoring file again",
        ) from None
    if len(values) == len(DOSAGE_WEIGHTS):
        return (values[0], values[1], values[2])
    weight = values[0]
    if row.get("is_dominant", "").lower() == "true":
        return (0.0, weight, weight)
    if row.get("is_recessive", "").lower() == "true":
        return (0.0, 0.0, weight)
    return (0.0, weight, 2 * weight)
