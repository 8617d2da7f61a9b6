"""A cohort's score from its tables is each sample's own, as it is scored from calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from engine.cohort.scores import CohortScore, score_cohort
from engine.errors import KnowledgeError
from engine.risk.genotypes import read_dosages
from engine.risk.score import score_samples, wanted
from engine.risk.scoring_file import read_scoring_file
from tests.builders.scores import write_calls, write_score

PEOPLE = ("S1", "S2", "S3")
RECORDS = (
    "chr20 5 . A G 0/1 0/0 1/1",
    "chr20 9 . A T 0/0 0/1 0/0",
    "chr20 12 . T A,C 1/2 0/2 0/0",
    "chr20 15 . AT A 0/0 1/1 0/1",
    "chr20 20 . A AT 0/1 0/0 0/0",
)


def tables(records: Sequence[str], uncalled: dict[int, int] | None = None) -> duckdb.DuckDBPyConnection:
    """The cohort's tables of records of :data:`PEOPLE`; genotypes that were not called, by position."""
    db = duckdb.connect()
    db.execute("CREATE TABLE dim_sample (sample_id VARCHAR)")
    db.executemany("INSERT INTO dim_sample VALUES (?)", [[one] for one in PEOPLE])
    db.execute("CREATE TABLE fct_call (sample_id VARCHAR, contig VARCHAR, position BIGINT, ref VARCHAR, alt VARCHAR,"
               " copies INTEGER)")  # fmt: skip
    db.execute("CREATE TABLE cohort_allele_frequency (contig VARCHAR, position BIGINT, ref VARCHAR, alt VARCHAR,"
               " allele_number BIGINT)")  # fmt: skip
    for record in records:
        contig, position, _, ref, alternates, *genotypes = record.split()
        for number, alt in enumerate(alternates.split(","), start=1):
            called = 2 * (len(PEOPLE) - (uncalled or {}).get(int(position), 0))
            db.execute(
                "INSERT INTO cohort_allele_frequency VALUES (?, ?, ?, ?, ?)", [contig, int(position), ref, alt, called]
            )
            for sample, genotype in zip(PEOPLE, genotypes, strict=True):
                if copies := genotype.split("/").count(str(number)):
                    db.execute(
                        "INSERT INTO fct_call VALUES (?, ?, ?, ?, ?, ?)",
                        [sample, contig, int(position), ref, alt, copies],
                    )
    return db


def scored(folder: Path, rows: Sequence[str], **asked: float) -> CohortScore:
    return score_cohort(tables(RECORDS), read_scoring_file(write_score(folder / "score.txt", rows)), **asked)


@pytest.mark.parametrize(
    "row",
    [
        "- 20 5 G A 0.5",
        "- 20 5 A G 0.5",  # the reference's
        "- 20 5 C T 0.5",  # on the reverse strand
        "- 20 9 A T -0.25",  # alike from both strands
        "- 20 12 T C 0.5",
        "- 20 12 C T 0.5",
        "- 20 12 G T 0.5",  # the other allele is not the reference's from either strand
        "- 20 5 G C 0.5",
        "- 20 15 A AT 0.5",
        "- 20 15 AT A 0.5",
        "- 20 20 AT A 0.5",
        "- 20 20 A AT 0.5",
        "- 20 6 G A 0.5",
    ],
)
def test_each_sample_has_its_own_score(tmp_path: Path, row: str) -> None:
    score = read_scoring_file(write_score(tmp_path / "score.txt", [row]))
    calls = write_calls(tmp_path / "calls.vcf", RECORDS, samples=PEOPLE)
    alone = score_samples(score, read_dosages(calls, *wanted([score])), least_matched=0)
    found = score_cohort(tables(RECORDS), score, least_matched=0)
    assert found.scores.sample_id.tolist() == list(PEOPLE)
    assert found.scores.score.tolist() == [one.total or 0 for one in alone.samples]
    assert (found.matched, found.flipped) == (alone.samples[0].matched, alone.flipped)


def test_a_place_counts_where_enough_were_called_and_what_is_assumed_is_told(tmp_path: Path) -> None:
    score = read_scoring_file(write_score(tmp_path / "score.txt", ["- 20 5 G A 0.5", "- 20 9 T A 1"]))
    db = tables(RECORDS, uncalled={5: 1})
    found = score_cohort(db, score, least_matched=0)
    assert (found.matched, found.alleles, found.assumed) == (1, 2, 0)
    assert found.scores.score.tolist() == [0, 1, 0]
    found = score_cohort(db, score, least_called=0.6)
    assert (found.matched, found.assumed) == (2, 1)
    assert found.scores.score.tolist() == [0.5, 1, 1]


def test_a_score_of_which_little_counts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="of the 2 alleles of PGS9 1 were called"):
        scored(tmp_path, ["- 20 5 G A 0.5", "- X 9 T A 1"])


def test_weights_that_do_not_grow_with_each_copy_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "score.txt"
    path.write_text(
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tis_recessive\n20\t5\tG\tA\t1\tTrue\n"
    )
    with pytest.raises(KnowledgeError, match="weights that do not grow by the same with each copy"):
        score_cohort(tables(RECORDS), read_scoring_file(path))
