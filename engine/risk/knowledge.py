"""Polygenic scores as knowledge: the PGS Catalog's files that a laboratory declares, judged by the genome.

The folder that the reference's YAML names holds scoring files (``.txt``, ``.txt.gz``), each of the reference's build,
and beside them, where the laboratory has them, ``distributions.tsv``: where the sums of a score lie among people, with
the columns ``score_id``, ``population``, ``mean``, ``sd`` and, as far as it is known, ``alpha``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.text import text_lines
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.risk.distribution import Distribution, checked_distribution
from engine.risk.scored_rows import ScoredAllele, complement
from engine.risk.scoring_file import ScoringFile, read_scoring_file

if TYPE_CHECKING:
    import pysam

DISTRIBUTIONS = "distributions.tsv"
_COLUMNS = ("score_id", "population", "mean", "sd", "alpha")
_SUFFIXES = (".txt", ".txt.gz")
_MOST_MISFITS = 0.1
"""Share of a score's places at which the genome may read none of its alleles: more, and it is of another build."""


@dataclass(frozen=True)
class Population:
    """A population in which the sums of a score are known.

    Attributes:
        name: as the laboratory tells it.
        distribution: of the sums.
    """

    name: str
    distribution: Distribution


@dataclass(frozen=True)
class ScoringFileMeasures:
    """What was found in a folder of scores.

    Attributes:
        scores: files.
        variants: rows of all of them.
        distributions: scores with a distribution.
        release: ids of the scores.
    """

    scores: int
    variants: int
    distributions: int
    release: str


def build_scoring_files(
    source: Path, build: str, contigs: Sequence[Contig], fasta: pysam.FastaFile, folder: Path
) -> ScoringFileMeasures:
    """Copy the scores of a folder into ``folder``, once they are found to be of this genome.

    Raises:
        KnowledgeError: there is no score, a file is damaged, two are of one id, or a distribution is of none of them.
        ReferenceMismatchError: a score is of another build, or of none that it tells.
    """
    scores = {path: read_scoring_file(path) for path in score_files(source)}
    named: dict[str, Path] = {}
    for path, score in scores.items():
        if score.score_id in named:
            raise KnowledgeError(
                f"{score.score_id} is in {named[score.score_id].name} too", file=path, remedy="keep one of the two"
            )
        named[score.score_id] = path
        _require_build(score, build, path)
        _require_bases(score, {bare_contig(contig.name): contig for contig in contigs}, fasta, path)
        shutil.copyfile(path, folder / path.name)
    populations = read_populations(source)
    if unknown := sorted({*populations} - {*named}):
        raise KnowledgeError(
            f"a distribution is told of {unknown[0]}, of which there is no scoring file",
            file=source / DISTRIBUTIONS,
            remedy="add the scoring file, or leave the row out",
        )
    if populations:
        shutil.copyfile(source / DISTRIBUTIONS, folder / DISTRIBUTIONS)
    every = scores.values()
    return ScoringFileMeasures(
        len(scores), sum(one.variants for one in every), len(populations), ", ".join(sorted(named))
    )


def score_files(folder: Path) -> tuple[Path, ...]:
    """The scoring files of a folder, by name; KnowledgeError where there is none."""
    found = tuple(sorted(path for path in folder.glob("*") if path.name.endswith(_SUFFIXES)))
    if not found:
        raise KnowledgeError(
            "there is no scoring file in the folder",
            file=folder,
            remedy="put scoring files of the PGS Catalog there, as PGS000001_hmPOS_GRCh38.txt.gz is one",
        )
    return found


def read_populations(folder: Path) -> dict[str, Population]:
    """The population of each score that has one.

    Raises:
        KnowledgeError: a row is damaged, a score has two, or the standard deviation is not above 0.
    """
    path = folder / DISTRIBUTIONS
    if not path.is_file():
        return {}
    lines = enumerate(text_lines(path, needs_line_end=False), start=1)
    columns = next(lines, (1, ""))[1].rstrip("\n").split("\t")
    found: dict[str, Population] = {}
    for number, line in lines:
        if not line.strip():
            continue
        row = dict(zip(columns, line.rstrip("\n").split("\t"), strict=False))
        if not all(row.get(name) for name in _COLUMNS[:4]) or row["score_id"] in found:
            raise _damaged(path, number)
        try:
            told = _distribution(row)
        except ValueError:
            raise _damaged(path, number) from None
        found[row["score_id"]] = Population(row["population"], checked_distribution(told, path))
    return found


def _distribution(row: Mapping[str, str]) -> dict[str, float]:
    return {name: float(row[name]) for name in ("mean", "sd", "alpha") if row.get(name)}


def _damaged(path: Path, number: int) -> KnowledgeError:
    return KnowledgeError(
        "the row tells no distribution, or a second one of its score",
        file=path,
        place=f"line {number:,}",
        remedy=f"give the columns {', '.join(_COLUMNS)}, parted by tabs, once for each score; alpha may be empty",
    )


def _require_build(score: ScoringFile, build: str, path: Path) -> None:
    if score.build != build:
        raise ReferenceMismatchError(
            f"the places of {score.score_id} are of {score.build or 'a build that the file does not tell'}, the "
            f"reference is {build}",
            file=path,
            remedy=f"use the file that the PGS Catalog harmonised to {build}",
        )


def _require_bases(score: ScoringFile, contigs: Mapping[str, Contig], fasta: pysam.FastaFile, path: Path) -> None:
    """At most a few places may read neither allele, on neither strand."""
    placed = [one for one in score.alleles if one.contig in contigs and one.others]
    misfits = sum(not _is_read(one, contigs[str(one.contig)], fasta) for one in placed)
    if misfits > _MOST_MISFITS * len(placed):
        raise ReferenceMismatchError(
            f"the reference reads neither allele at {misfits:,} of {len(placed):,} places of {score.score_id}",
            file=path,
            remedy="use the file of the reference's build",
        )


def _is_read(allele: ScoredAllele, contig: Contig, fasta: pysam.FastaFile) -> bool:
    start = (allele.position or 0) - 1
    if not 0 <= start < contig.length:
        return False
    stated = (allele.effect, *allele.others)
    longest = fasta.fetch(contig.name, start, start + max(map(len, stated))).upper()
    return any(longest.startswith((one, complement(one))) for one in stated)
