"""Sex chromosomes by coverage, beside the sheet."""

import pytest

from engine.identity.karyotype import karyotype_of


@pytest.mark.parametrize(
    ("stated", "x", "y", "name", "unusual", "contradicts"),
    [
        ("female", 30.0, 0.1, "46,XX", 0, 0),
        ("male", 15.0, 12.0, "46,XY", 0, 0),
        ("female", 15.0, 12.0, "46,XY", 0, 1),
        ("male", 30.0, 0.1, "46,XX", 0, 1),
        ("female", 15.2, 0.1, "45,X", 1, 0),
        ("male", 29.5, 12.4, "47,XXY", 1, 0),
        ("male", 15.0, 24.0, "47,XYY", 1, 0),
        ("female", 45.3, 0.1, "47,XXX", 1, 0),
        ("female", 22.8, 0.1, "mosaic 45,X/46,XX", 1, 0),
        ("male", 15.0, 4.0, "mosaic 45,X/46,XY", 1, 0),
        ("unknown", 15.0, 12.0, "46,XY", 0, 0),
    ],
)
def test_copies_are_told(stated: str, x: float, y: float, name: str, unusual: int, contradicts: int) -> None:
    found = karyotype_of(stated, autosomes=30.0, x=x, y=y)
    assert (found.name, found.unusual, found.contradicts_sheet, found.told) == (name, unusual, contradicts, 1)
    assert bool(found.why) == bool(unusual or contradicts)


@pytest.mark.parametrize(("autosomes", "x", "y"), [(None, 15.0, 1.0), (30.0, None, 1.0), (30.0, 15.0, None), (4, 4, 0)])
def test_too_little_tells_nothing(autosomes: float | None, x: float | None, y: float | None) -> None:
    found = karyotype_of("male", autosomes=autosomes, x=x, y=y)
    assert (found.name, found.told, found.unusual, found.contradicts_sheet) == ("not told", 0, 0, 0)
