"""The share of another person's bases: VerifyBamID2's own expectations, and mixtures that the tests make."""

import csv
from pathlib import Path

import numpy as np
import pytest

from engine.identity.contamination import estimate_contamination, log_likelihood
from engine.identity.panel import read_panel
from engine.identity.simplex import downhill
from engine.identity.site_bases import read_pileup
from tests.builders.panels import made_panel, mixed_bases, person

EUROPE, AFRICA = (0.01, 0.02), (-0.03, 0.01)


@pytest.fixture(scope="module")
def verifybamid(shared_data: Path) -> Path:
    return shared_data / "contamination" / "test"


@pytest.mark.parametrize(
    ("pileup", "expected"),
    [("result.Pileup", "result"), ("test.LongRead.pileup", "test.LongRead.pileup")],
)
def test_as_verifybamid_to_the_last_printed_digit(verifybamid: Path, pileup: str, expected: str) -> None:
    with (verifybamid / f"{expected}.selfSM").open() as file:
        told = next(csv.DictReader(file, delimiter="\t"))
    with (verifybamid / f"{expected}.Ancestry").open() as file:
        ancestry = list(csv.DictReader(file, delimiter="\t"))
    panel = read_panel(verifybamid / "hapmap_3.3.b37")
    found = estimate_contamination(read_pileup(verifybamid / pileup, panel), panel)
    assert f"{found.freemix:.6g}" == told["FREEMIX"]
    assert f"{found.free_lk1:.6g}" == told["FREELK1"]
    assert f"{found.free_lk0:.6g}" == told["FREELK0"]
    assert [f"{value:.6g}" for value in found.contaminating] == [row["ContaminatingSample"] for row in ancestry]
    assert [f"{value:.6g}" for value in found.intended] == [row["IntendedSample"] for row in ancestry]
    assert (
        f"{found.average_depth:.6g}" == told["AVG_DP"] or pileup == "test.LongRead.pileup"
    )  # there with deleted bases


@pytest.mark.parametrize("share", [0, 0.01, 0.02, 0.03, 0.05, 0.1])
@pytest.mark.parametrize(("own", "other"), [(EUROPE, EUROPE), (EUROPE, AFRICA)])
def test_a_planted_share_is_found(own: tuple[float, float], other: tuple[float, float], share: float) -> None:
    panel = made_panel()
    bases = mixed_bases(person(panel, own, 1), person(panel, other, 2), share)
    assert estimate_contamination(bases, panel).freemix == pytest.approx(share, abs=0.005)


def test_both_ancestries_are_found() -> None:
    panel = made_panel()
    found = estimate_contamination(mixed_bases(person(panel, EUROPE, 1), person(panel, AFRICA, 2), 0.2), panel)
    assert found.intended == pytest.approx(EUROPE, abs=0.01)
    assert found.contaminating == pytest.approx(AFRICA, abs=0.01)


def test_a_half_and_a_half_is_half() -> None:
    panel = made_panel()
    bases = mixed_bases(person(panel, EUROPE, 1), person(panel, AFRICA, 2), 0.5)
    assert estimate_contamination(bases, panel).freemix == pytest.approx(0.5, abs=0.02)


def test_what_is_found_is_more_likely_than_what_was_planted() -> None:
    panel = made_panel()
    bases = mixed_bases(person(panel, EUROPE, 1), person(panel, AFRICA, 2), 0.05)
    assert estimate_contamination(bases, panel).free_lk1 >= log_likelihood(bases, panel, 0.05, AFRICA, EUROPE)


def test_a_place_of_many_copies_is_left_out() -> None:
    """A collapsed repeat shows everybody as heterozygous, at three times the depth."""
    panel = made_panel(600)
    genotypes = person(panel, EUROPE, 1)
    clean = mixed_bases(genotypes, genotypes, 0)
    deep = clean.site < 12
    count = np.where(deep, clean.count * 6, clean.count)
    kind = np.where(deep & (np.arange(deep.size) % 2 == 0), 1, clean.kind).astype(np.int8)
    found = estimate_contamination(type(clean)(clean.site, kind, clean.quality, count), panel)
    assert found.freemix < 0.003


def test_the_simplex_goes_down_a_bent_valley() -> None:
    """Rosenbrock's function, whose only low point is (1, 1)."""
    end = downhill(lambda x: float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2), np.array([-1.2, 1.0]))
    assert end == pytest.approx([1, 1], abs=1e-3)
