"""``genomics segregation``: a family of the registry, called together; who is ill is stated by whoever asks."""

from __future__ import annotations

import json

import pytest

from console.cli import main
from engine.person import Sex
from engine.receipt import Recipe
from tests.builders.deployment import START
from tests.builders.sheets import entry
from tests.console.test_joint_call import PLACES, gvcf, with_genome

KIN = {"child": {"father_id": "father", "mother_id": "mother"}, "father": {"sex": Sex.MALE}, "mother": {}, "else": {}}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Mother and child carry three variants, the father and a person of no family none."""
    folder = tmp_path_factory.mktemp("family")
    deployment, platform, contig, bases = with_genome(folder)
    sexes = {"sex": Sex.FEMALE}
    entries = [entry(folder / "reads", name, **(sexes | facts)) for name, facts in KIN.items()]
    platform.registry.register(entries, sheet="run.csv", sheet_digest="0")
    for name in KIN:
        with platform.lake.work("gvcf", name) as work:
            varies = name in ("child", "mother")
            gvcf(work.folder / f"{name}.g.vcf.gz", name, contig.name, contig.length, bases, varies=varies)
            work.publish(records=1, recipe=Recipe(), measures={"uncovered_target_bases": 0})
    ref = bases[PLACES[0] - START - 1]
    allele = f"20-{PLACES[0]}-{ref}-{'A' if ref != 'A' else 'C'}"
    return dict(deployment.variables) | {"ALLELE": allele}


@pytest.fixture(autouse=True)
def _defined(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        if name.startswith(("GENOMICS_", "XDG_")):
            monkeypatch.setenv(name, value)


def test_the_family_is_the_registrys_and_the_ill_who_carry_it_are_counted(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segregation", "child", variables["ALLELE"], "--ill", "mother", "--well", "father", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    # The father was seen without it, so that it can only come from her: she tells nothing by carrying it.
    assert (told["counted"], told["chance"], told["criterion"]) == (["mother"], 1.0, None) and told["limits"]


def test_an_ill_relative_without_it_speaks_against_it(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segregation", "child", variables["ALLELE"], "--ill", "father"]) == 0
    told = capsys.readouterr().out
    assert "ill, does not carry it: father" in told and "PP1 is not met" in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--ill", "else"), "not of one family"),
        (("--ill", "mother", "--well", "mother"), "both ill and well"),
    ],
)
def test_what_cannot_be_is_refused(
    variables: dict[str, str], words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segregation", "child", variables["ALLELE"], *words]) == 1
    assert problem in capsys.readouterr().err
    assert main(["segregation", "child", f"20-{START + 50}-A-C"]) == 1
    assert "has no record" in capsys.readouterr().err
