"""The frequencies of a sample's alleles in bands."""

from pathlib import Path

from engine.annotate.frequency_bands import frequency_bands
from tests.builders.annotated import variant, write_annotated


def test_alleles_are_counted_by_how_frequent_they_are(tmp_path: Path) -> None:
    told = (None, 0.0, 0.00009, 0.0001, 0.0099, 0.01, 0.05, 1.0)
    rows = [variant(position=3_000_000 + number, frequency=value) for number, value in enumerate(told)]
    assert frequency_bands(write_annotated(tmp_path / "a.parquet", *rows)) == {
        "not in the source": 1,
        "below 0.01%": 2,
        "0.01% to 0.1%": 1,
        "0.1% to 1%": 1,
        "1% to 5%": 1,
        "5% or more": 2,
    }
