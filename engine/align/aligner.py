"""What an aligner is to the rest of the engine, and how to open one by name.

An aligner takes pairs of reads in batches and gives packed BAM records in the reference's own coordinates. The
insert-size model is made anew from every batch, so that the result depends on the reads and the size of the
batches, never on threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from engine.align.index import AlignerIndex, open_index
from engine.align.programs import require_aligner
from engine.reads.fastq import BATCH_BASES, PairBatch
from engine.reads.records import Records
from engine.reference.bundle import Contig


class Aligner(Protocol):
    """An aligner with its index open.

    Attributes:
        name: as in :data:`engine.align.programs.ALIGNERS`.
        version: of the program that aligns, for receipts and the header's ``@PG``.
        index: what it aligns to.
    """

    name: str
    version: str
    index: AlignerIndex

    def align(self, batches: Iterable[PairBatch], *, read_group: str, threads: int) -> Iterator[Records]:
        """Align batch by batch.

        Yields:
            The records of each batch in input order; those of one pair lie side by side, first read before second,
            each primary alignment before its supplementary ones; every record bears ``RG:Z:read_group``.
        """
        ...


def open_aligner(name: str, index: Path, contigs: tuple[Contig, ...], *, batch_bases: int = BATCH_BASES) -> Aligner:
    """Open an aligner by name with the index at this prefix.

    Args:
        name: one of :data:`engine.align.programs.ALIGNERS`.
        index: prefix of the index files.
        contigs: of the reference in use.
        batch_bases: size of the batches it will be given.

    Raises:
        ToolError: there is no such aligner, ``bwa`` is not on PATH, or the processor is not one for bwa-mem3.
        KnowledgeError: the index is absent, partial, or of another reference.
    """
    from engine.align.bwa import Bwa
    from engine.align.bwa_mem3 import BwaMem3

    require_aligner(name)
    opened = open_index(index, contigs, aligner=name)
    return Bwa(opened, batch_bases=batch_bases) if name == "bwa" else BwaMem3(opened)
