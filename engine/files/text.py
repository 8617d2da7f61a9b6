"""Lines of text files, plain, gzip or BGZF: read through one door that refuses what is damaged and says where.

A text is UTF-8 without NUL bytes, and its last line has a line end: one without may have been cut in the middle. What
the lines say is the business of each format's reader.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from engine.errors import GenomicsError, KnowledgeError
from engine.files.compressed import COPY_AGAIN, VerifiedFile

_PIECE = 1 << 20
_AS_UTF_8 = "save it as UTF-8 without a byte order mark (in Notepad: Save as, encoding UTF-8)"
_MARK = b"\xef\xbb\xbf"
_NO_TEXTS = {
    b"BCF": ("this is a BCF file", "give it as VCF (bcftools view -O z -o CALLS.vcf.gz)"),
    b"\x1f\x8b": ("the file is compressed twice", "decompress it once (gzip -d)"),
    _MARK: ("the file begins with a byte order mark, which an editor of Windows writes", _AS_UTF_8),
    b"\xff\xfe": ("the file is text in UTF-16, as Windows calls Unicode", _AS_UTF_8),
    b"\xfe\xff": ("the file is text in UTF-16, as Windows calls Unicode", _AS_UTF_8),
}
"""By its first bytes what a file is that is no text, and what is to be done."""


def text_lines(
    path: Path,
    *,
    error: type[GenomicsError] = KnowledgeError,
    needs_line_end: bool = True,
    may_have_mark: bool = False,
) -> Iterator[str]:
    """The lines of a file, each with its line end as ``\\n``.

    Args:
        path: plain, gzip or BGZF, whatever its name.
        error: the type of error to raise.
        needs_line_end: false where the format writes none behind its last line: then its reader must know otherwise
            that the file is whole.
        may_have_mark: whether a byte order mark before the text is passed over, for what people make in spreadsheets
            and nobody but us reads.

    Raises:
        GenomicsError: of the type given: the file is missing, damaged, truncated, cut within its last line, or not
            text.
    """
    with (
        _Text(path, error, needs_line_end, may_have_mark) as raw,
        io.TextIOWrapper(io.BufferedReader(raw, 1 << 16), encoding="utf-8") as lines,
    ):
        yield from lines


def text_pieces(
    path: Path, *, error: type[GenomicsError] = KnowledgeError, size: int = _PIECE, needs_line_end: bool = True
) -> Iterator[bytes]:
    """The text in pieces of whole lines, of about ``size`` bytes; arguments and errors as of :func:`text_lines`."""
    rest = b""
    with _Text(path, error, needs_line_end) as raw, io.BufferedReader(raw, size) as stream:
        while piece := stream.read(size):
            head, end, tail = piece.rpartition(b"\n")
            if end:
                yield rest + head + end
                rest = tail
            else:
                rest += tail
    if rest:
        yield rest


def read_text(path: Path, *, error: type[GenomicsError] = KnowledgeError) -> str:
    """The whole text; arguments and errors as of :func:`text_lines`."""
    return "".join(text_lines(path, error=error))


class _Text(VerifiedFile):
    """A file whose bytes are text."""

    def __init__(
        self, path: Path, error: type[GenomicsError], needs_line_end: bool = True, may_have_mark: bool = False
    ) -> None:
        super().__init__(path, error=error)
        self._may_have_mark = may_have_mark
        self._needs_line_end = needs_line_end
        self._pieces = self._judged(self._pieces)

    def _judged(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        at, piece, unfinished = 0, b"", b""
        for piece in pieces:
            if at == 0 and self._may_have_mark:
                piece = piece.removeprefix(_MARK)
            if at == 0 and (known := next(filter(piece.startswith, _NO_TEXTS), None)):
                problem, remedy = _NO_TEXTS[known]
                raise self._error(problem, file=self.path, remedy=remedy)
            if b"\0" in piece:
                raise self._no_text("a NUL byte", at + piece.index(b"\0"))
            if unfinished or not piece.isascii():
                unfinished = self._undecoded(unfinished + piece, at - len(unfinished))
            at += len(piece)
            yield piece
        if unfinished:
            raise self._no_text("an unfinished letter", at - len(unfinished))
        if self._needs_line_end and piece and not piece.endswith(b"\n"):
            raise self._error(
                "the last line has no line end: the file may have been cut",
                file=self.path,
                place=f"line {self._line(at):,}",
                remedy=f"{COPY_AGAIN}; if it is whole, end its last line",
            )

    def _undecoded(self, piece: bytes, at: int) -> bytes:
        """What of a piece is the beginning of a letter that the next piece ends."""
        try:
            piece.decode()
        except UnicodeDecodeError as trouble:
            if trouble.reason == "unexpected end of data":
                return piece[trouble.start :]
            raise self._no_text(f"byte 0x{piece[trouble.start]:02X}, which is not UTF-8", at + trouble.start) from None
        return b""

    def _no_text(self, what: str, at: int) -> GenomicsError:
        return self._error(
            f"the file is not text: it holds {what}",
            file=self.path,
            place=f"line {self._line(at):,}",
            remedy=COPY_AGAIN,
        )

    def _line(self, at: int) -> int:
        """The line, from 1, that a byte of the text is in."""
        line = 1
        with VerifiedFile(self.path, error=self._error, needs_end=False) as again:
            for piece in again.pieces():
                line += piece[: max(at, 0)].count(b"\n")
                at -= len(piece)
                if at <= 0:
                    break
        return line
