"""What a sensor remembers from one tick to the next: a text that Dagster keeps for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self


@dataclass
class Cursor:
    """Fields that stand as JSON in the text; a subclass gives each a default, which is what the first tick has."""

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """The fields that :meth:`text` wrote; where none can be read, the first tick's: that only costs time."""
        try:
            return cls(**json.loads(text)) if text else cls()
        except (ValueError, TypeError):
            return cls()

    def text(self) -> str:
        """The fields as JSON, equal for equal fields."""
        return json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"))
