"""What ``make demo`` says of each person at its end."""

import pytest

from demo.people import PEOPLE
from demo.summary import tell_findings

FINDING = {
    "category": "compound_heterozygote", "gene": "PANK2", "hgvs_c": "T1:c.1A>G", "hgvs_p": None,
    "zygosity": "heterozygous", "origin": "maternal", "phase": "trans", "clinvar_variation_id": "4548",
}  # fmt: skip


def test_what_was_found_is_told_apart_from_what_was_planted(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *others = (person.sample for person in PEOPLE)
    carrier = FINDING | {"category": "carrier", "origin": "unknown", "phase": None}
    tell_findings({first: [FINDING, carrier], second: None} | {sample: [] for sample in others})
    told = capsys.readouterr().out
    assert "found: compound heterozygote  PANK2 T1:c.1A>G, heterozygous, maternal, in trans, ClinVar 4548" in told
    assert "found: carrier                PANK2 T1:c.1A>G, heterozygous, ClinVar 4548" in told
    assert told.count("found: not looked for, the run failed") == 1
    assert told.count("found: nothing to report") == len(others)
    assert all(person.story in told for person in PEOPLE)
