"""A sample's reads aligned by many machines: the records that one machine makes, in the same order.

A piece of work is some batches of pairs, each of which has an insert-size model of its own; whoever aligns a batch, the
records are the same. Reading FASTQ, finding duplicates and sorting stay here, and bound how many machines are of use.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.align.aligner import open_aligner
from engine.align.index import AlignerIndex, open_index
from engine.align.programs import aligner_version
from engine.machines.work import Machines, Work, write_work
from engine.reads.fastq import BATCH_BASES, PairBatch
from engine.reads.records import Records
from engine.reference.bundle import Contig

FUNCTION = "engine.align.scattered:align_piece"
BATCHES_A_PIECE = 8
"""80 million bases: half a minute of a core, of which some seconds are spent on opening the index."""
PIECES_AT_ONCE = 64
"""Given out together; their reads take 12 GB of the shared disk until they are aligned."""


@dataclass(frozen=True)
class Piece:
    """What one process aligns.

    Attributes:
        aligner: one of :data:`engine.align.programs.ALIGNERS`.
        index: prefix of its index, which every machine sees.
        contigs: of the reference.
        batch_bases: from which one insert-size model is made.
        read_group: of the records.
        batches: consecutive ones.
    """

    aligner: str
    index: Path
    contigs: tuple[Contig, ...]
    batch_bases: int
    read_group: str
    batches: tuple[PairBatch, ...]


def align_piece(piece: Piece, output: Path) -> None:
    """Write the records of each batch, pickled."""
    aligner = open_aligner(piece.aligner, piece.index, piece.contigs, batch_bases=piece.batch_bases)
    aligned = list(aligner.align(piece.batches, read_group=piece.read_group, threads=1))
    output.write_bytes(pickle.dumps(aligned, protocol=pickle.HIGHEST_PROTOCOL))


class ScatteredAligner:
    """An aligner (:class:`engine.align.aligner.Aligner`) whose work other machines do; it holds no index in memory.

    Args:
        name: of the aligner.
        index: prefix of its index.
        contigs: of the reference in use.
        machines: that align; they see index and folder under the same paths.
        folder: takes reads and records on their way.
        log: takes lines for the people who watch.
        batch_bases: size of the batches it will be given.

    Raises:
        ToolError: there is no such aligner, or ``bwa`` is not on PATH.
        KnowledgeError: the index is absent, partial, or of another reference.
    """

    def __init__(
        self,
        name: str,
        index: Path,
        contigs: tuple[Contig, ...],
        machines: Machines,
        folder: Path,
        log: Callable[[str], None],
        *,
        batch_bases: int = BATCH_BASES,
    ) -> None:
        self.name, self.version = name, aligner_version(name)
        self.index: AlignerIndex = open_index(index.absolute(), contigs, aligner=name)
        self._machines, self._folder, self._log, self._batch_bases = machines, folder, log, batch_bases

    def align(self, batches: Iterable[PairBatch], *, read_group: str, threads: int) -> Iterator[Records]:
        """See :meth:`engine.align.aligner.Aligner.align`; a machine that is lost costs the pieces that it had.

        Raises:
            GenomicsError: what aligning raises, from whichever machine.
        """
        pieces = self._pieces(iter(batches), read_group)
        with tempfile.TemporaryDirectory(prefix=".aligning-", dir=self._folder.absolute()) as folder:
            while given := write_work(FUNCTION, islice(pieces, PIECES_AT_ONCE), Path(folder)):
                self._machines.run(given, lambda _: None, self._log)
                yield from _gathered(given)

    def _pieces(self, batches: Iterator[PairBatch], read_group: str) -> Iterator[Piece]:
        while some := tuple(islice(batches, BATCHES_A_PIECE)):
            prefix, contigs = self.index.prefix, self.index.contigs
            yield Piece(self.name, prefix, contigs, self._batch_bases, read_group, some)


def _gathered(given: Sequence[Work]) -> Iterator[Records]:
    """Every piece's records in order; what was taken is removed."""
    for work in given:
        aligned: list[Records] = pickle.loads(work.output.read_bytes())
        work.task.unlink()
        work.output.unlink()
        yield from aligned
