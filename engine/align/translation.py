"""From pieces of the reference, which the index holds, to its contigs."""

from __future__ import annotations

import numpy as np

from engine.align.index import AlignerIndex
from engine.reads.records import Records


class Translation:
    """Translates records from pieces to contigs; see :mod:`engine.align.translation_kernels`."""

    def __init__(self, index: AlignerIndex) -> None:
        names = [contig.name.encode() for contig in index.contigs]
        self._numbered = index.numbered
        self._piece_contig = np.array([piece.contig for piece in index.pieces], dtype=np.int64)
        self._piece_start = np.array([piece.start for piece in index.pieces], dtype=np.int64)
        self._names = np.frombuffer(b"".join(names), dtype=np.uint8)
        self._name_offset = np.concatenate([[0], np.cumsum([len(name) for name in names])]).astype(np.int64)

    def __call__(self, records: Records) -> Records:
        """Records in the reference's own coordinates."""
        if not self._numbered:
            return records
        from engine.align.translation_kernels import translate

        return Records(
            *translate(
                records.data,
                records.offset,
                self._piece_contig,
                self._piece_start,
                self._names,
                self._name_offset,
            )
        )
