"""Plots are drawn from a receipt's measures, and only those that the measures allow."""

from xml.etree import ElementTree

import pytest

from engine.quality.plots import draw, draw_one, titles_of


@pytest.mark.parametrize(
    ("measures", "titles"),
    [
        ({"read1_quality_by_cycle": [37.0, 36.0], "read2_quality_by_cycle": [37.0, 30.0]}, {"Base quality by cycle"}),
        ({"coverage_histogram": [0, 4, 9]}, {"Coverage of the targets"}),
        ({"insert_size_histogram": [0, 0, 3]}, {"Insert size"}),
        ({"target_bases": 10, "no_call_target_bases": 1, "uncovered_target_bases": 0}, {"Target bases"}),
        ({"allele_balance_histogram": [0, 2, 9]}, {"Allele balance of heterozygotes"}),
        ({"snps": 3, "indels": 1}, {"Passing variants"}),
        ({"consequence_names": ["missense_variant"], "consequence_counts": [2]}, {"Consequences"}),
        ({"substitution_names": ["C>A", "C>T"], "substitution_counts": [2, 5]}, {"Substitutions"}),
        ({"frequency_bands": ["1% to 5%"], "frequency_band_counts": [2]}, {"Population frequency of the alleles"}),
        ({"placed_scores": ["PGS1, Europeans"], "placed_z": [1.5]}, {"Polygenic scores among people"}),
        ({"placed_scores": [], "placed_z": []}, set()),
        ({"resource_types": ["Observation"], "resource_counts": [4]}, {"Resources"}),
        ({"coverage_histogram": [], "snps": None, "indels": 1}, set()),
        ({}, set()),
    ],
)  # fmt: skip
def test_each_set_of_measures_gives_its_plots(measures: dict, titles: set[str]) -> None:
    drawn = draw(measures)
    assert set(drawn) == titles and tuple(drawn) == titles_of(measures)
    assert drawn == {title: draw_one(measures, title) for title in titles} and draw_one(measures, "of nothing") is None
    for title, svg in drawn.items():
        figure = ElementTree.fromstring(svg)
        assert figure.get("aria-label") == title
        assert {"polyline", "rect"} & {each.tag.rpartition("}")[2] for each in figure if len(each.attrib) > 3}


def test_a_score_stands_where_it_lies_among_people_and_at_the_edge_beyond() -> None:
    measures = {"placed_scores": ["PGS1, Europeans", "PGS2, East Asians"], "placed_z": [-1.5, 9.0]}
    (svg,) = draw(measures).values()
    figure = ElementTree.fromstring(svg)
    lines = [each.get("points", "") for each in figure.iter() if each.get("stroke") == "#c55a11"]
    middle, edge = (float(points.split(",")[0]) for points in lines)
    assert middle == pytest.approx(64 + (504 - 64 - 12) * 2.5 / 8, abs=0.1) and edge == 504 - 12
    told = [each.text for each in figure.iter() if each.text]
    assert "PGS1, Europeans: -1.50" in told and "PGS2, East Asians: +9.00" in told
    assert "0.2" not in told, "the curve's height has no unit"


def test_a_sample_is_a_ring_before_the_people_of_the_panel() -> None:
    measures = {
        "ancestry_place": [0.0, 1.0],
        "ancestry_people": [0.0, 0.0, 2.0, 2.0, 1.0, 1.0],
        "ancestry_populations": ["GBR"],
        "ancestry_middles": [2.0, 2.0],
    }
    (svg,) = draw(measures).values()
    figure = ElementTree.fromstring(svg)
    circles = [each for each in figure.iter() if each.tag.endswith("circle")]
    *dots, ring = circles
    assert len(dots) == 3 and ring.get("stroke") == "#c55a11"
    assert ring.get("cx") == dots[0].get("cx") and ring.get("cy") == dots[2].get("cy")
    assert "GBR" in [each.text for each in figure.iter() if each.text]
    assert draw({"ancestry_place": [0.0, 1.0]}) == {}
