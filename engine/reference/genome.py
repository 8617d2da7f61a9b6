"""The reference sequence itself: opening a FASTA, its ``.fai`` and ``.dict``, and the M5 that names each contig.

Here belongs what can be said of a FASTA alone. The rest of a bundle (genes, ClinVar, known sites) is elsewhere.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     fasta = Path(folder, "tiny.fa")
...     _ = fasta.write_text(">chrM the circle\\nGATCACAGGT\\nctat\\n")
...     reference = open_reference(fasta)
...     print(reference.contigs[0])
...     print(reference.dictionary.read_text().split()[2:])
Contig(name='chrM', length=14, md5='c5288c4c68caf7f9f088b0eaf0523f82')
['@SQ', 'SN:chrM', 'LN:14', 'M5:c5288c4c68caf7f9f088b0eaf0523f82']
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine.errors import KnowledgeError
from engine.files.bgzf_places import BgzfBytes
from engine.files.compressed import VerifiedFile, file_kind
from engine.reference.bundle import Contig

if TYPE_CHECKING:
    import pysam

FASTA_SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".fsa")
"""How the names of FASTA files end, before ``.gz`` or ``.bgz`` where they are compressed."""
FASTA_NAME = re.compile(rf"(?P<stem>.+)(?:{'|'.join(map(re.escape, FASTA_SUFFIXES))})(?:\.b?gz)?", re.IGNORECASE)
_CHUNK = 16 << 20
_LONGEST_HEADER = 1 << 14
"""Bytes before a contig's sequence among which its name is looked for."""
_SAM_NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""A reference sequence's name (SAM specification 1.2.1, also that of VCF 4.3)."""
_UPPER = bytes(range(256)).upper()
_HEADER = re.compile(rb">(.*)\n")
_SEQUENCE_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*.-"
_WHITE_SPACE = b"\r\n\t "
_Held = BinaryIO | BgzfBytes


@dataclass(frozen=True)
class Reference:
    """A FASTA with its indexes, ready for random access.

    Attributes:
        fasta: the FASTA, plain or bgzip.
        fai: its index of lines.
        gzi: its index of blocks, absent where the FASTA is plain.
        dictionary: its sequence dictionary (``.dict``) with M5.
        contigs: in FASTA order.
    """

    fasta: Path
    fai: Path
    gzi: Path | None
    dictionary: Path
    contigs: tuple[Contig, ...]

    def open(self) -> pysam.FastaFile:
        """A reader of its own; pysam's readers are not shared between threads."""
        import pysam

        return pysam.FastaFile(
            str(self.fasta),
            filepath_index=str(self.fai),
            filepath_index_compressed=None if self.gzi is None else str(self.gzi),
        )

    @property
    def digest(self) -> str:
        """sha256 of names, lengths and M5: equal for the same sequences in the same order under the same names."""
        return contigs_digest(self.contigs)


def contigs_digest(contigs: tuple[Contig, ...]) -> str:
    """sha256 of the contigs' names, lengths and M5, in order."""
    lines = "".join(f"{contig.name}\t{contig.length}\t{contig.md5}\n" for contig in contigs)
    return hashlib.sha256(lines.encode()).hexdigest()


def open_reference(fasta: Path, *, cache: Path | None = None) -> Reference:
    """Open a FASTA; ``.fai``, ``.gzi`` and ``.dict`` are made where they are absent.

    Args:
        fasta: plain or bgzip; plain gzip has no random access and is refused.
        cache: folder for the indexes where the FASTA's own folder cannot be written to.

    Raises:
        KnowledgeError: the FASTA is missing, damaged, not bgzip, or its indexes belong to another, or to what it was
            before it was changed.
    """
    if not fasta.is_file():
        raise KnowledgeError("there is no such FASTA", file=fasta, remedy="check the path of the reference")
    compressed = _compression(fasta)
    fai = _place(fasta, f"{fasta.name}.fai", cache)
    gzi = _place(fasta, f"{fasta.name}.gzi", cache) if compressed else None
    if not fai.exists() or (gzi is not None and not gzi.exists()):
        _write_fai(fasta, fai, gzi)
    lengths = _read_fai(fai)
    dictionary = _dictionary_path(fasta, cache)
    if not dictionary.exists() or any(not contig.md5 for contig in read_dictionary(dictionary)):
        _write_text(dictionary, dictionary_text(tuple(measure_contigs(fasta))))
    contigs = read_dictionary(dictionary)
    _check_same(fasta, fai, lengths, {contig.name: contig.length for contig in contigs})
    with BgzfBytes(fasta) if gzi is not None else fasta.open("rb") as held:
        if gzi is not None and isinstance(held, BgzfBytes) and not held.fits(gzi):
            raise _of_another_copy(fasta, gzi, "its blocks do not lie where it says")
        _require_lines_as_indexed(fasta, fai, held)
    if dictionary.stat().st_mtime_ns < fasta.stat().st_mtime_ns:
        _require_made_of(fasta, dictionary, contigs)
    for contig in contigs:
        _require_sam_name(fasta, contig.name)
    return Reference(fasta, fai, gzi, dictionary, contigs)


def read_sequences(fasta: Path) -> Iterator[tuple[str, bytes]]:
    """Name and upper-cased sequence of each contig, in order.

    Raises:
        KnowledgeError: the FASTA is damaged, empty, or names a contig twice.
    """
    seen: set[str] = set()
    name: str | None = None
    parts: list[bytes] = []
    for lines in _whole_lines(fasta):
        position = 0
        for header in _HEADER.finditer(lines):
            if header.start() and lines[header.start() - 1] != ord("\n"):
                continue
            parts.append(_letters(fasta, name, lines[position : header.start()]))
            if name is not None:
                yield name, b"".join(parts)
            name, parts, position = _contig_name(fasta, header.group(1), seen), [], header.end()
        parts.append(_letters(fasta, name, lines[position:]))
    if name is None:
        raise KnowledgeError("the FASTA holds no sequence", file=fasta, remedy="give a FASTA that is not empty")
    yield name, b"".join(parts)


def measure_contigs(fasta: Path) -> Iterator[Contig]:
    """Length and M5 of each contig, from the sequence itself (SAM specification 1.3.2)."""
    for name, sequence in read_sequences(fasta):
        if not sequence:
            raise KnowledgeError(
                f"the contig {name!r} has no base",
                file=fasta,
                remedy="copy the file again and compare its md5; if it is whole, take the contig out of it",
            )
        yield Contig(name, len(sequence), hashlib.md5(sequence, usedforsecurity=False).hexdigest())


def read_dictionary(dictionary: Path) -> tuple[Contig, ...]:
    """The contigs of a ``.dict``; ``md5`` is empty where a line has no M5.

    Raises:
        KnowledgeError: the file cannot be read, or a line of it cannot be understood.
    """
    try:
        lines = dictionary.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(
            f"the dictionary cannot be read ({error})", file=dictionary, remedy="delete the file; it is made anew"
        ) from error
    contigs = []
    for number, line in enumerate(lines, start=1):
        if not line.startswith("@SQ\t"):
            continue
        fields = dict(field.split(":", 1) for field in line.split("\t")[1:] if ":" in field)
        if "SN" not in fields or not fields.get("LN", "").isdigit():
            raise KnowledgeError(
                "a line of the dictionary lacks SN or LN",
                file=dictionary,
                place=f"line {number}",
                remedy="delete the file; it is made anew",
            )
        contigs.append(Contig(fields["SN"], int(fields["LN"]), fields.get("M5", "").lower()))
    return tuple(contigs)


def dictionary_text(contigs: tuple[Contig, ...]) -> str:
    """A sequence dictionary: the ``@SQ`` lines of a SAM header, without the path of the FASTA."""
    lines = [f"@SQ\tSN:{contig.name}\tLN:{contig.length}\tM5:{contig.md5}" for contig in contigs]
    return "\n".join(["@HD\tVN:1.6", *lines, ""])


def _compression(fasta: Path) -> bool:
    kind = file_kind(fasta)
    if kind == "gzip":
        raise KnowledgeError(
            "the FASTA is compressed with gzip, which has no random access",
            file=fasta,
            remedy="decompress it, or compress it with bgzip",
        )
    return kind == "BGZF"


def _place(fasta: Path, name: str, cache: Path | None) -> Path:
    """Beside the FASTA where it is there or can be written; in the cache otherwise."""
    beside = fasta.with_name(name)
    if beside.exists() or cache is None or os.access(fasta.parent, os.W_OK):
        return beside
    return cache / name


def _dictionary_path(fasta: Path, cache: Path | None) -> Path:
    """GATK's name (``ref.dict``), or the one that keeps the suffix (``ref.fa.dict``) where only that exists."""
    kept = fasta.with_name(f"{fasta.name}.dict")
    return kept if kept.exists() else _place(fasta, f"{stem_of(fasta)}.dict", cache)


def stem_of(fasta: Path) -> str:
    """A FASTA's name without what says that it is one."""
    named = FASTA_NAME.fullmatch(fasta.name)
    return named["stem"] if named else fasta.name


def _write_fai(fasta: Path, fai: Path, gzi: Path | None) -> None:
    import pysam

    fai.parent.mkdir(parents=True, exist_ok=True)
    making = fai.with_name(f".{fai.name}.{os.getpid()}").absolute()
    arguments = [str(fasta.absolute()), "--fai-idx", str(making)]
    if gzi is not None:
        arguments += ["--gzi-idx", f"{making}.gzi"]
    verbosity = pysam.set_verbosity(0)  # what htslib has to say arrives in our own error
    try:
        pysam.faidx(*arguments)
    except pysam.SamtoolsError as error:
        making.unlink(missing_ok=True)
        for _ in measure_contigs(fasta):  # it says what is wrong where that is not the lines' length
            pass
        raise KnowledgeError(
            "the FASTA cannot be indexed: samtools faidx does not take it",
            file=fasta,
            remedy="check that every line of a contig but its last is equally long",
        ) from error
    finally:
        pysam.set_verbosity(verbosity)
    if gzi is not None:
        Path(f"{making}.gzi").replace(gzi)
    making.replace(fai)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.write_text(text)
    making.replace(path)


def _read_fai(fai: Path) -> dict[str, int]:
    lines = [line.split("\t") for line in fai.read_text().splitlines()]
    if not lines or any(len(line) < 5 or not line[1].isdigit() for line in lines):
        raise KnowledgeError("the FASTA's index is damaged", file=fai, remedy="delete the file; it is made anew")
    return {line[0]: int(line[1]) for line in lines}


def _check_same(fasta: Path, fai: Path, in_fai: dict[str, int], in_dictionary: dict[str, int]) -> None:
    if list(in_fai.items()) != list(in_dictionary.items()):
        raise KnowledgeError(
            f"{fai.name} and the sequence dictionary disagree on names or lengths of the contigs",
            file=fasta,
            remedy="one of them belongs to another FASTA: delete both; they are made anew",
        )


def _require_lines_as_indexed(fasta: Path, fai: Path, lines: _Held) -> None:
    """An index of another copy, whose lines are longer or whose headers say more, would have other bases read."""
    for row in fai.read_text().splitlines():
        name, *numbers = row.split("\t")
        if not _lies_there(lines, name, *map(int, numbers[:4])):
            raise _of_another_copy(fasta, fai, f"{name} does not lie where it says")


def _of_another_copy(fasta: Path, index: Path, why: str) -> KnowledgeError:
    return KnowledgeError(
        f"{index.name} is of another copy of the FASTA: {why}",
        file=fasta,
        remedy=f"delete {index.name}; it is made anew",
    )


def _lies_there(lines: _Held, name: str, length: int, start: int, bases: int, width: int) -> bool:
    """Whether a contig's bases begin, are broken into lines and end where its row of the index says."""
    if not _begins_there(lines, name, start):
        return False
    if not 0 < bases < width:  # the only line of a file that ends without a line end
        return bases == width == length
    lines.seek(start + min(bases, length))
    is_broken = not lines.read(width - bases).strip(b"\r\n")
    lines.seek(start + (length - 1) // bases * width + (length - 1) % bases + 1)
    behind = lines.read(width - bases + 1)
    return is_broken and behind[:1] in (b"", b"\r", b"\n") and behind.lstrip(b"\r\n")[:1] in (b"", b">")


def _begins_there(lines: _Held, name: str, start: int) -> bool:
    """Whether the line that ends before ``start`` names the contig."""
    lines.seek(max(start - _LONGEST_HEADER, 0))
    before = lines.read(min(start, _LONGEST_HEADER))
    if not before.endswith(b"\n"):
        return False
    header = before[:-1].rpartition(b"\n")[2]
    if len(header) + 1 == _LONGEST_HEADER:  # its beginning is not among what was read
        return True
    return header.startswith(b">") and header[1:].split()[:1] == [name.encode()]


def _require_made_of(fasta: Path, dictionary: Path, contigs: tuple[Contig, ...]) -> None:
    """A FASTA that is newer than its dictionary may hold other bases: then every M5 would be that of the former."""
    if changed := next((one for one, told in zip(measure_contigs(fasta), contigs, strict=True) if one != told), None):
        raise KnowledgeError(
            f"the FASTA was changed after {dictionary.name} was made: {changed.name} reads otherwise",
            file=fasta,
            remedy=f"delete {dictionary.name}; it is made anew",
        )
    with suppress(OSError):  # it was found to be true: the next one need not read the whole FASTA
        os.utime(dictionary)


def _whole_lines(fasta: Path) -> Iterator[bytes]:
    """The text of the FASTA in big chunks that end with a line end."""
    with io.BufferedReader(VerifiedFile(fasta, may_repeat=True), _CHUNK) as stream:
        while chunk := stream.read(_CHUNK):
            chunk += stream.readline()
            yield chunk if chunk.endswith(b"\n") else chunk + b"\n"


def _contig_name(fasta: Path, header: bytes, seen: set[str]) -> str:
    words = header.split()
    name = words[0].decode(errors="replace") if words and not header[:1].isspace() else ""
    if not name or name in seen:
        problem = f"the contig {name!r} is there twice" if name else "a contig has no name"
        raise KnowledgeError(problem, file=fasta, remedy="give every contig a name of its own")
    _require_sam_name(fasta, name)
    seen.add(name)
    return name


def _require_sam_name(fasta: Path, name: str) -> None:
    """What may stand in the headers of BAM and VCF; htslib cannot read a VCF whose contig has a comma in its name."""
    if not _SAM_NAME.fullmatch(name):
        raise KnowledgeError(
            f"the contig's name {name!r} holds a letter that SAM and VCF do not allow",
            file=fasta,
            place=f"contig {name!r}",
            remedy="rename it in the FASTA: no commas, quotes, brackets, backslashes or letters beyond ASCII,"
            " and no * or = at its beginning",
        )


def _letters(fasta: Path, name: str | None, lines: bytes) -> bytes:
    letters = lines.translate(_UPPER, _WHITE_SPACE)
    if letters.translate(None, _SEQUENCE_LETTERS) or (letters and name is None):
        raise KnowledgeError(
            "the FASTA holds something that is not sequence",
            file=fasta,
            place=f"contig {name}" if name else "before the first '>'",
            remedy="check that the file is FASTA and complete",
        )
    return letters
