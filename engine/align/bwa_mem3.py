"""The aligner of choice: bwa-mem3 inside this process, one batch a thread."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import pairwise
from threading import Lock

from engine.align.index import AlignerIndex
from engine.align.processor import require_processor
from engine.align.shared_memory import named_by_content
from engine.align.translation import Translation
from engine.parallel import in_order
from engine.reads.fastq import PairBatch, Reads
from engine.reads.records import Records


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
            pairs = [bwa_mem3.ReadPair(*parts) for parts in _parts(batch)]
            with _silent_stderr():
                records, _ = bwa_mem3.align_batch(self._loaded, options, pairs)
            return self._translate(Records.of(b"".join([record.bytes for record in records])))

        yield from in_order(align_one, batches, threads=threads)


def _parts(batch: PairBatch) -> Iterator[tuple[bytes, bytes, bytes, bytes, bytes, bytes]]:
    """Name and bases of both reads, then their qualities as FASTQ has them."""
    names = list(_slices(batch.read1.names.tobytes(), batch.read1.name_offset.tolist()))
    (bases1, qualities1), (bases2, qualities2) = _letters(batch.read1), _letters(batch.read2)
    return zip(names, bases1, names, bases2, qualities1, qualities2, strict=True)


def _letters(reads: Reads) -> tuple[Iterator[bytes], Iterator[bytes]]:
    offset = reads.base_offset.tolist()
    return _slices(reads.bases.tobytes(), offset), _slices((reads.qualities + 33).tobytes(), offset)


def _slices(whole: bytes, offset: list[int]) -> Iterator[bytes]:
    return (whole[start:end] for start, end in pairwise(offset))


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
