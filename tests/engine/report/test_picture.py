"""The picture of the reads at a finding's place."""

from __future__ import annotations

import re

import pytest

from engine.report.picture import draw
from engine.report.pileup import Pileup

WIDTH_OF_A_LETTER = 5
"""Of monospace at size 8, rounded up."""


def pileup(start: int) -> Pileup:
    return Pileup(
        finding="f1",
        contig="chr20",
        start=start,
        reference="A" * 61,
        allele=(30, 31),
        depth=(3,) * 61,
        total=3,
        alternate=1,
        reads=(),
    )


@pytest.mark.parametrize("start", range(3_910_739, 3_910_759))
def test_no_number_lies_over_the_contig_s_name_or_outside_the_picture(start: int) -> None:
    picture = draw(pileup(start), "A", "G")
    width = int(re.findall(r'viewBox="0 0 (\d+)', picture)[0])
    end_of_name = int(re.findall(r'x="(\d+)" y="\d+" text-anchor="end" fill="#222222">chr20<', picture)[0])
    numbers = re.findall(r'<text x="(\d+)" y="10" text-anchor="(\w+)" fill="#222222">([\d,]+)<', picture)
    assert numbers
    for place, anchor, text in numbers:
        length = len(text) * WIDTH_OF_A_LETTER
        left = int(place) - {"start": 0, "middle": length // 2, "end": length}[anchor]
        assert end_of_name < left and left + length <= width, (place, anchor, text)
