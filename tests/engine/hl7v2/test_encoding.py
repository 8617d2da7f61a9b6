"""Text in HL7 v2: whatever it holds, it comes out as it went in, and is no structure on its way."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.hl7v2.encoding import components, escape, moment, repeated, segment, subcomponents, unescape

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NASTY = st.text(st.sampled_from('|^~\\&"\r\n\x0b\x1cXFE.br 09A'), max_size=30)


@given(TEXT | NASTY)
@example('""')
@example("\\X0D\\")
@example("\\.br\\ \r\n|^&~\\")
@example("\x0b\x1c\r\x85\u2028")
def test_what_is_escaped_comes_out_as_it_went_in(text: str) -> None:
    written = escape(text)
    assert unescape(written) == text
    assert not set("|^~&\r\n\x0b\x1c\x85") & set(written) and written != '""'


@pytest.mark.parametrize(("delimiter", "join"), [("^", components), ("&", subcomponents), ("~", repeated)])
@given(parts=st.lists(TEXT | NASTY, min_size=1, max_size=4))
def test_parts_come_out_as_they_went_in(delimiter: str, join: Callable[..., str], parts: list[str]) -> None:
    written = segment("OBX", {5: join(*parts, "end")})
    assert written.split("|")[:5] == ["OBX", "", "", "", ""]
    assert [unescape(part) for part in written.split("|")[5].split(delimiter)] == [*parts, "end"]


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("2026-11-23T09:30:00.000001+05:30", "20261123093000+0530"),
        ("2026-11-22T10:00:00Z", "20261122100000+0000"),
        ("2026-11-22", "20261122"),
    ],
)
def test_a_time_is_written_with_its_zone(told: str, written: str) -> None:
    assert moment(told) == written
