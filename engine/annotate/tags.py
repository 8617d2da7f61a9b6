"""Names of INFO, FILTER and FORMAT that records use and their header does not declare.

VCF does not ask that they be declared, and tools that judge records do: they are declared for them, with what the
specification says of its reserved names, and as texts otherwise.

>>> used = Tags()
>>> used.add("1 5 . A C . q10;low DB;END=9;XX=a GT:DP 0/1:8".split())
>>> print("".join(used.declared(['##FILTER=<ID=q10,Description="">\\n'])), end="")
##FILTER=<ID=low,Description="not declared where it was used">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="not declared where it was used">
##FORMAT=<ID=GT,Number=1,Type=String,Description="not declared where it was used">
##INFO=<ID=DB,Number=0,Type=Flag,Description="not declared where it was used">
##INFO=<ID=END,Number=1,Type=Integer,Description="not declared where it was used">
##INFO=<ID=XX,Number=.,Type=String,Description="not declared where it was used">
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_DESCRIPTION = "not declared where it was used"
# VCF 4.4, tables 1 and 2: those that the engine and bcftools reckon with. PS is a number there and a text here, so that
# a phase set may have any name.
_RESERVED = {
    ("INFO", "END"): ("1", "Integer"),
    ("INFO", "SVLEN"): ("A", "Integer"),
    ("FORMAT", "GT"): ("1", "String"),
    ("FORMAT", "AD"): ("R", "Integer"),
    ("FORMAT", "DP"): ("1", "Integer"),
    ("FORMAT", "PS"): ("1", "String"),
}
_NO_FILTER = frozenset({".", "PASS"})


class Tags:
    """What the records use that were added."""

    def __init__(self) -> None:
        self._info: set[str] = set()
        self._valued: set[str] = set()
        self._filters: set[str] = set()
        self._formats: set[str] = set()

    def add(self, fields: Sequence[str]) -> None:
        """A record, by its columns."""
        self._filters.add(fields[6])
        self._formats.update(fields[8:9])
        for item in fields[7].split(";"):
            key, equals, _ = item.partition("=")
            (self._valued if equals else self._info).add(key)

    def declared(self, header: Iterable[str]) -> Iterator[str]:
        """Lines of a header that declare what ``header`` does not."""
        known = {line.partition(",")[0].rstrip(">\n") for line in header}
        used = {
            "FILTER": {name for names in self._filters for name in names.split(";")} - _NO_FILTER,
            "FORMAT": {name for names in self._formats for name in names.split(":")} - {"."},
            "INFO": (self._info | self._valued) - {".", ""},
        }
        for kind, names in used.items():
            for name in sorted(names):
                if f"##{kind}=<ID={name}" not in known:
                    yield f'##{kind}=<ID={name}{self._kind(kind, name)},Description="{_DESCRIPTION}">\n'

    def _kind(self, kind: str, name: str) -> str:
        if kind == "FILTER":
            return ""
        flag = kind == "INFO" and name not in self._valued
        number, type_ = ("0", "Flag") if flag else _RESERVED.get((kind, name), (".", "String"))
        return f",Number={number},Type={type_}"
