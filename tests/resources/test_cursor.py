"""What a sensor remembers between two ticks."""

from dataclasses import dataclass

import pytest

from resources.cursor import Cursor


@dataclass
class Remembered(Cursor):
    seen: str = ""
    count: int = 0


def test_what_was_written_is_read() -> None:
    assert Remembered.parse(Remembered("2026-01-01", 3).text()) == Remembered("2026-01-01", 3)


@pytest.mark.parametrize("text", [None, "", "{", "7", "[]", '{"another": 1}', "\x00"])
def test_a_text_that_is_none_of_ours_begins_anew(text: str | None) -> None:
    assert Remembered.parse(text) == Remembered()
