"""The types of the registry's columns: how a value lies in SQLite and in PostgreSQL, and how it comes back.

Text sorts by its bytes everywhere, so that lists have one order on both. SQLite's tables are strict and know few types,
so each type has a name there that a strict table accepts.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import REAL, BigInteger, Double, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Whole numbers of up to 63 bits: sizes in bytes, nanoseconds since 1970, numbers of rows."""
SECONDS: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
"""Seconds since 1970, with fractions."""

Word = TypeVar("Word", bound=StrEnum)


class Choice(TypeDecorator[Word], Generic[Word]):
    """One word of a few."""

    impl = TEXT
    cache_ok = True

    def __init__(self, words: type[Word]) -> None:
        super().__init__()
        self.words = words

    @property
    def texts(self) -> tuple[str, ...]:
        """The words as text."""
        return tuple(str(word) for word in self.words)

    def process_bind_param(self, value: Word | None, dialect: Dialect) -> str | None:
        """As text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Word | None:
        """As a word; ValueError where a newer platform wrote one that is not known here."""
        return None if value is None else self.words(value)


class Terms(TypeDecorator[tuple[str, ...]]):
    """Several identifiers in order, separated by semicolons, which no identifier contains."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """As text."""
        return None if value is None else ";".join(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        """As they were, in order."""
        return None if value is None else tuple(filter(None, value.split(";")))


class Json(TypeDecorator[Any]):
    """Any value that JSON has; arrays come back as tuples."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """As JSON text with sorted keys."""
        return json.dumps(value, sort_keys=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value."""
        found = json.loads(value)
        return tuple(found) if isinstance(found, list) else found


class Flag(TypeDecorator[bool]):
    """Yes or no as 1 or 0: strict tables of SQLite know no truth values."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        """As a number."""
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        """As a truth value."""
        return None if value is None else bool(value)
