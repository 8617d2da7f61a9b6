"""Plain, gzip and BGZF files read as the bytes they hold, told apart by content and verified on the way.

Every checksum and length is compared, every block of BGZF must follow the one before it, and a BGZF file must end with
its end-of-file block (SAM specification 4.1.2). Bytes behind the end of the compressed data are refused: they are what
a copy leaves that was cut off or filled up. What the bytes say is not known here; for lines of text see
:mod:`engine.files.text`.

>>> import gzip, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder, "named.txt")
...     _ = file.write_bytes(gzip.compress(b"whatever its name"))
...     with VerifiedFile(file) as opened:
...         opened.kind, opened.read(), opened.proves_its_end
('gzip', b'whatever its name', True)
"""

from __future__ import annotations

import io
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from isal import igzip_lib, isal_zlib

from engine.errors import GenomicsError, KnowledgeError
from engine.files.bgzf import END_OF_FILE, block_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Kind = Literal["plain", "gzip", "BGZF"]

COPY_AGAIN = "copy the file again and compare its md5, or make it again"
_OTHER_FORMATS = {
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"PK\x03\x04": "zip",
    b"CRAM": "CRAM",
    b"\xfd7zXZ": "xz",
}
_PACKED = 1 << 17
_INFLATED = 1 << 18
_LARGEST_BLOCK = 1 << 16


def file_kind(path: Path, *, error: type[GenomicsError] = KnowledgeError) -> Kind:
    """How a file is packed, by its first bytes.

    Raises:
        GenomicsError: of the type given: it is missing, cannot be read, is empty, or packed in another way.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise error(
                "this is a pipe or a device, and it is read more than once",
                file=path,
                remedy="write it into a file, and give that",
            )
        with path.open("rb") as file:
            magic = file.read(18)
    except FileNotFoundError:
        raise error("the file cannot be read: it does not exist", file=path, remedy="check its path") from None
    except OSError as trouble:
        reason = trouble.strerror or str(trouble)
        remedy = "check the path and who may read it"
        raise error(f"the file cannot be opened ({reason})", file=path, remedy=remedy) from trouble
    for start, kind in _OTHER_FORMATS.items():
        if magic.startswith(start):
            raise error(f"this is a {kind} file", file=path, remedy="give it plain, or compressed with gzip or bgzip")
    if not magic.startswith(b"\x1f\x8b"):
        return "plain"
    return "gzip" if block_size(magic, 0) is None else "BGZF"


class VerifiedFile(io.RawIOBase):
    """A file's bytes, unpacked and verified while they are read; wrap it in a buffer to read them in small pieces.

    Args:
        path: plain, gzip or BGZF.
        error: the type of error that is raised for it.
        needs_end: whether a BGZF file without its end-of-file block is refused. FASTQ files come without.
        may_repeat: whether two blocks that follow each other may be equal, as they are where a sequence is all N.

    Attributes:
        kind: how the file is packed.
        proves_its_end: known once all is read: the file shows that nothing is missing at its end. It does where it is
            one gzip member or BGZF with its end-of-file block; plain text and several gzip members may have been cut
            between two of their parts.

    Raises:
        GenomicsError: of the type given: missing, or in no format read here; while reading: damaged or truncated.
    """

    def __init__(
        self,
        path: Path,
        *,
        error: type[GenomicsError] = KnowledgeError,
        needs_end: bool = True,
        may_repeat: bool = False,
    ) -> None:
        self.path, self._error, self._needs_end, self._may_repeat = path, error, needs_end, may_repeat
        self.kind: Kind = file_kind(path, error=error)
        self.proves_its_end = False
        self._raw = path.open("rb", buffering=0)
        readers = {"plain": self._plain, "gzip": self._members, "BGZF": self._blocks}
        self._pieces = readers[self.kind]()
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Some of the bytes, at least one until the file ends."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they are unpacked, in pieces of up to some hundred thousand; not to be mixed with reading."""
        return self._pieces

    def _plain(self) -> Iterator[bytes]:
        while piece := self._read(_INFLATED):
            yield piece

    def _members(self) -> Iterator[bytes]:
        """Members of a gzip file (RFC 1952), the last of which must be complete."""
        members, at = 0, 0
        packed = self._read(_PACKED)
        while packed:
            if not packed.startswith(b"\x1f\x8b"[: len(packed)]):
                raise self._trailing(at)
            members += 1
            member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            while not member.eof:
                if member.needs_input and not packed and not (packed := self._read(_PACKED)):
                    raise self._damaged("it is truncated, its compressed data end in the middle", at)
                try:
                    piece = member.decompress(packed, _INFLATED)
                except (igzip_lib.IsalError, zlib.error) as trouble:  # type: ignore[misc]  # declared as an instance
                    raise self._damaged(f"it is damaged ({trouble})", at) from None
                at, packed = at + len(packed), b""
                if piece:
                    yield piece
            at -= len(member.unused_data)
            packed = member.unused_data or self._read(_PACKED)
        self.proves_its_end = members == 1

    def _blocks(self) -> Iterator[bytes]:
        """Blocks of a BGZF file; the empty one that ends it may stand elsewhere, too, where files were joined."""
        rest, at, before = b"", 0, b""
        while packed := self._read(_PACKED):
            packed = rest + packed
            used = 0
            while (size := self._size(packed, used, at)) and used + size <= len(packed):
                block = packed[used : used + size]
                if block == before and block != END_OF_FILE and not self._may_repeat:
                    raise self._damaged("it holds a block twice", at + used)
                if content := self._inflated(block, at + used):
                    yield content
                before, used = block, used + size
            rest, at = packed[used:], at + used
        if rest and not END_OF_FILE.startswith(rest[:4]):
            raise self._trailing(at)
        if rest:
            raise self._damaged("it is truncated, its compressed data end in the middle", at)
        self.proves_its_end = before == END_OF_FILE
        if self._needs_end and not self.proves_its_end:
            raise self._damaged("it is truncated, its end-of-file block is missing", at)

    def _size(self, packed: bytes, used: int, at: int) -> int:
        """Bytes of the next block, 0 where not all of its header has been read."""
        if len(packed) - used < 18:
            return 0
        size = block_size(packed, used)
        if size is None:
            raise (
                self._trailing(at + used)
                if at + used
                else self._damaged("it begins with something that is no block", 0)
            )
        return size

    def _inflated(self, block: bytes, at: int) -> bytes:
        try:
            content: bytes = isal_zlib.decompress(block[18:-8], wbits=-15, bufsize=_LARGEST_BLOCK)
        except (igzip_lib.IsalError, zlib.error) as trouble:  # type: ignore[misc]  # declared as an instance
            raise self._damaged(f"it holds a damaged block ({trouble})", at) from None
        length, checksum = (int.from_bytes(part, "little") for part in (block[-4:], block[-8:-4]))
        if len(content) != length or isal_zlib.crc32(content) != checksum:
            raise self._damaged("it holds a block that differs from its checksum", at)
        return content

    def _read(self, count: int) -> bytes:
        try:
            return self._raw.read(count)
        except OSError as trouble:
            reason = trouble.strerror or str(trouble)
            raise self._error(f"the file cannot be read ({reason})", file=self.path, remedy=COPY_AGAIN) from trouble

    def _trailing(self, at: int) -> GenomicsError:
        behind = self.path.stat().st_size - at
        return self._error(
            f"{behind:,} bytes that are no compressed data lie behind the first {at:,}",
            file=self.path,
            place=f"byte {at:,}",
            remedy=f"{COPY_AGAIN} (if it is as delivered: gzip -dc FILE | gzip > NEW, and compare the number of lines)",
        )

    def _damaged(self, what: str, at: int) -> GenomicsError:
        return self._error(
            f"the file cannot be read to its end: {what}", file=self.path, place=f"near byte {at:,}", remedy=COPY_AGAIN
        )
