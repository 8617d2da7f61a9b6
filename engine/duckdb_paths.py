"""Paths as DuckDB takes them: it reads any path as a pattern, so that a folder named ``lab [1]`` is not found.

>>> as_pattern(Path("/data/lab [1]/S1.parquet"))
'/data/lab [[]1]/S1.parquet'
>>> as_literal(Path("/data/o'brien/out.parquet"))
"'/data/o''brien/out.parquet'"
"""

from __future__ import annotations

import re
from pathlib import Path


def as_pattern(path: Path) -> str:
    """The pattern that this path alone matches, for what DuckDB reads."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def as_literal(path: Path) -> str:
    """The path as a literal of SQL, for what DuckDB writes, where a path is no pattern."""
    return "'" + str(path).replace("'", "''") + "'"
