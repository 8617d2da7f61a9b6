"""Damage as files come by it: cut off, blocks lost or twice, bytes flipped or zeroed, columns swapped, tabs lost.

Compressed files for these tests have small blocks, so that a small file has many of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.files.bgzf import END_OF_FILE, block_size, compress_block
from engine.files.compressed import VerifiedFile

SMALL_BLOCK = 700


def bgzf(text: bytes, block: int = SMALL_BLOCK) -> bytes:
    """A BGZF file of many small blocks."""
    pieces = (text[start : start + block] for start in range(0, len(text), block))
    return b"".join(compress_block(piece, 4) for piece in pieces) + END_OF_FILE


def blocks(packed: bytes) -> list[bytes]:
    """The blocks of a BGZF file, without the one that ends it."""
    found, at = [], 0
    while at < len(packed):
        size = block_size(packed, at)
        assert size is not None
        found.append(packed[at : at + size])
        at += size
    return found[:-1] if found[-1] == END_OF_FILE else found


def unpacked(path: Path) -> bytes:
    with VerifiedFile(path) as file:
        return b"".join(file.pieces())


@dataclass(frozen=True)
class Damage:
    """A damaged copy of a file.

    Attributes:
        name: what happened to it, and a number that tells it from others of the kind.
        content: its bytes.
    """

    name: str
    content: bytes


def of_packed(packed: bytes, *, seed: int) -> Iterator[Damage]:
    """What may happen to a BGZF file on its way."""
    rng, parts = random.Random(seed), blocks(packed)
    for number in range(4):
        yield Damage(f"cut inside a block {number}", packed[: rng.randrange(30, len(packed) - 40)])
    for number in range(4):
        kept = b"".join(parts[: rng.randrange(1, len(parts))])
        yield Damage(f"cut between blocks {number}", kept)
    yield Damage("without its end block", packed[: -len(END_OF_FILE)])
    for number in range(4):
        place = rng.randrange(1, len(parts) - 1)
        yield Damage(f"a block twice {number}", _joined([*parts[:place], parts[place], *parts[place:]]))
    for number in range(4):
        start, length = rng.randrange(len(packed) - 200), rng.randrange(20, 160)
        yield Damage(f"zeros {number}", packed[:start] + bytes(length) + packed[start + length :])
    place = rng.randrange(1, len(parts) - 1)
    yield Damage("a block of zeros", _joined([*parts[:place], bytes(len(parts[place])), *parts[place + 1 :]]))
    for number in range(6):
        yield Damage(f"a bit flipped {number}", _flipped(packed, rng))
    yield Damage("bytes behind its end", packed + b"garbage!")
    yield Damage("only its end block", END_OF_FILE)
    yield Damage("empty", b"")


def lost_blocks(packed: bytes, *, seed: int) -> Iterator[Damage]:
    """Blocks that are gone from a file that ends as it should: only an index, or the lines torn, can tell."""
    rng, parts = random.Random(seed), blocks(packed)
    for number in range(3):
        place = rng.randrange(1, len(parts) - 1)
        yield Damage(f"a block lost {number}", _joined([*parts[:place], *parts[place + 1 :]]))
    yield Damage("cut and ended", _joined(parts[: len(parts) // 2]))


def of_text(text: bytes, *, seed: int, separator: bytes = b"\t") -> Iterator[Damage]:
    """What may happen to the lines of a text file, before it is packed."""
    rng = random.Random(seed)
    for number in range(3):
        yield Damage(f"a NUL byte {number}", _with(text, rng.randrange(len(text)), b"\0"))
        yield Damage(f"a byte that is no letter {number}", _with(text, rng.randrange(len(text)), b"\xf5"))
    lines = text.splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if not line.startswith(b"#") and separator in line]
    for number in range(3):
        place = rng.choice(rows)
        spaced = lines[place].replace(separator, b" " if separator == b"\t" else b"")
        yield Damage(f"tabs lost {number}", b"".join([*lines[:place], spaced, *lines[place + 1 :]]))
    for number in range(4):
        cut = rng.randrange(len(text) // 2, len(text) - 1)
        yield Damage(f"cut within a line {number}", text[: cut - (text[cut - 1 : cut] == b"\n")])
    yield Damage("head only", b"".join(lines[: rows[0]]))


def swapped(text: bytes, columns: tuple[tuple[int, int], ...], *, seed: int) -> Iterator[Damage]:
    """Two columns of one line changed for each other, where they differ."""
    rng, lines = random.Random(seed), text.splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if not line.startswith(b"#") and b"\t" in line]
    for one, other in columns:
        place = rng.choice(rows[1:])
        fields = lines[place].rstrip(b"\n").split(b"\t")
        fields[one], fields[other] = fields[other], fields[one]
        line = b"\t".join(fields) + b"\n"
        yield Damage(f"columns {one} and {other} swapped", b"".join([*lines[:place], line, *lines[place + 1 :]]))


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(parts) + END_OF_FILE


def _flipped(packed: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(packed))
    return _with(packed, place, bytes([packed[place] ^ 1 << rng.randrange(8)]))


def _with(text: bytes, place: int, byte: bytes) -> bytes:
    return text[:place] + byte + text[place + 1 :]
