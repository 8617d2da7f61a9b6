"""``genomics-engine contamination``."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine import cli
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.panels import made_panel, mixed_bases, person, write_panel


def test_a_pileup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel = made_panel()
    write_panel(panel, tmp_path / "p")
    bases = mixed_bases(person(panel, (0.01, 0.02), 1), person(panel, (-0.03, 0.01), 2), 0.05)
    with (tmp_path / "x.pileup").open("w") as file:
        for site in range(len(panel)):
            rows = np.flatnonzero(bases.site == site)
            other = next(base for base in "ACGT" if base not in (panel.ref[site], panel.alt[site]))
            letters = "".join((".", panel.alt[site], other)[bases.kind[row]] * int(bases.count[row]) for row in rows)
            quality = "".join(chr(33 + int(bases.quality[row])) * int(bases.count[row]) for row in rows)
            place = f"{panel.contigs[site]}\t{panel.positions[site] + 1}\t{panel.ref[site]}"
            file.write(f"{place}\t{len(quality)}\t{letters}\t{quality}\n")
    options = ["--pileup", str(tmp_path / "x.pileup"), "--panel", str(tmp_path / "p"), "--quiet"]
    assert cli.main(["contamination", *options, "--sample", "S1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["freemix"] == pytest.approx(0.05, abs=0.005)
    assert told["free_lk1"] > told["free_lk0"]
    assert (told["sample"], told["panel"], told["sites"], told["bases"]) == ("S1", "p", 4_000, 120_000)
    assert len(told["contaminating_components"]) == len(told["intended_components"]) == 2


def test_reads_of_one_person_and_few_sites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequence = random_sequence(40_000)
    reference = write_reference(tmp_path, {"chr1": sequence})
    panel = made_panel(38)
    fitting = type(panel)(
        panel.prefix,
        panel.contigs,
        panel.positions,
        tuple(sequence[position] for position in panel.positions),
        tuple("CGTA"["ACGT".index(sequence[position])] for position in panel.positions),
        panel.loadings,
        panel.mean_dosage,
    )
    write_panel(fitting, tmp_path / "p")
    write_bam(tmp_path / "r.bam", reference, [Haplotype("chr1", sequence)] * 2)
    output = tmp_path / "x.json"
    options = ["--reads", tmp_path / "r.bam", "--reference", reference.fasta, "--panel", tmp_path / "p"]
    assert cli.main(["contamination", *map(str, options), "--output", str(output)]) == 0
    assert "38 sites have bases: with fewer than 500" in capsys.readouterr().err
    told = json.loads(output.read_text())
    assert told["sample"] == "S1"
    assert told["freemix"] < 0.001


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "give either --reads or --pileup"),
        (["--reads", "a", "--pileup", "b"], "give either --reads or --pileup"),
        (["--reads", "a"], "--reads needs --reference"),
    ],
)
def test_wrong_usage(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["contamination", "--panel", "p", *options]) == 2
    assert told in capsys.readouterr().err
