"""The files around a command: indexes made when absent, outputs that appear only when complete, standard streams.

What is written into them is the business of the command.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from engine.errors import AlignmentFileError, VariantFileError

if TYPE_CHECKING:
    from engine.reference.genome import Reference

PROGRAM = "genomics-engine"
STREAM = Path("-")
"""What the user writes for standard input or output."""
_OPEN_STREAMS = ("/dev/std", "/dev/fd/", "/proc/self/fd/")
_NO_VCF = {".bcf", ".zst", ".bz2", ".xz", ".zip"}


def open_indexed_reference(fasta: Path) -> Reference:
    """The FASTA with its indexes beside it; of one in a folder that cannot be written to, a link in the cache."""
    from engine.reference.genome import open_reference, stem_of

    needed = [fasta.name + ".fai", *([fasta.name + ".gzi"] if fasta.suffix in {".gz", ".bgz"} else [])]
    has_dictionary = any(fasta.with_name(name).exists() for name in (f"{stem_of(fasta)}.dict", f"{fasta.name}.dict"))
    present = has_dictionary and all(fasta.with_name(name).exists() for name in needed)
    return open_reference(fasta if present or not fasta.exists() else linked(fasta))


def with_index(reads: Path, reference: Reference) -> Path:
    """The alignments with an index beside them, made when absent."""
    from engine.call.alignments import check_alignments, has_index

    if has_index(reads):
        return reads
    check_alignments(reads, reference.contigs, indexed=False)
    _require_complete(reads, reference)
    import pysam

    reads = linked(reads)
    if not has_index(reads):
        try:
            pysam.index(str(reads.absolute()))  # a name may begin with a dash
        except pysam.SamtoolsError:
            raise AlignmentFileError(
                "the reads cannot be indexed: they are not sorted by coordinate, whatever the header says, or damaged",
                file=reads,
                remedy="sort the file (samtools sort)",
            ) from None
    return reads


def _require_complete(reads: Path, reference: Reference) -> None:
    """Look at every read: an index made of a file that lacks some would vouch for it."""
    from engine.reads.bam_records import BamRecords

    with reads.open("rb") as file:
        is_bam = file.read(2) == b"\x1f\x8b"
    if is_bam:
        for _ in BamRecords(reads, fasta=reference.fasta).complete_batches():
            pass


def linked(file: Path) -> Path:
    """The file itself where something can be written beside it, else a link to it in the user's cache folder."""
    link = cache_beside(file, file.name)
    if link != file and not link.is_symlink():
        link.symlink_to(file.resolve())
    return link


def cache_beside(file: Path, name: str) -> Path:
    """A name beside the file where its folder can be written to, else in a cache folder that is the file's alone."""
    if os.access(file.parent.resolve(), os.W_OK):
        return file.with_name(name)
    facts = file.stat()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = f"{facts.st_dev:x}-{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"
    folder = home / PROGRAM / own
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The file, or a copy of standard input for ``-``."""
    if path != STREAM:
        yield path
        return
    import shutil
    import tempfile

    with tempfile.NamedTemporaryFile(prefix=f"{PROGRAM}-") as copy:
        shutil.copyfileobj(_open_stream(sys.stdin, "input").buffer, copy)
        copy.flush()
        if not copy.tell():
            raise VariantFileError("standard input is empty", remedy="pipe a VCF into it, or name a file")
        yield Path(copy.name)


@contextmanager
def staged(output: Path, companions: Sequence[str] = ()) -> Iterator[Path]:
    """A place to write that becomes ``output`` when all is done, or goes to standard output for ``-``.

    A device or a pipe (``/dev/null``, ``/dev/stdout``, ``>(gzip)``) is written to; nothing takes its place.

    Args:
        output: what the user asked for.
        companions: suffixes of files (indexes) that are made beside it.
    """
    import shutil
    import tempfile

    stream = output == STREAM or is_passed_on(output)
    if not stream and output.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a file is to be written, and there is a folder", str(output))
    parent = None if stream else output.parent
    if parent and not parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(parent))
    with tempfile.TemporaryDirectory(prefix=f".{PROGRAM}-", dir=parent) as folder:
        place = Path(folder, "output" if stream else output.name)
        yield place
        if output == STREAM:
            with place.open("rb") as written:
                shutil.copyfileobj(written, _open_stream(sys.stdout, "output").buffer)
            sys.stdout.flush()
            return
        if stream:
            with place.open("rb") as written, output.open("wb") as target:
                shutil.copyfileobj(written, target)
            return
        for suffix in companions:
            companion = place.with_name(place.name + suffix)
            if companion.exists():
                companion.replace(output.with_name(output.name + suffix))
        place.replace(output)


def _open_stream(stream: TextIO | None, name: str) -> TextIO:
    """The stream, which Python does not have where the shell closed it (``>&-``)."""
    if stream is None:
        raise OSError(errno.EBADF, "it is closed", f"standard {name}")
    return stream


def is_passed_on(output: Path) -> bool:
    """Whether what is written there goes on elsewhere: a device, a pipe, or a name for a stream that is open."""
    if str(output).startswith(_OPEN_STREAMS):
        return True
    return output.exists() and not output.is_file() and not output.is_dir()


@contextmanager
def staged_calls(output: Path) -> Iterator[Path]:
    """:func:`staged` for a (g)VCF, written as bgzip with its index: plain text where the name is not that of bgzip."""
    import gzip
    import shutil

    if output.suffix in _NO_VCF:
        raise VariantFileError(
            f"{output.suffix} is no name of a VCF", file=output, remedy="name it .vcf.gz, or .vcf for plain text"
        )
    if output == STREAM or is_passed_on(output) or output.suffix in {".gz", ".bgz"}:
        with staged(output, companions=(".tbi",)) as place:
            yield place
        return
    with staged(output) as place:
        packed = place.with_name(f"{place.name}.gz")
        yield packed
        with gzip.open(packed) as calls, place.open("wb") as plain:
            shutil.copyfileobj(calls, plain)
