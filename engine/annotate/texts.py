"""Arrow's texts as the bytes that they stand in. No text may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def offsets(texts: pa.Array) -> NDArray[np.int32]:
    """int32[texts + 1], where each text begins in the bytes of all, and behind them where the last one ends."""
    if not len(texts):
        return np.zeros(1, np.int32)
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def letters(texts: pa.Array) -> NDArray[np.uint8]:
    """uint8[bytes], the texts one behind the other."""
    places, data = offsets(texts), texts.buffers()[2]
    return np.frombuffer(data, np.uint8)[places[0] : places[-1]] if data else np.zeros(0, np.uint8)
