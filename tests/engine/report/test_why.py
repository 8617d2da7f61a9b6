"""Why a variant is, or is not, in a report."""

from pathlib import Path

import pytest

from engine.classify.findings import select_reportable
from engine.errors import VariantFileError
from engine.report.why import why
from tests.builders.annotated import bundle, variant, write_annotated, write_parent
from tests.builders.people import subject


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ("20-1000-C-T", "reported"),
        ("chr20:1000:C:T", "reported"),
        ("NC_000020.10:g.1000C>T", "reported"),
        ("20-2000-C-T", "not reported"),
        ("20-3000-C-T", "not asked about"),
        ("20-3400000-C-T", "not carried"),
        ("20-3500000-C-T", "not called"),
        ("NC_000020.10:g.77C>T", "not found"),
    ],
)
def test_a_variant_can_be_asked_for(tmp_path: Path, asked: str, outcome: str) -> None:
    rows = [variant("AVP", 1000), variant("AVP", 2000, clinvar_classification="benign"), variant("TP53", 3000)]
    table = write_annotated(tmp_path / "annotated.parquet", *rows)
    select_reportable(table, subject(ordered_genes=("AVP",)), bundle(), tmp_path, "S1")
    seen = write_parent(tmp_path / "own", unseen=(3_500_000, 3_500_000))
    findings, unreported = (tmp_path / f"S1.{name}.parquet" for name in ("findings", "unreported"))
    answer = why(asked, findings, unreported, tmp_path / "annotated.parquet", seen.gvcf)
    assert answer.outcome == outcome and answer.explanation


@pytest.mark.parametrize("asked", ["", "PANK2", "20-1000", "20-1000-C", "rs1"])
def test_what_is_no_name_of_a_variant_is_refused(tmp_path: Path, asked: str) -> None:
    with pytest.raises(VariantFileError, match="no name of a variant"):
        why(asked, *[tmp_path] * 4)
