"""The aligner of choice: bwa-mem3 inside this process, one batch a thread."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from operator import attrgetter
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.align.index import AlignerIndex
from engine.align.processor import require_processor
from engine.align.shared_memory import named_by_content
from engine.align.translation import Translation
from engine.parallel import in_order
from engine.reads.fastq import PairBatch
from engine.reads.records import Records

_BYTES = attrgetter("bytes")


class BwaMem3:
    """bwa-mem3 through its Python binding; ``align_batch`` runs without the GIL in the threads given."""

    name = "bwa-mem3"

    def __init__(self, index: AlignerIndex) -> None:
        require_processor()
        import bwa_mem3

        self.index = index
        self.version = version("bwa-mem3")
        with named_by_content(index) as prefix, _silent_stderr():
            self._loaded = bwa_mem3.BwaIndex(str(prefix))
        self._translate = Translation(index)

    def align(self, batches: Iterable[PairBatch], *, read_group: str, threads: int) -> Iterator[Records]:
        """See :meth:`engine.align.aligner.Aligner.align`."""
        import bwa_mem3

        options = bwa_mem3.MemOpts()
        options.set_pe(True)
        options.set_read_group_id(read_group)

        def align_one(batch: PairBatch) -> Records:
            pairs = to_objects(batch)
            with _silent_stderr():
                records, _ = bwa_mem3.align_batch(self._loaded, options, pairs)
            return self._translate(Records.of(from_objects(records)))

        yield from in_order(align_one, batches, threads=threads)


def to_objects(batch: PairBatch) -> list[Any]:
    """The ``ReadPair`` of every pair.

    Objects of Python are made by one thread at a time, whatever the number of threads: what makes them here is C.
    """
    import bwa_mem3

    names = _rows(batch.read1.names, batch.read1.name_offset)
    bases1, bases2 = (_rows(reads.bases, reads.base_offset) for reads in (batch.read1, batch.read2))
    qualities1, qualities2 = (_rows(reads.qualities + 33, reads.base_offset) for reads in (batch.read1, batch.read2))
    return list(map(bwa_mem3.ReadPair, names, bases1, names, bases2, qualities1, qualities2))


def from_objects(records: list[Any]) -> NDArray[np.uint8]:
    """uint8[], the bytes of every ``Record`` end to end."""
    return np.frombuffer(bytearray().join(map(_BYTES, records)), dtype=np.uint8)


def _rows(letters: NDArray[np.uint8], offset: NDArray[np.int64]) -> list[bytes]:
    """Each row's letters, none of which is NUL."""
    lengths = np.diff(offset)
    if len(lengths) and lengths[0] and (lengths == lengths[0]).all():
        rows: list[bytes] = np.frombuffer(letters.tobytes(), dtype=f"S{lengths[0]}").tolist()
        return rows
    limits = offset.tolist()
    return list(map(letters.tobytes().__getitem__, map(slice, limits, limits[1:])))


_silence = Lock()
_silenced = 0
_kept_stderr: int | None = None
_quiet: int | None = None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep the C library's ``stderr`` quiet: the aligner reports every batch there and cannot be told not to.

    Only C's own stream is pointed elsewhere, for as long as any thread aligns; Python's logging is not touched.
    Where the C library does not let its stream be replaced, the lines appear.
    """
    _switch(+1)
    try:
        yield
    finally:
        _switch(-1)


def _switch(step: int) -> None:
    global _silenced, _kept_stderr
    with _silence:
        before, _silenced = _silenced, _silenced + step
        if (before == 0) == (_silenced == 0):
            return
        try:
            stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
        except ValueError:
            return
        if step > 0 and (quiet := _quiet_stream()):
            _kept_stderr, stream.value = stream.value, quiet
        elif step < 0 and _kept_stderr is not None:
            stream.value, _kept_stderr = _kept_stderr, None


def _quiet_stream() -> int | None:
    """A C stream into nothing, opened once and never closed: another thread may be writing to it at any time."""
    global _quiet
    if _quiet is None:
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        _quiet = libc.fopen(b"/dev/null", b"w")
    return _quiet
