"""A person's genotypes at a panel's sites as packed bits: what is kept to compare everybody with everybody.

A sketch has three bits a site: reference, heterozygous, alternate; none of them where it is unknown. Ten thousand sites
are 3,750 bytes, ten thousand persons 37 MB, and one person is compared with them in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.genotypes import UNKNOWN

SUFFIX: Final = ".sketch"
_WORD: Final = 64
"""Sites that are counted at once; a sketch has whole words."""
Sketch = NDArray[np.uint8]
"""uint8[3, bytes], eight sites a byte."""


def pack(copies: NDArray[np.int8]) -> Sketch:
    """The sketch of one person's copies of ALT (int8[n], 0 to 2 or unknown)."""
    padded = np.full(-(-copies.size // _WORD) * _WORD, UNKNOWN, np.int8)
    padded[: copies.size] = copies
    return np.packbits(np.stack([padded == count for count in (0, 1, 2)]), axis=1)


def unpack(sketch: Sketch, sites: int) -> NDArray[np.int8]:
    """Copies of ALT, int8[n], of a sketch."""
    bits = np.unpackbits(sketch, axis=1, count=sites).astype(np.int8)
    return np.where(bits.any(axis=0), bits[1] + 2 * bits[2], UNKNOWN).astype(np.int8)


def file_name(sample: str, panel: str) -> str:
    """The name of a sketch's file, from which the panel is told without opening it.

    Args:
        sample: sample id.
        panel: data version of the panel.
    """
    return f"{sample}.{panel[:12]}{SUFFIX}"


def write_sketch(sketch: Sketch, path: Path) -> None:
    """Write a sketch as its bytes."""
    path.write_bytes(sketch.tobytes())


def read_sketch(path: Path) -> Sketch:
    """A sketch from its file."""
    return np.fromfile(path, np.uint8).reshape(3, -1)


def stacked(sketches: Iterable[Sketch]) -> NDArray[np.uint8]:
    """uint8[n, 3, bytes] of sketches of one panel."""
    rows = list(sketches)
    return np.stack(rows) if rows else np.zeros((0, 3, 0), np.uint8)
