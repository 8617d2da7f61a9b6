"""The rule set is data, and docs/interpretation.md says what is in it."""

import re
from pathlib import Path
from typing import Any

import pytest

from engine.acmg.criteria import CODES
from engine.acmg.decide import DECIDED, decide
from engine.acmg.rule_set import RULES, RuleSet, rule_set
from engine.errors import ClassificationError
from tests.builders.acmg import TRUNCATIONS, facts

PAGE = (Path(__file__).parents[3] / "docs" / "interpretation.md").read_text()
STATED = {
    "has {} or more P/LP truncating": ("PVS1", "known_truncations"),
    "more than {} bases before the last junction": ("PVS1", "escapes_within"),
    "more than {} of the protein is lost": ("PVS1", "large_part"),
    "where {} or more are known": ("PVS1", "beyond_last"),
    "with {} star or more": ("comparators", "stars"),
    "stands there {} times or more": ("repeats", "copies"),
    "more than {} in a population": ("frequency", "BA1"),
    "seen {} times among": ("frequency", "observations"),
    "among {} alleles or more, but for the nine": ("frequency", "alleles"),
    "more than {} (dominant or unknown)": ("frequency", "BS1", "dominant"),
    "or {} (recessive or X-linked)": ("frequency", "BS1", "recessive"),
    "{} people or more with two copies": ("frequency", "BS2_homozygotes"),
    "at most {} (": ("frequency", "PM2", "dominant"),
    "({} under recessive inheritance)": ("frequency", "PM2", "recessive"),
    "or absent, among {} alleles": ("frequency", "alleles_for_absence"),
    "among the first {} by the signs": ("de_novo", "fits_within"),
    "{} bases or more from a splice site": ("BP7", "from_exon_end"),
    "or beyond +{} and": ("BP7", "into_intron", "after"),
    "and -{} in an intron": ("BP7", "into_intron", "before"),
}
"""What the page says of each threshold."""


def as_written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value * 100:g}%"
    return f"{value:,}" if value >= 1000 else str(value)


@pytest.mark.parametrize(("words", "path"), STATED.items(), ids=[".".join(path) for path in STATED.values()])
def test_the_page_states_the_thresholds_of_the_rule_set(words: str, path: tuple[str, ...]) -> None:
    assert words.format(as_written(rule_set().at(*path))) in PAGE


def test_the_page_says_of_every_criterion_whether_it_is_decided() -> None:
    rules, not_decided = PAGE.split("## What is not decided")
    table = set(re.findall(r"\b[PB](?:VS|S|M|P|A)\d\b", rules[rules.index("## The rules") :]))
    assert table == set(DECIDED)
    of_people, _, rest = not_decided.partition(" need experiments")
    assert set(re.findall(r"\b[PB](?:S|M|P)\d\b", of_people)) == set(CODES) - set(DECIDED) - set(rule_set().off)
    assert "PP5 and BP6 are off" in rest


def test_genes_with_rules_of_their_own_are_named() -> None:
    named = PAGE.partition("are taken over for PVS1 of ")[2].partition(" only")[0]
    others = set(CODES) | set(rule_set().at("predictors"))
    assert set(re.findall(r"[A-Z0-9]{3,}", named)) - others == set(rule_set().at("genes"))


def test_another_rule_set_decides_otherwise_and_names_itself(tmp_path: Path) -> None:
    stricter = tmp_path / "rules.yaml"
    stricter.write_text(RULES.read_text().replace("known_truncations: 3", "known_truncations: 30"))
    stop = facts("stop_gained", protein="p.(Arg34Ter)", known=TRUNCATIONS)
    assert decide(stop) and not decide(stop, rule_set(stricter))


def test_a_rule_set_without_a_threshold_is_refused() -> None:
    with pytest.raises(ClassificationError, match=r"1 has no PVS1\.known_truncations"):
        decide(facts("stop_gained", known=TRUNCATIONS), RuleSet("1", {}, {"genes": {}}))
