"""VCF and gVCF files as text, plain, gzip or BGZF, read through the one door for text (:mod:`engine.files.text`).

What a record says of its sample is the business of each reader; that it is a record at all is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from engine.errors import GenomicsError, VariantFileError
from engine.files.compressed import COPY_AGAIN, VerifiedFile
from engine.files.index_fit import require_index_fits
from engine.files.text import text_lines, text_pieces

_FIXED = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_BASES = "[ACGTURYKMSWBDHVNacgturykmswbdhvn]+"
_IS_REF = re.compile(_BASES).fullmatch
# VCF 4.3, section 1.6.1: bases, a missing or overlapping allele, a symbolic one, or a breakend.
_IS_ALT = re.compile(
    rf"(?:{_BASES}|[.*]|<[^<>\s,]+>|\.?{_BASES}?[\[\]][^\[\]\s,]+[\[\]]{_BASES}?\.?|\.{_BASES}|{_BASES}\.)"
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


def variant_records(path: Path, *, error: type[GenomicsError] = VariantFileError) -> Iterator[tuple[int, list[str]]]:
    """Line number, from 1, and columns of each record, its first eight columns judged against the specification.

    Args:
        path: VCF, plain, gzip or BGZF.
        error: the type of error to raise.

    Raises:
        GenomicsError: of the type given: the file is missing, damaged or has no VCF header, or a line is no record.
    """
    width = 0
    for number, line in enumerate(text_lines(path, error=error), start=1):
        if line.startswith("#"):
            if line.startswith("#CHROM"):
                width = _width(path, line, number, error)
            continue
        if not line.strip():
            continue
        if not width:
            raise error("the file has no VCF header", file=path, remedy="give a VCF file, whole from its first line")
        fields = line.rstrip("\n").split("\t")
        if problem := record_problem(fields, width):
            raise error(f"this is no VCF record: {problem}", file=path, place=f"line {number:,}", remedy=COPY_AGAIN)
        yield number, fields
    if not width:
        raise error("the file has no VCF header", file=path, remedy="give a VCF file, whole from its first line")


def require_variants(path: Path) -> None:
    """Read a VCF or BCF to its end before htslib is given it, which passes over a cut-off end and NUL bytes.

    Raises:
        VariantFileError: the file is missing, damaged or truncated, a line is no record, or the index beside it is of
            another file.
    """
    with VerifiedFile(path, error=VariantFileError) as file:
        pieces = file.pieces()
        if next(pieces, b"").startswith(b"BCF"):
            for _ in pieces:
                pass
        else:
            for _ in variant_records(path):
                pass
        if file.kind == "BGZF":
            require_index_fits(path, error=VariantFileError)


def _width(path: Path, line: str, number: int, error: type[GenomicsError]) -> int:
    columns = line.rstrip("\n").split("\t")
    if columns[:8] != _FIXED:
        raise error(
            f"the header's columns are not {' '.join(_FIXED)}, separated by tabs",
            file=path,
            place=f"line {number:,}",
            remedy=COPY_AGAIN,
        )
    return len(columns)


def record_problem(fields: list[str], width: int) -> str | None:
    """What is wrong with a record, absent where nothing is."""
    if len(fields) != width:
        return f"it has {len(fields)} columns, the header {width}, separated by tabs"
    contig, position, _, ref, alts, quality, *_ = fields
    if not contig or " " in contig:
        return f"CHROM {contig!r} is no name"
    if not (position.isascii() and position.isdigit()):
        return f"POS {position!r} is no number"
    if not _IS_REF(ref):
        return f"REF {ref[:20]!r} is not bases"
    for alt in alts.split(","):
        if not _IS_ALT.fullmatch(alt):
            return f"ALT {alt[:20]!r} is no allele"
    return None if quality == "." or _is_number(quality) else f"QUAL {quality!r} is no number"


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
