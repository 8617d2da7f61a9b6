"""Exon by exon of what was asked about: bases below 20x, below 10x and uncalled, counted against single bases."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.annotate.gene_model import Transcript
from engine.quality.plots import draw
from engine.reference.intervals import Interval
from engine.report.case import Gene, Regions, exons_in_words, uncalled_in_words
from engine.report.coverage import asked_about, spokesmen_of, study_regions
from engine.report.exon_coverage import (
    EXON_COLUMNS,
    counted_exons,
    exon_coverage,
    missed,
    read_exon_coverage,
    write_exon_coverage,
)
from engine.report.statement import _coverage
from tests.engine.report.test_coverage import HEADER, block, reference

EXONS = ((100, 150), (200, 260), (300, 320), (400, 500))


def transcript(strand: int, coding: tuple[int, int] | None = (120, 450), gene: str = "PANK2") -> Transcript:
    return Transcript("ENST1.2", "T1", gene, "G1", None, "protein_coding", "20", strand, EXONS, coding)


@pytest.mark.parametrize(
    ("one", "exons"),
    [
        (transcript(1), [(1, 120, 150), (2, 200, 260), (3, 300, 320), (4, 400, 450)]),
        (transcript(-1), [(1, 400, 450), (2, 300, 320), (3, 200, 260), (4, 120, 150)]),
        (transcript(-1, (210, 310)), [(2, 300, 310), (3, 210, 260)]),
        (transcript(1, None), [(1, 100, 150), (2, 200, 260), (3, 300, 320), (4, 400, 500)]),
    ],
)
def test_exons_are_numbered_along_the_transcript_and_cut_to_what_codes(
    one: Transcript, exons: list[tuple[int, int, int]]
) -> None:
    assert list(counted_exons(one)) == exons


@pytest.mark.parametrize("seed", range(10))
def test_counts_are_those_of_single_bases(seed: int) -> None:
    random = np.random.default_rng(seed)

    def pieces(limit: int) -> list[tuple[int, int]]:
        cuts = sorted(random.choice(600, 2 * limit, replace=False).tolist())
        return list(zip(cuts[::2], cuts[1::2], strict=True))

    targets = {place for start, end in pieces(4) for place in range(start, end)}
    low = [(start, end, int(random.integers(2))) for start, end in pieces(8)]
    uncalled = [(start, end) for start, end in pieces(5) if set(range(start, end)) <= targets]
    wanted = [Interval("20", start, start + 1) for start in sorted(targets)]
    rows = exon_coverage(
        [transcript(1)], wanted, [Interval("20", *span) for span in uncalled], {"20": np.array(low, np.int64)}
    )
    kinds = {place: kind for start, end, kind in low for place in range(start, end)}
    bare = {place for start, end in uncalled for place in range(start, end)}
    for row, (number, start, end) in zip(rows, counted_exons(transcript(1)), strict=True):
        places = set(range(start, end))
        assert (row.exon, row.start, row.end, row.bases) == (number, start + 1, end, end - start)
        assert row.targeted == len(places & targets)
        assert row.below_20x == sum(place in kinds for place in places & targets)
        assert row.below_10x == sum(kinds.get(place) == 0 for place in places & targets)
        assert row.uncalled == len(places & bare)


def test_the_table_its_plots_and_its_figures_tell_the_same(tmp_path: Path) -> None:
    low = {"20": np.array([[125, 135, 0], [135, 150, 1], [405, 410, 1]], np.int64)}
    rows = exon_coverage([transcript(1)], [Interval("20", 0, 600)], [Interval("20", 125, 130)], low)
    path = tmp_path / "S.exon_coverage.parquet"
    measures = write_exon_coverage(rows, path)
    table = pq.read_table(path)
    assert table.column_names == [column.name for column in EXON_COLUMNS] and table.num_rows == 4
    assert sum(table["uncalled"].to_pylist()) == measures["uncalled_bases"] == 5
    assert (measures["below_20x_bases"], measures["below_10x_bases"], measures["missed_exons"]) == (30, 10, 2)
    assert [row.name for row in missed(rows)] == ["PANK2 exon 1", "PANK2 exon 4"]
    assert read_exon_coverage(path) == rows
    drawn = draw(measures)
    assert ">PANK2 exon 1<" in drawn["Bases below 20x by exon"] and ">25<" in drawn["Bases below 20x by exon"]


def test_where_everything_was_seen_there_is_no_plot_and_no_row(tmp_path: Path) -> None:
    rows = exon_coverage([transcript(1)], [Interval("20", 0, 600)], [], {})
    measures = write_exon_coverage(rows, tmp_path / "S.parquet")
    assert measures["missed_exons"] == 0 and not draw(measures)
    assert write_exon_coverage([], tmp_path / "none.parquet")["exons"] == 0


def test_what_was_asked_about_decides_whose_exons_are_told(tmp_path: Path) -> None:
    spokesmen = spokesmen_of(reference(tmp_path, "20\t100\t600\n"))
    assert [one.gene for one in asked_about(spokesmen, ("NEW1",))] == ["NEW1"]
    assert [one.gene for one in asked_about(spokesmen, ())] == ["AVP", "NEW1"]


def test_the_report_says_which_exon_was_not_called_and_how_many_bases(tmp_path: Path) -> None:
    bundle = reference(tmp_path, "20\t100\t600\n")
    gvcf = tmp_path / "S.g.vcf"
    gvcf.write_text(HEADER + block(100, 330) + block(330, 340, quality=5) + block(340, 700))
    regions = study_regions(bundle, gvcf, asked=("AVP",))
    assert regions.uncalled_exons == ("AVP exon 2 (10 of 50 bases)",)
    assert "not fully called: AVP. Not called: AVP exon 2 (10 of 50 bases)" in _coverage(regions)
    assert study_regions(bundle, gvcf, asked=("NEW1",)).uncalled_exons == ()


def test_of_a_genome_the_genes_asked_about_are_named_and_the_others_counted() -> None:
    regions = Regions("a genome", uncalled=tuple(Gene(f"G{number}") for number in range(94)))
    told = _coverage(regions, ("G90", "G91"))
    assert "not fully called: G90, G91, G0, G1, " in told and told.endswith("G17, and 74 more genes")
    everything = uncalled_in_words(regions, [gene.symbol for gene in regions.uncalled])
    assert everything.endswith("G92, G93") and "more" not in everything
    assert uncalled_in_words(replace(regions, uncalled=regions.uncalled[:21])).endswith("G19, and 1 more gene")


@pytest.mark.parametrize(
    ("count", "end"), [(20, "E19"), (21, "E19, and 1 more exon"), (1_030, "E19, and 1,010 more exons")]
)
def test_of_many_exons_the_first_are_named_and_the_others_counted(count: int, end: str) -> None:
    told = exons_in_words(Regions("a genome", uncalled_exons=tuple(f"E{number}" for number in range(count))))
    assert told.startswith("E0, E1, ") and told.endswith(end)
