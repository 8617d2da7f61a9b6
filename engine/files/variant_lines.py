"""VCF and gVCF files as text, plain, gzip or BGZF, read through the one door for text (:mod:`engine.files.text`).

What a record says of its sample is the business of each reader; that it is a record at all is judged here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from engine.errors import GenomicsError, KnowledgeError, VariantFileError
from engine.files.compressed import COPY_AGAIN, VerifiedFile, file_kind
from engine.files.index_fit import index_beside, require_index_fits
from engine.files.info import info_value, key_of_two_values
from engine.files.sample_values import Formats
from engine.files.text import text_lines, text_pieces

_FIXED = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_ID, _ALT = _FIXED.index("ID"), _FIXED.index("ALT")
HIGHEST = (1 << 31) - 1
"""The highest whole number of VCF (4.3, section 1.3), of a position as of a count."""
_DIGITS = len(str(HIGHEST))
PASSED = frozenset({"PASS", "."})
"""FILTER of a record that no filter marks."""


class _Alleles:
    """What REF and ALT may be, given the letters of bases (VCF 4.3, section 1.6.1)."""

    def __init__(self, letters: str) -> None:
        bases = f"[{letters}{letters.lower()}]+"
        place = r"(?:\[[^\[\]\s,]+:\d+\[|\][^\[\]\s,]+:\d+\])"
        breakend = rf"(?:{bases}|\.){place}|{place}(?:{bases}|\.)|\.{bases}|{bases}\."
        self.is_ref = re.compile(bases).fullmatch
        self.is_alt = re.compile(rf"{bases}|[.*]|<[^<>\s,]+>|{breakend}").fullmatch


_CALLED = _Alleles("ACGTN")
_KNOWN = _Alleles("ACGTURYKMSWBDHVN")
"""Releases of knowledge hold alleles that stand for several bases; no call equals one, and their readers count them."""
_IS_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_LARGEST_FLOAT = 3.4028235e38


def is_breakend(alt: str) -> bool:
    """Whether an allele that was found sound says that another place follows, or that nobody knows what does.

    >>> [is_breakend(alt) for alt in ("G[1:300[", "]1:300]G", "G.", ".G", "G", ".", "<DEL>")]
    [True, True, True, True, False, False, False]
    """
    return "[" in alt or "]" in alt or (len(alt) > 1 and "." in (alt[0], alt[-1]))


def is_unnamed(fields: Sequence[str], numbers: Iterable[int | None]) -> bool:
    """Whether one of the alleles that a sample carries is told without its bases: a symbol, or a breakend.

    Args:
        fields: of the record.
        numbers: of the alleles, 0 that of REF.
    """
    alternates = fields[4].split(",")
    return any(
        number and (alternates[number - 1][0] == "<" or is_breakend(alternates[number - 1])) for number in numbers
    )


def variant_lines(path: Path) -> Iterator[str]:
    """The lines of a VCF or gVCF, each with its line end.

    Raises:
        VariantFileError: the file is missing, damaged, truncated or no text.
    """
    return text_lines(path, error=VariantFileError)


def variant_pieces(path: Path, size: int) -> Iterator[bytes]:
    """The file's text in pieces of whole lines, of about ``size`` bytes.

    Raises:
        VariantFileError: the file is missing, damaged, truncated or no text.
    """
    return text_pieces(path, error=VariantFileError, size=size)


def variant_records(
    path: Path,
    *,
    error: type[GenomicsError] = VariantFileError,
    may_lack_ids: bool = False,
    may_change_nothing: bool = False,
    with_calls: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Line number, from 1, and columns of each record, its first eight columns judged against the specification.

    Args:
        path: VCF, plain, gzip or BGZF.
        error: the type of error to raise.
        may_lack_ids: whether ID may be empty, as some programs leave it, and is read as the full stop of VCF.
        may_change_nothing: as of :func:`record_problem`.
        with_calls: whether the samples' columns are judged as well (:mod:`engine.files.sample_values`).

    Raises:
        GenomicsError: of the type given: the file is missing, damaged or has no VCF header, or a line is no record.
    """
    require_whole_by_index(path, error=error)
    judged = RecordLines(
        path,
        error=error,
        may_lack_ids=may_lack_ids,
        may_change_nothing=may_change_nothing,
        with_calls=with_calls,
    )
    for number, line in enumerate(text_lines(path, error=error), start=1):
        fields = judged.fields(number, line)
        if fields is not None:
            yield number, fields
    judged.require_header()


class RecordLines:
    """The lines of a file that is given line by line, or but for records found sound elsewhere.

    Arguments are those of :func:`variant_records`.

    Attributes:
        width: columns of a record, 0 as long as there was no header.
    """

    def __init__(
        self,
        path: Path,
        *,
        error: type[GenomicsError] = VariantFileError,
        may_lack_ids: bool = False,
        may_change_nothing: bool = False,
        with_calls: bool = False,
    ) -> None:
        self.width = 0
        self._path, self._error, self._may_lack_ids, self._with_calls = path, error, may_lack_ids, with_calls
        self._of_knowledge, self._may_change_nothing = issubclass(error, KnowledgeError), may_change_nothing
        self._records = JudgedRecords(path)

    def fields(self, number: int, line: str) -> list[str] | None:
        """Columns of a record, absent for a line that is none; number from 1. Errors are :func:`variant_records`'."""
        if line.startswith("#"):
            self._records.declare(line)
            if line.startswith("#CHROM"):
                self.width = _width(self._path, line, number, self._error)
            return None
        if not line.strip():
            return None
        self.require_header()
        fields = line.rstrip("\n").split("\t")
        if self._may_lack_ids and len(fields) > _ID:
            fields[_ID] = fields[_ID] or "."
        if problem := record_problem(
            fields, self.width, of_knowledge=self._of_knowledge, may_change_nothing=self._may_change_nothing
        ):
            raise self._error(
                f"this is no VCF record: {problem}", file=self._path, place=f"line {number:,}", remedy=COPY_AGAIN
            )
        if self._with_calls:
            self._records.require_calls(fields)
        return fields

    def require_header(self) -> None:
        """Refuse a file without a header."""
        if not self.width:
            raise self._error(
                "the file has no VCF header", file=self._path, remedy="give a VCF file, whole from its first line"
            )


class JudgedRecords:
    """Records of a file that are read by its index, or one by one: judged by its header."""

    def __init__(self, path: Path) -> None:
        self._path, self._formats = path, Formats()
        self._samples: list[str] = []

    @classmethod
    def of(cls, path: Path) -> JudgedRecords:
        """Judge the records of a file by the header that it has."""
        judged = cls(path)
        for line in takewhile(lambda line: line.startswith("#"), variant_lines(path)):
            judged.declare(line)
        return judged

    def declare(self, line: str) -> None:
        """Take a line of the header into account."""
        if line.startswith("#CHROM"):
            self._samples = line.rstrip("\n").split("\t")[len(_FIXED) + 1 :]
        else:
            self._formats.declare(line)

    def require(self, fields: list[str]) -> None:
        """Raise VariantFileError, with its place, where this is no record, or one with a call that is none."""
        if problem := record_problem(fields, len(_FIXED) + (1 + len(self._samples) if self._samples else 0)):
            place = ":".join(fields[:2])
            raise VariantFileError(f"this is no VCF record: {problem}", file=self._path, place=place, remedy=COPY_AGAIN)
        self.require_calls(fields)

    def require_calls(self, fields: list[str]) -> None:
        """Raise VariantFileError, with sample and place, where a column of a record is no call of its alleles."""
        alternates = 0 if fields[_ALT] == "." else 1 + fields[_ALT].count(",")
        # Of thousands of samples most have the same call: each is judged once, 30 times as fast for 2,504 genotypes.
        calls = fields[len(_FIXED) + 1 :]
        for call in dict.fromkeys(calls):
            if problem := self._formats.problem(fields[len(_FIXED)], call, alternates):
                raise VariantFileError(
                    f"the call is not as VCF has it: {problem}",
                    sample=self._samples[calls.index(call)],
                    file=self._path,
                    place=f"{fields[0]}:{int(fields[1]):,}",
                    remedy="make the file again, or with another version of its caller",
                )


def require_variants(path: Path) -> None:
    """Read a VCF or BCF to its end before htslib is given it, which passes over a cut-off end and NUL bytes.

    Raises:
        VariantFileError: the file is missing, damaged or truncated, a line is no record, a call is none of its record,
            or the index beside it is of another file.
    """
    with VerifiedFile(path, error=VariantFileError) as file:
        pieces = file.pieces()
        is_binary = next(pieces, b"").startswith(b"BCF")
        if is_binary:
            for _ in pieces:
                pass
        if file.kind == "BGZF":
            require_index_fits(path, error=VariantFileError)
    for _ in _binary_records(path) if is_binary else variant_records(path, with_calls=True):
        pass


def require_whole_by_index(path: Path, *, error: type[GenomicsError] = VariantFileError) -> None:
    """Refuse a file that is read through and of which an index beside it knows more: blocks of it are lost."""
    if index_beside(path) is not None and file_kind(path, error=error) == "BGZF":
        require_index_fits(path, error=error, may_be_older=True)


def _binary_records(path: Path) -> Iterator[list[str]]:
    """Columns of a BCF's records, as a VCF would have them, judged as those of one are."""
    import pysam

    judged = JudgedRecords(path)
    verbosity = pysam.set_verbosity(0)  # what htslib has to say arrives in our own error
    try:
        with pysam.VariantFile(str(path)) as records:
            for line in str(records.header).splitlines():
                judged.declare(line)
            for record in records:
                fields = str(record).rstrip("\n").split("\t")
                judged.require(fields)
                yield fields
    except (OSError, ValueError) as error:
        raise VariantFileError(f"the file is no whole BCF: {error}", file=path, remedy=COPY_AGAIN) from error
    finally:
        pysam.set_verbosity(verbosity)


def _width(path: Path, line: str, number: int, error: type[GenomicsError]) -> int:
    columns = line.rstrip("\n").split("\t")
    if columns[:8] != _FIXED:
        raise error(
            f"the header's columns are not {' '.join(_FIXED)}, separated by tabs",
            file=path,
            place=f"line {number:,}",
            remedy=COPY_AGAIN,
        )
    samples = columns[len(_FIXED) + 1 :]
    if twice := next((name for name, times in Counter(samples).items() if times > 1), None):
        raise error(
            "the sample has two columns",
            sample=twice,
            file=path,
            place=f"line {number:,}",
            remedy="leave in the one that is meant (bcftools reheader, bcftools view -s)",
        )
    if any(not name.strip() for name in samples):
        raise error(
            "a sample's column has no name",
            file=path,
            place=f"line {number:,}",
            remedy="name the sample (bcftools reheader --samples)",
        )
    return len(columns)


def record_problem(
    fields: list[str], width: int, *, of_knowledge: bool = False, may_change_nothing: bool = False
) -> str | None:
    """What is wrong with a record, absent where nothing is.

    Args:
        fields: its columns.
        width: how many the header has.
        of_knowledge: whether alleles may hold IUPAC's codes of several bases, which no call has.
        may_change_nothing: whether the one alternate may be REF itself, for whoever only names it.
    """
    if len(fields) != width:
        return f"it has {len(fields)} columns, the header {width}, separated by tabs"
    if "" in fields[: len(_FIXED)]:
        return f"its column {fields.index('') + 1} is empty"
    contig, position, _, ref, alts, quality, _, info, *_ = fields
    if " " in contig:
        return f"CHROM {contig!r} is no name"
    if not (position.isascii() and position.isdigit()):
        return f"POS {position!r} is no number"
    if not _is_in_range(position):
        return f"POS {position[:20]} is beyond {HIGHEST:,}, the highest of VCF"
    return (
        _allele_problem(ref, alts.split(","), of_knowledge, may_change_nothing)
        or _quality_problem(quality)
        or _info_problem(info, int(position))
    )


def _allele_problem(ref: str, alts: list[str], of_knowledge: bool, may_change_nothing: bool) -> str | None:
    alleles = _KNOWN if of_knowledge else _CALLED
    for name, text, is_one in (("REF", ref, alleles.is_ref), *(("ALT", alt, alleles.is_alt) for alt in alts)):
        if not is_one(text):
            what = "bases" if name == "REF" else "allele"
            code = " (codes of several bases are not called)" if _KNOWN.is_alt(text) and text.isalpha() else ""
            return f"{name} {text[:20]!r} is no {what}{code}"
    if len(alts) > 1 and len({alt.upper() for alt in alts}) < len(alts):
        return f"ALT {','.join(alts)[:20]!r} holds an allele twice"
    is_refused = not of_knowledge and not (may_change_nothing and len(alts) == 1)
    if is_refused and ref.upper() in (alt.upper() for alt in alts):
        return f"ALT {','.join(alts)[:20]!r} holds REF itself"
    return None


def _quality_problem(quality: str) -> str | None:
    if quality == ".":
        return None
    if not _IS_NUMBER(quality) or not 0 <= float(quality) <= _LARGEST_FLOAT:
        return f"QUAL {quality[:20]!r} is no number from 0 on"
    return None


def _info_problem(info: str, position: int) -> str | None:
    """END is where a block or a symbolic allele ends; of a translocation it may lie on another contig."""
    if " " in info and any(" " in item.partition("=")[0] for item in info.split(";")):
        return f"INFO {info[:40]!r} has a name with a space"
    if (key := key_of_two_values(info)) is not None:
        return f"INFO has two values of {key[:40]}"
    end = info_value(info, "END=") if "END=" in info else ""
    if not end:
        return None
    if not (end.isascii() and end.isdigit() and _is_in_range(end)):
        return f"END {end[:20]!r} is no position"
    return f"END {end} lies before POS {position}" if int(end) < position and "CHR2=" not in info else None


def _is_in_range(digits: str) -> bool:
    significant = digits.lstrip("0")
    return len(significant) <= _DIGITS and int(significant or 0) <= HIGHEST
