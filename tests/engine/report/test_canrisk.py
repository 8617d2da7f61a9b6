"""CanRisk's file: read by columns as its web service reads it, filled in without changing what the clinic wrote."""

from __future__ import annotations

import pytest

from engine.errors import ReportError
from engine.report.canrisk import COLUMNS, GENES, Result, Standing, Target, filled, new_family

SEARCHED: dict[str, Result] = {**dict.fromkeys(GENES, "S:N"), "BRCA2": "S:P", "HOXB13": "0:0"}
CLINIC = "\n".join(
    [
        "##CanRisk 4",
        "##menarche=12",
        "##" + " ".join(COLUMNS),
        "XXXA\tAnn B\t1\tPB\tPF\tPM\tF\t0\t0\t45\t1979\t0\t0\t0\t0\t0\t0" + "\t0:0" * 10 + "\t0:0:0:0:0",
        "XXXA\t202\t0\tPM\t0\t0\tF\t0\t0\t67\t1958\t55\t0\t0\t0\t0\t0\tS:N\tS:P" + "\tS:N" * 7 + "\tT:N\tN:N:N:0:0",
        "XXXA\tNA\t0\tPF\t0\t0\tM\t0\t1\t0\t0\t0\t0\t0\t0\t0\t0" + "\t0:0" * 10 + "\t0:0:0:0:0",
    ]
)


def target_of(text: str) -> dict[str, str]:
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("##")]
    assert all(len(row) == 28 for row in rows)
    (target,) = [dict(zip(COLUMNS, row, strict=True)) for row in rows if row[2] == "1"]
    return target


def test_columns_lie_where_the_web_service_reads_them() -> None:
    # bws/tests: HOXB13 is column 26 and pathology 27 of version 4, from 0
    assert (COLUMNS.index("HOXB13"), COLUMNS.index("ER:PR:HER2:CK14:CK56"), len(COLUMNS)) == (26, 27, 28)


def test_a_new_family_has_the_person_and_two_parents() -> None:
    text = filled(new_family(Target("F", 45, 1980)), "F", SEARCHED, [Standing("BC", 0.44, 1.123456)])
    assert text.splitlines()[:2] == ["##CanRisk 4.0", "##PRS_BC=alpha=0.44, zscore=1.123"]
    target = target_of(text)
    assert [target[gene] for gene in GENES] == [SEARCHED[gene] for gene in GENES]
    assert (target["Age"], target["Yob"], target["Sex"]) == ("45", "1980", "F")
    people = {line.split("\t")[3] for line in text.splitlines() if not line.startswith("##")}
    assert people == {"target", target["FathID"], target["MothID"]}


def test_of_the_clinics_family_only_the_targets_genes_change() -> None:
    text = filled(CLINIC, "F", SEARCHED, [])
    assert [one for one in CLINIC.splitlines() if "\t1\tPB" not in one] == [
        one for one in text.splitlines() if "\t1\tPB" not in one
    ]
    told = target_of(text)
    assert told["Name"] == "Ann B" and told["BRCA2"] == "S:P" and told["HOXB13"] == "0:0"
    assert filled(text, "F", SEARCHED, []) == text


@pytest.mark.parametrize(
    ("text", "sex", "problem"),
    [
        (CLINIC.replace("CanRisk 4", "CanRisk 3.0"), "F", "no CanRisk file of version 4"),
        (CLINIC.replace(" HOXB13", ""), "F", "columns"),
        (CLINIC.replace("\tT:N\t", "\t"), "F", "28 columns"),
        (CLINIC.replace("202\t0\tPM", "202\t1\tPM"), "F", "2 targets"),
        (CLINIC, "M", "other sex"),
        (CLINIC.replace("1979\t0\t0\t0\t0\t0\t0\t0:0", "1979\t0\t0\t0\t0\t0\t0\tT:P"), "F", "T:P of BRCA1"),
        (CLINIC.replace("##menarche=12", "##PRS_BC=alpha=0.3,zscore=1"), "F", "another PRS_BC"),
        ("", "F", "no CanRisk file"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, sex: str, problem: str) -> None:
    with pytest.raises(ReportError, match=problem):
        filled(text, sex, SEARCHED, [Standing("BC", 0.44, 1.1)])


def test_nobodys_age_is_refused() -> None:
    with pytest.raises(ReportError, match="no person's"):
        new_family(Target("M", 450, 1980))
