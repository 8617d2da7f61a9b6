"""Reading a whole SAM, BAM or CRAM file to find out whether it is sound, record by record.

A file that passes can be read by every later step. What a caller asks beyond that (an index, one sample, this
reference) is asked when it opens the file (:mod:`engine.call.alignments`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.errors import AlignmentFileError
from engine.reads.file_end import require_end
from engine.reads.sam_format import FormatError, HeaderRules

if TYPE_CHECKING:
    import pysam

_AGAIN = "copy the file again from where it was made, or make it again"
_HIGHEST_QUALITY = 93


@dataclass(frozen=True)
class AlignmentContents:
    """What a sound file holds.

    Attributes:
        format: of the file.
        contigs: names and lengths in header order.
        read_groups: ids in header order.
        records: how many there are.
        mapped: of these, with an alignment.
        sorted: whether they are in coordinate order.
    """

    format: Literal["SAM", "BAM", "CRAM"]
    contigs: dict[str, int]
    read_groups: tuple[str, ...]
    records: int
    mapped: int
    sorted: bool


def check_alignment_file(path: Path, *, fasta: Path | None = None) -> AlignmentContents:
    """Read a file to its end.

    Args:
        path: SAM (plain or gzip), BAM or CRAM.
        fasta: the reference, without which most CRAM files cannot be read.

    Raises:
        AlignmentFileError: the file is missing, truncated, damaged, or breaks the specification; says where.
    """
    kind = _kind(path)
    if kind == "SAM":
        _check_text(path)
    else:
        require_end(path, kind)
    with _quiet_htslib(), _damage_named(path, kind):
        return _read(path, kind, fasta)


def _kind(path: Path) -> Literal["SAM", "BAM", "CRAM"]:
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
        if magic[:2] == b"\x1f\x8b":
            magic = _first_inflated(path)
    except OSError as error:
        raise AlignmentFileError(
            f"the file cannot be read ({error.strerror or error})", file=path, remedy="check its path and permissions"
        ) from error
    if not magic:
        raise AlignmentFileError("the file is empty", file=path, remedy=_AGAIN)
    return "CRAM" if magic == b"CRAM" else "BAM" if magic == b"BAM\1" else "SAM"


def _first_inflated(path: Path) -> bytes:
    from isal import igzip

    with _damage_named(path), igzip.open(path, "rb") as stream:  # type: ignore[no-untyped-call]
        return bytes(stream.read(4))


def _check_text(path: Path) -> None:
    """Every line of a SAM file against the format."""
    rules = HeaderRules()
    in_header = True
    for number, line in enumerate(_lines(path), start=1):
        try:
            if in_header and not line.startswith("@"):
                in_header = False
                rules.finish()
            if in_header:
                rules.add(line)
            else:
                rules.check_alignment(line)
        except FormatError as error:
            raise _against_format(path, error, number) from None
    if in_header:
        try:
            rules.finish()
        except FormatError as error:
            raise _against_format(path, error, None) from None


def _against_format(path: Path, error: FormatError, line: int | None) -> AlignmentFileError:
    return AlignmentFileError(
        f"{error}",
        file=path,
        place=None if line is None else f"line {line:,}",
        remedy="make the file again with a program that keeps to the SAM specification",
    )


def _lines(path: Path) -> Iterator[str]:
    from isal import igzip

    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    with _damage_named(path):
        stream = igzip.open(path, "rb") if compressed else path.open("rb")  # type: ignore[no-untyped-call]
        with stream:
            for line in stream:
                yield line.decode("utf-8", errors="surrogateescape").rstrip("\n").removesuffix("\r")


@contextmanager
def _quiet_htslib() -> Iterator[None]:
    """What htslib has to say arrives in our own error."""
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(verbosity)


@contextmanager
def _damage_named(path: Path, kind: str = "") -> Iterator[None]:
    from isal.igzip_lib import IsalError

    try:
        yield
    except (OSError, EOFError, ValueError, IsalError) as error:  # type: ignore[misc]
        problem, remedy = f"the file is damaged or truncated ({error})", _AGAIN
        if kind == "CRAM":
            problem = f"the file cannot be decoded ({error})"
            remedy = "give the reference that it was made with; if you did, copy the file again"
        raise AlignmentFileError(problem, file=path, remedy=remedy) from error


def _read(path: Path, kind: Literal["SAM", "BAM", "CRAM"], fasta: Path | None) -> AlignmentContents:
    import pysam

    with pysam.AlignmentFile(
        str(path), check_sq=False, reference_filename=None if fasta is None else str(fasta)
    ) as file:
        header = file.header.to_dict()
        contigs = {line["SN"]: int(line["LN"]) for line in header.get("SQ", ())}
        if len(contigs) < len(header.get("SQ", ())) or len(contigs) != file.nreferences:
            raise AlignmentFileError("the header names a contig twice", file=path, remedy=_AGAIN)
        records, mapped, in_order, last = 0, 0, True, (0, -1)
        for read in file.fetch(until_eof=True):
            problem = _problem(read, file.nreferences)
            if problem:
                place = f"record {records + 1:,} ({read.query_name})"
                raise AlignmentFileError(problem, file=path, place=place, remedy=_AGAIN)
            place_of = (read.reference_id if read.reference_id >= 0 else file.nreferences, read.reference_start)
            in_order, last = in_order and place_of >= last, place_of
            records += 1
            mapped += not read.is_unmapped
        if header.get("HD", {}).get("SO") == "coordinate" and not in_order:
            raise AlignmentFileError(
                "the header says sorted by coordinate, but the records are not",
                file=path,
                remedy="sort the file (samtools sort)",
            )
    groups = tuple(group["ID"] for group in header.get("RG", ()))
    return AlignmentContents(kind, contigs, groups, records, mapped, in_order)


def _problem(read: pysam.AlignedSegment, contigs: int) -> str | None:
    """What is wrong with one record, beyond what htslib finds itself."""
    if not (-1 <= read.reference_id < contigs and -1 <= read.next_reference_id < contigs):
        return "a contig that the header does not have"
    taken = read.infer_query_length() if read.cigartuples else None
    if taken is not None and read.query_length and taken != read.query_length:
        return f"CIGAR takes {taken} bases and the read has {read.query_length}"
    qualities = read.query_qualities
    if qualities is not None and len(qualities) and max(qualities) > _HIGHEST_QUALITY:
        return f"a base quality of {max(qualities)} is outside 0 to {_HIGHEST_QUALITY}"
    return None
