"""What of a data file counts for the version of the code that reads it: what it says, comments left out.

>>> plain_sql("SELECT  1 -- one") == plain_sql("SELECT\\n1 /* two */")
True
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

_SQL = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\"|\$\$.*?\$\$)|--[^\n]*|/\*.*?\*/|\{#.*?#\}|\s+", re.DOTALL)


def digest(parts: Iterable[str]) -> str:
    """sha256 of some texts in their order, hex."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return whole.hexdigest()


def content_digest(path: Path) -> str:
    """sha256 of what a file says, hex; comments and line breaks in SQL say nothing, nor the order of keys in YAML."""
    if path.suffix == ".sql":
        return digest([plain_sql(path.read_text())])
    if path.suffix in (".yaml", ".yml"):
        import yaml

        return digest([json.dumps(yaml.safe_load(path.read_text()), sort_keys=True, default=str)])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plain_sql(text: str) -> str:
    """SQL without comments, each stretch of blanks one; as it is where a backslash makes quotes hard to tell."""
    if "\\" in text:
        return text
    return _SQL.sub(_counted, text).strip()


def _counted(part: re.Match[str]) -> str:
    """A quoted text as it is; of a comment nothing, unless a template in it may write SQL."""
    said = part.group()
    return said if part.group(1) or (not said.startswith("{#") and "{" in said) else " "
