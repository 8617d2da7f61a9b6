"""The SAM text format, held to its specification: header lines (section 1.3) and alignment lines (1.4, 1.5).

Here belongs what one line, or the header as a whole, must look like. Whether the records make sense for an analysis
(sorted, of this reference) is asked elsewhere.

>>> header = HeaderRules()
>>> header.add("@SQ\\tSN:chr1\\tLN:1000")
>>> header.problem_of_alignment("r1\\t0\\tchr1\\t5\\t60\\t4M\\t*\\t0\\t0\\tACGT\\tIII")
'SEQ has 4 letters and QUAL 3'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

LARGEST_POSITION = 2**31 - 1

_NAME = r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*"
_CONTIG = re.compile(_NAME)
_ALTERNATIVES = re.compile(rf"{_NAME}(,{_NAME})*")
_HEADER_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9]):([^\t]*)")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")
_CIGAR = re.compile(r"([0-9]+[MIDNSHPX=])+")
_CIGAR_PART = re.compile(r"([0-9]+)([MIDNSHPX=])")
_TAG = re.compile(r"([A-Za-z][A-Za-z0-9]):([AifZHB]):(.*)")
_LARGEST_FLOAT, _SMALLEST_FLOAT = 3.402823466385289e38, 1.401298464324817e-45

_PLATFORM = re.compile("CAPILLARY|DNBSEQ|ELEMENT|HELICOS|ILLUMINA|IONTORRENT|LS454|ONT|PACBIO|SINGULAR|SOLID|ULTIMA")
_FIELD_RULES: dict[tuple[str, str], Callable[[str], object]] = {
    ("HD", "VN"): re.compile(r"[0-9]+\.[0-9]+").fullmatch,
    ("HD", "SO"): re.compile(r"unknown|unsorted|queryname|coordinate").fullmatch,
    ("HD", "GO"): re.compile(r"none|query|reference").fullmatch,
    ("HD", "SS"): re.compile(r"(coordinate|queryname|unsorted)(:[A-Za-z0-9_-]+)+").fullmatch,
    ("SQ", "SN"): _CONTIG.fullmatch,
    ("SQ", "LN"): lambda value: value.isdecimal() and 1 <= int(value) <= LARGEST_POSITION,
    ("SQ", "AH"): re.compile(rf"\*|{_NAME}(:[0-9]+-[0-9]+)?").fullmatch,
    ("SQ", "AN"): _ALTERNATIVES.fullmatch,
    ("SQ", "M5"): re.compile(r"[0-9a-f]{32}").fullmatch,
    ("SQ", "TP"): re.compile(r"linear|circular").fullmatch,
    ("RG", "DT"): lambda value: _is_date(value.strip()),
    ("RG", "FO"): re.compile(r"\*|[ACMGRSVTWYHKDBN]+").fullmatch,
    ("RG", "PI"): _INTEGER.fullmatch,
    ("RG", "PL"): _PLATFORM.fullmatch,
}
_REQUIRED = {"HD": ("VN",), "SQ": ("SN", "LN"), "RG": ("ID",), "PG": ("ID",)}
_ARRAY_RANGES = {
    "c": (-(2**7), 2**7 - 1),
    "C": (0, 2**8 - 1),
    "s": (-(2**15), 2**15 - 1),
    "S": (0, 2**16 - 1),
    "i": (-(2**31), 2**31 - 1),
    "I": (0, 2**32 - 1),
}


class FormatError(ValueError):
    """What is wrong with a line."""


def _require(kept: object, problem: str) -> None:
    if not kept:
        raise FormatError(problem)


class HeaderRules:
    """The header as far as it has been read, and what alignment lines may refer to."""

    def __init__(self) -> None:
        self.contigs: dict[str, int] = {}
        self._names: set[str] = set()
        self._ids: set[tuple[str, str]] = set()
        self._previous_programs: list[str] = []
        self._lines = 0

    def add(self, line: str) -> None:
        """Take a header line.

        Raises:
            FormatError: the line breaks a rule.
        """
        kind = line[1:3]
        self._lines += 1
        if kind == "CO":
            return
        _require(kind in _REQUIRED or re.fullmatch(r"@[A-Za-z]{2}", line[:3]), f"unknown header line {line[:3]!r}")
        fields = _header_fields(line)
        for name in _REQUIRED.get(kind, ()):
            _require(name in fields, f"@{kind} has no {name}")
        for name, value in fields.items():
            rule = _FIELD_RULES.get((kind, name))
            _require(rule is None or rule(value), f"@{kind} has an illegal {name}: {value!r}")
        if kind == "HD":
            _require(self._lines == 1, "@HD is not the first line")
        elif kind == "SQ":
            self._add_contig(fields)
        elif kind in ("RG", "PG"):
            _require((kind, fields["ID"]) not in self._ids, f"two @{kind} lines have the ID {fields['ID']!r}")
            self._ids.add((kind, fields["ID"]))
            self._previous_programs += [fields["PP"]] if kind == "PG" and "PP" in fields else []

    def _add_contig(self, fields: dict[str, str]) -> None:
        others = fields["AN"].split(",") if "AN" in fields else []
        for name in (fields["SN"], *others):
            _require(name not in self._names, f"two @SQ lines have the name {name!r}")
            self._names.add(name)
        self.contigs[fields["SN"]] = int(fields["LN"])

    def finish(self) -> None:
        """What can only be asked of the whole header.

        Raises:
            FormatError: a program follows one that is not there.
        """
        for previous in self._previous_programs:
            _require(("PG", previous) in self._ids, f"@PG refers to a program that is not there: {previous!r}")

    def check_alignment(self, line: str) -> None:
        """Hold an alignment line to the format.

        Raises:
            FormatError: the line breaks a rule.
        """
        fields = line.split("\t")
        _require(len(fields) >= 11, "an alignment line has fewer than 11 fields")
        name, flag, contig, position, mapq, cigar, mate, mate_position, length, sequence, quality = fields[:11]
        _require(re.fullmatch(r"[!-?A-~]{1,254}", name), f"illegal QNAME {name[:40]!r}")
        _check_integer("FLAG", flag, 0, 2**12 - 1)
        _require(contig == "*" or contig in self.contigs, f"RNAME is not in the header: {contig!r}")
        _check_integer("POS", position, 0, LARGEST_POSITION)
        _check_integer("MAPQ", mapq, 0, 255)
        _require(mate in ("*", "=") or mate in self.contigs, f"RNEXT is not in the header: {mate!r}")
        _check_integer("PNEXT", mate_position, 0, LARGEST_POSITION)
        _check_integer("TLEN", length, -LARGEST_POSITION, LARGEST_POSITION)
        _require(re.fullmatch(r"\*|[A-Za-z=.]+", sequence), "SEQ has illegal letters or is empty")
        _require(re.fullmatch(r"[!-~]+", quality), "QUAL has illegal letters or is empty")
        if quality != "*" or len(sequence) == 1:
            expected = 0 if sequence == "*" else len(sequence)
            found = 0 if quality == "*" and sequence == "*" else len(quality)
            _require(found == expected, f"SEQ has {expected} letters and QUAL {found}")
        _check_cigar(cigar, sequence)
        _check_tags(fields[11:])

    def problem_of_alignment(self, line: str) -> str | None:
        """What is wrong with an alignment line, ``None`` where it keeps to the format."""
        try:
            self.check_alignment(line)
        except FormatError as error:
            return str(error)
        return None


def _header_fields(line: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in line.split("\t")[1:]:
        field = _HEADER_FIELD.fullmatch(part)
        _require(field, f"{line[:3]} has a field that is not TAG:VALUE: {part!r}")
        assert field is not None
        _require(field[1] not in fields, f"{line[:3]} has {field[1]} twice")
        fields[field[1]] = field[2]
    return fields


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _check_integer(name: str, value: str, lowest: int, highest: int) -> None:
    _require(_INTEGER.fullmatch(value), f"{name} is not an integer: {value!r}")
    _require(lowest <= int(value) <= highest, f"{name} is not between {lowest} and {highest}: {value}")


def _check_cigar(cigar: str, sequence: str) -> None:
    if cigar == "*":
        return
    _require(_CIGAR.fullmatch(cigar), f"illegal CIGAR {cigar!r}")
    parts = [(int(length), operator) for length, operator in _CIGAR_PART.findall(cigar)]
    inner = "".join(operator for _, operator in parts)
    _require(re.fullmatch(r"H?S?[^HS]*S?H?", inner), f"CIGAR clips in the middle: {cigar}")
    if sequence != "*":
        consumed = sum(length for length, operator in parts if operator in "MIS=X")
        _require(consumed == len(sequence), f"CIGAR takes {consumed} bases and SEQ has {len(sequence)}")


def _check_tags(tags: list[str]) -> None:
    seen: set[str] = set()
    for text in tags:
        tag = _TAG.fullmatch(text)
        _require(tag, f"an optional field is not TAG:TYPE:VALUE: {text[:40]!r}")
        assert tag is not None
        name, kind, value = tag.groups()
        _require(name not in seen, f"the optional field {name} is there twice")
        seen.add(name)
        _require(_VALUE_RULES[kind](value), f"illegal value of the optional field {name}: {value[:40]!r}")


def _is_integer(value: str) -> bool:
    return bool(_INTEGER.fullmatch(value)) and -(2**31) <= int(value) < 2**32


def _is_float(value: str) -> bool:
    if not _FLOAT.fullmatch(value):
        return False
    size = abs(float(value))
    return size <= _LARGEST_FLOAT and (size >= _SMALLEST_FLOAT or not re.search("[1-9]", value.lower().split("e")[0]))


def _is_array(value: str) -> bool:
    kind, *values = value.split(",")
    if kind == "f":
        return all(map(_is_float, values))
    if kind not in _ARRAY_RANGES:
        return False
    lowest, highest = _ARRAY_RANGES[kind]
    return all(_INTEGER.fullmatch(each) and lowest <= int(each) <= highest for each in values)


_VALUE_RULES: dict[str, Callable[[str], object]] = {
    "A": re.compile(r"[!-~]").fullmatch,
    "i": _is_integer,
    "f": _is_float,
    "Z": re.compile(r"[ !-~]*").fullmatch,
    "H": re.compile(r"([0-9A-F][0-9A-F])*").fullmatch,
    "B": _is_array,
}
