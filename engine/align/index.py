"""The aligner's index of a reference: building it, finding it complete and fresh, and mapping its pieces back.

Long runs of N are left out: what is indexed are the *pieces* between them, each a contig of its own to the aligner,
so that a reference masked to a few regions indexes in seconds and no alignment can bridge a gap. :class:`Piece`
says where each lies, and alignments are translated back (:mod:`engine.align.translation`). Two mates on different
pieces are never flagged a proper pair; they lie at least :data:`engine.reference.known_bases.SHORTEST_GAP` apart.

An index made by an aligner's own command line is taken as it is, every contig one piece.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.align.processor import require_processor
from engine.errors import KnowledgeError, ToolError
from engine.headroom import Needs, free_disk, free_memory, gibibytes
from engine.reference.alternates import alternates_beside, read_alternates
from engine.reference.bundle import Contig
from engine.reference.genome import Reference, contigs_digest, read_sequences
from engine.reference.known_bases import find_pieces

BWA_MEM3_FILES = (".0123", ".amb", ".ann", ".pac", ".bwt.2bit.64")
BWA_FILES = (".amb", ".ann", ".pac", ".bwt", ".sa")
_FAST_BYTES_A_BASE, _FAST_MEMORY = 24, 200 << 20
"""Peak of the fast way, measured (docs/measurements.md)."""
_INDEX_BYTES_A_BASE = 5.5
"""Of the finished files: text 2, transform and samples 3.25, packed bases .25."""
_TEXT_BLOCK = 1 << 24
_MANIFEST_VERSION = 1


@dataclass(frozen=True)
class Piece:
    """A stretch of one contig that the aligner knows as a contig of its own.

    Attributes:
        contig: index of the contig in the reference.
        start: 0-based position in the contig.
        end: one past its last base.
    """

    contig: int
    start: int
    end: int


@dataclass(frozen=True)
class AlignerIndex:
    """An index that is complete and belongs to its reference.

    Attributes:
        prefix: what the aligner is given; the files are ``prefix`` plus a suffix.
        contigs: the reference's contigs, in order.
        pieces: the aligner's contigs, in its order. In an index of ours they are named by their number.
        numbered: whether the pieces are named by number, or bear the contigs' own names (an index made by the
            aligner itself).
    """

    prefix: Path
    contigs: tuple[Contig, ...]
    pieces: tuple[Piece, ...]
    numbered: bool


def ensure_index(
    reference: Reference,
    prefix: Path,
    *,
    aligner: str = "bwa-mem3",
    threads: int = 1,
    memory: int | None = None,
    log: Callable[[str], None] | None = None,
) -> AlignerIndex:
    """Open the index at ``prefix``, building it first where it is absent, partial or of another reference.

    A list of ALT contigs that came, went or changed since is taken over.
    """
    try:
        index = open_index(prefix, reference.contigs, aligner=aligner)
        require_alternates(reference, index)
        return index
    except KnowledgeError:
        return build_index(reference, prefix, aligner=aligner, threads=threads, memory=memory, log=log)


def require_alternates(reference: Reference, index: AlignerIndex) -> None:
    """See that an index has the list of ALT contigs that lies beside the FASTA; one of ours is given it.

    Raises:
        KnowledgeError: an index that the aligner itself made has another list than the FASTA, or none.
    """
    wanted = _alternates(reference, index.pieces) if index.numbered else _listed(alternates_beside(reference.fasta))
    listed = Path(f"{index.prefix}.alt")
    if _listed(listed if listed.is_file() else None) == wanted:
        return
    if not index.numbered:
        raise KnowledgeError(
            "the aligner's index has not the list of ALT contigs that lies beside the FASTA",
            file=listed,
            remedy="put the list there, or let the index be built",
        )
    _write_alternates(wanted, index.prefix)


def build_index(
    reference: Reference,
    prefix: Path,
    *,
    aligner: str = "bwa-mem3",
    threads: int = 1,
    memory: int | None = None,
    log: Callable[[str], None] | None = None,
) -> AlignerIndex:
    """Build the index of one aligner; nothing is at its place until it is complete.

    Where memory does not suffice for the fast way, bwa-mem3's is built the slow one
    (:mod:`engine.align.low_memory_index`), to the same bytes.

    Args:
        reference: the sequence.
        prefix: where the files go.
        aligner: ``bwa-mem3`` (built here) or ``bwa`` (built by ``bwa index``, which must be on PATH).
        threads: that the slow way uses.
        memory: bytes that may be taken; what is free where absent.
        log: takes a line now and then.

    Raises:
        KnowledgeError: the reference holds no bases, or is too big for the memory or the disk at hand.
        ToolError: ``bwa`` is absent or failed, or the processor is not one for bwa-mem3.
    """
    say = log or (lambda _: None)
    pieces, codes = _encode(reference)
    fast = aligner == "bwa" or _choose_way(len(codes), prefix, free_memory() if memory is None else memory, say)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{prefix.name}.", dir=prefix.parent) as folder:
        making = Path(folder) / prefix.name
        say(f"indexing {len(codes):,} bases in {len(pieces):,} pieces for {aligner}")
        if aligner == "bwa":
            _build_bwa(codes, pieces, making)
        elif fast:
            _build_bwa_mem3(codes, pieces, making)
        else:
            work = prefix.with_name(f".{prefix.name}.{reference.digest[:12]}.unfinished")
            _write_texts(codes, pieces, making)
            del codes
            _build_in_little_memory(pieces, making, work, threads, say)
        _write_alternates(_alternates(reference, pieces), making)
        _publish(making, prefix, aligner, reference.contigs, pieces)
    return open_index(prefix, reference.contigs, aligner=aligner)


def open_index(prefix: Path, contigs: tuple[Contig, ...], *, aligner: str = "bwa-mem3") -> AlignerIndex:
    """Open an index after checking that it is complete and of these contigs.

    Raises:
        KnowledgeError: it is absent, partial, or belongs to another reference.
    """
    suffixes = _suffixes(aligner)
    missing = [suffix for suffix in suffixes if not Path(f"{prefix}{suffix}").is_file()]
    if missing:
        raise KnowledgeError(
            f"the index of {aligner} is not complete: {', '.join(missing)} missing",
            file=prefix,
            remedy="build the index again",
        )
    manifest = _manifest_path(prefix, aligner)
    if not manifest.exists():
        return _open_foreign(prefix, contigs, aligner)
    facts = _read_manifest(manifest)
    if facts["reference"] != contigs_digest(contigs):
        raise KnowledgeError(
            "the aligner's index was made from another reference", file=prefix, remedy="build the index again"
        )
    if any(Path(f"{prefix}{suffix}").stat().st_size != facts["bytes"][suffix] for suffix in suffixes):
        raise KnowledgeError(
            "the aligner's index is damaged: a file is not as long as it was", file=prefix, remedy="build it again"
        )
    return AlignerIndex(prefix, contigs, tuple(Piece(*piece) for piece in facts["pieces"]), numbered=True)


def index_files(index: AlignerIndex, aligner: str) -> list[Path]:
    """The files that an aligner loads of its index; those of another one may lie beside them."""
    return [Path(f"{index.prefix}{suffix}") for suffix in _suffixes(aligner)]


def _suffixes(aligner: str) -> tuple[str, ...]:
    return BWA_FILES if aligner == "bwa" else BWA_MEM3_FILES


def _manifest_path(prefix: Path, aligner: str) -> Path:
    return Path(f"{prefix}.{aligner}.json")


def _read_manifest(manifest: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(manifest.read_text())
    except ValueError as error:
        raise KnowledgeError(
            "the index's manifest is damaged", file=manifest, remedy="build the index again"
        ) from error
    if facts.get("version") != _MANIFEST_VERSION:
        raise KnowledgeError("the index was built by another version", file=manifest, remedy="build the index again")
    return facts


def _open_foreign(prefix: Path, contigs: tuple[Contig, ...], aligner: str) -> AlignerIndex:
    """An index made by the aligner's own command line: the same contigs, each whole.

    The aligner would end this process on an index whose files do not belong together, so that is found here.
    """
    lines = Path(f"{prefix}.ann").read_text().splitlines()
    names = [line.split()[1] for line in lines[1::2]]
    lengths = [int(line.split()[1]) for line in lines[2::2]]
    if list(zip(names, lengths, strict=False)) != [(contig.name, contig.length) for contig in contigs]:
        raise KnowledgeError(
            "the aligner's index has other contigs than the reference", file=prefix, remedy="build the index again"
        )
    bases = sum(lengths)
    whole = Path(f"{prefix}.pac").stat().st_size >= bases // 4 + 1
    if aligner != "bwa":
        with Path(f"{prefix}.bwt.2bit.64").open("rb") as file:
            rows = int.from_bytes(file.read(8), "little")
        whole = whole and rows == 2 * bases + 1 and Path(f"{prefix}.0123").stat().st_size == 2 * bases
    if not whole:
        raise KnowledgeError(
            "the files of the aligner's index do not belong together", file=prefix, remedy="build the index again"
        )
    pieces = tuple(Piece(i, 0, contig.length) for i, contig in enumerate(contigs))
    return AlignerIndex(prefix, contigs, pieces, numbered=False)


def _encode(reference: Reference) -> tuple[list[Piece], NDArray[np.uint8]]:
    """The pieces and their 2-bit codes end to end, ambiguous bases as :data:`AMBIGUOUS`."""
    from engine.align.index_kernels import BASE_CODES

    pieces: list[Piece] = []
    codes = np.empty(sum(contig.length for contig in reference.contigs), dtype=np.uint8)
    filled = 0
    for i, (_, text) in enumerate(read_sequences(reference.fasta)):
        sequence = np.frombuffer(text, dtype=np.uint8)
        for start, end in find_pieces(sequence):
            pieces.append(Piece(i, start, end))
            codes[filled : filled + end - start] = BASE_CODES[sequence[start:end]]
            filled += end - start
    if not pieces:
        raise KnowledgeError(
            "the reference holds nothing but N", file=reference.fasta, remedy="give a FASTA with sequence"
        )
    return pieces, codes[:filled]


def _build_bwa_mem3(codes: NDArray[np.uint8], pieces: list[Piece], prefix: Path) -> None:
    require_processor()
    from pydivsufsort import divsufsort

    from engine.align.index_kernels import fm_index

    _write_packed(codes, pieces, prefix)
    text = np.concatenate([codes, 3 - codes[::-1]])
    text.tofile(f"{prefix}.0123")
    checkpoints, sampled, sentinel = fm_index(text, divsufsort(text))
    counts = np.concatenate([[0], np.cumsum(np.bincount(text, minlength=4))]).astype(np.int64)
    with Path(f"{prefix}.bwt.2bit.64").open("wb") as file:
        np.array([len(text) + 1, *counts], dtype=np.int64).tofile(file)
        checkpoints.tofile(file)
        (sampled >> 32).astype(np.int8).tofile(file)
        (sampled & 0xFFFFFFFF).astype(np.uint32).tofile(file)
        np.array([sentinel], dtype=np.int64).tofile(file)


def _write_texts(codes: NDArray[np.uint8], pieces: list[Piece], prefix: Path) -> None:
    """All but the FM-index, the reverse strand in blocks."""
    require_processor()
    _write_packed(codes, pieces, prefix)
    with Path(f"{prefix}.0123").open("wb") as file:
        codes.tofile(file)
        for end in range(len(codes), 0, -_TEXT_BLOCK):
            (3 - codes[max(0, end - _TEXT_BLOCK) : end][::-1]).tofile(file)


def _build_in_little_memory(
    pieces: list[Piece], prefix: Path, work: Path, threads: int, say: Callable[[str], None]
) -> None:
    """The FM-index of the text that was written."""
    from engine.align.low_memory_index import write_fm_index

    def write_text(fasta: Path) -> None:
        _write_pieces(np.memmap(f"{prefix}.0123", dtype=np.uint8, mode="r"), pieces, fasta)

    write_fm_index(work, write_text, Path(f"{prefix}.bwt.2bit.64"), threads=threads, say=say)


def _choose_way(bases: int, prefix: Path, memory: int, say: Callable[[str], None]) -> bool:
    """Whether there is memory for the fast way; what the chosen one takes is told first."""
    fast, slow = _needs_of_ways(bases)
    chosen = fast if fast.memory <= memory else slow
    room = free_disk(prefix.parent)
    say(
        f"an index of {bases:,} bases takes {gibibytes(chosen.memory)} of memory to build"
        + ("" if chosen is fast else f", in the slow way, since the fast one takes {gibibytes(fast.memory)}")
        + f" ({gibibytes(memory)} free), and {gibibytes(chosen.result + chosen.temporary)} of disk "
        f"({gibibytes(room)} free)"
    )
    least = min(fast, slow, key=lambda way: way.memory)
    _require_memory(bases, prefix, least.memory, memory)
    _require_disk(bases, prefix, chosen.result + chosen.temporary, room)
    return chosen is fast


def _needs_of_ways(bases: int) -> tuple[Needs, Needs]:
    """What the fast way takes, and what the slow one."""
    from engine.align.low_memory_index import BASE_MEMORY, BYTES_A_BASE, DISK_A_BASE

    result = int(bases * _INDEX_BYTES_A_BASE)
    fast = Needs(bases * _FAST_BYTES_A_BASE + _FAST_MEMORY, result, 0)
    return fast, Needs(int(bases * BYTES_A_BASE) + BASE_MEMORY, result, int(bases * DISK_A_BASE))


def _require_memory(bases: int, prefix: Path, needed: int, free: int) -> None:
    if needed > free:
        raise KnowledgeError(
            f"an index of {bases:,} bases takes {gibibytes(needed)} of memory to build and {gibibytes(free)} are free",
            file=prefix,
            remedy="free memory or build it on a larger machine and put its files at this place, "
            "or install bwa and choose it as the aligner",
        )


def _require_disk(bases: int, prefix: Path, needed: int, free: int) -> None:
    if needed > free:
        raise KnowledgeError(
            f"an index of {bases:,} bases takes {gibibytes(needed)} of disk and {gibibytes(free)} are free",
            file=prefix,
            remedy="free room on this disk, or choose another place",
        )


def _write_packed(codes: NDArray[np.uint8], pieces: list[Piece], prefix: Path) -> None:
    """Write ``.ann``, ``.amb`` and ``.pac``; ambiguous bases are replaced as bwa replaces them, in place."""
    from engine.align import index_kernels as kernels

    offsets = np.concatenate([[0], np.cumsum([piece.end - piece.start for piece in pieces])])
    holes = _find_holes(codes, offsets)
    ann = [f"{len(codes)} {len(pieces)} {kernels.SEED}"]
    for i, piece in enumerate(pieces):
        inside = int(((holes >= offsets[i]) & (holes < offsets[i + 1]))[:, 0].sum()) if len(holes) else 0
        ann += [f"0 {i} (null)", f"{offsets[i]} {piece.end - piece.start} {inside}"]
    Path(f"{prefix}.ann").write_text("\n".join([*ann, ""]))
    amb = [f"{len(codes)} {len(pieces)} {len(holes)}", *(f"{start} {end - start} N" for start, end in holes)]
    Path(f"{prefix}.amb").write_text("\n".join([*amb, ""]))
    kernels.replace_ambiguous(codes, (kernels.SEED << 16) | 0x330E)
    with Path(f"{prefix}.pac").open("wb") as file:
        kernels.pack(codes).tofile(file)
        file.write(b"\0" * (len(codes) % 4 == 0))
        file.write(bytes([len(codes) % 4]))


def _find_holes(codes: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Runs of ambiguous bases, none across two pieces."""
    from engine.align.index_kernels import AMBIGUOUS
    from engine.reference.run_kernels import find_runs

    found = [find_runs(codes[start:end], AMBIGUOUS, 1) + start for start, end in pairwise(offsets)]
    return np.concatenate(found)


def _build_bwa(codes: NDArray[np.uint8], pieces: list[Piece], prefix: Path) -> None:
    bwa = shutil.which("bwa")
    if bwa is None:
        raise ToolError("bwa is not on PATH", remedy="install bwa, or choose the aligner bwa-mem3")
    fasta = prefix.with_name("pieces.fa")
    _write_pieces(codes, pieces, fasta)
    done = subprocess.run([bwa, "index", "-p", str(prefix), str(fasta)], capture_output=True, text=True, check=False)
    fasta.unlink()
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ToolError(f"bwa index failed ({reason[0]})", remedy="see that there is room on the disk and run it again")


def _write_pieces(codes: NDArray[np.uint8], pieces: Iterable[Piece], fasta: Path) -> None:
    """Each piece as a contig that bears its number."""
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)
    with fasta.open("wb") as file:
        start = 0
        for i, piece in enumerate(pieces):
            end = start + piece.end - piece.start
            file.write(b">%d\n" % i)
            letters[codes[start:end]].tofile(file)
            file.write(b"\n")
            start = end


def _alternates(reference: Reference, pieces: Iterable[Piece]) -> frozenset[str]:
    """Names, to the aligner, of the pieces of the contigs in the list beside the FASTA; none without a list."""
    listed = _listed(alternates_beside(reference.fasta))
    return frozenset(str(i) for i, piece in enumerate(pieces) if reference.contigs[piece.contig].name in listed)


def _listed(listed: Path | None) -> frozenset[str]:
    return frozenset() if listed is None else read_alternates(listed)


def _write_alternates(names: Iterable[str], prefix: Path) -> None:
    """Write the list that the aligner reads beside its index; without ALT contigs there is none."""
    listed = Path(f"{prefix}.alt")
    if lines := [f"{name}\n" for name in sorted(names, key=int)]:
        listed.write_text("".join(lines))
    else:
        listed.unlink(missing_ok=True)


def _publish(making: Path, prefix: Path, aligner: str, contigs: tuple[Contig, ...], pieces: Iterable[Piece]) -> None:
    """Move the files to their place, the manifest last; an old manifest goes first."""
    _manifest_path(prefix, aligner).unlink(missing_ok=True)
    sizes = {}
    for suffix in _suffixes(aligner):
        made = Path(f"{making}{suffix}")
        sizes[suffix] = made.stat().st_size
        made.replace(f"{prefix}{suffix}")
    Path(f"{prefix}.alt").unlink(missing_ok=True)
    if Path(f"{making}.alt").exists():
        Path(f"{making}.alt").replace(f"{prefix}.alt")
    facts = {
        "version": _MANIFEST_VERSION,
        "aligner": aligner,
        "reference": contigs_digest(contigs),
        "bytes": sizes,
        "pieces": [[piece.contig, piece.start, piece.end] for piece in pieces],
    }
    manifest = Path(f"{making}.json")
    manifest.write_text(json.dumps(facts, sort_keys=True) + "\n")
    manifest.replace(_manifest_path(prefix, aligner))
