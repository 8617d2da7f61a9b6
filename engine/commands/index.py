"""``genomics-engine index``: build the aligner's index before the first run, and share it among runs."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from engine.commands.files import PROGRAM, cache_beside, open_indexed_reference
from engine.commands.options import UsageError, add_command, say

if TYPE_CHECKING:
    from pathlib import Path

    from engine.commands.options import Commands
    from engine.reference.genome import Reference


def add_index(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "index",
        _index,
        "build the aligner's index of a reference where align finds it, and share it among the runs of this machine",
        "--reference REF.fa --memory 14 --share",
    )
    parser.add_argument(
        "--aligner", choices=("bwa-mem3", "bwa"), default="bwa-mem3", help="whose index (default: %(default)s)"
    )
    parser.add_argument(
        "--memory",
        type=float,
        metavar="GIB",
        help="memory that may be taken; where it does not suffice for the fast way, the slow one is taken, which makes "
        "the same bytes and goes on where an interrupted run ended (default: what is free)",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N", help="cores (default: all)")
    shared = parser.add_mutually_exclusive_group()
    shared.add_argument("--share", action="store_true", help="keep one copy in memory for all runs of this machine")
    shared.add_argument("--unshare", action="store_true", help="take every shared index out of memory again")


def _index(options: argparse.Namespace) -> None:
    if options.threads < 1:
        raise UsageError(f"--threads {options.threads} is not at least 1")
    if options.aligner == "bwa" and (options.share or options.unshare):
        raise UsageError("only the index of bwa-mem3 can be shared")
    if options.unshare:
        from engine.align.shared_memory import unshare_indexes

        unshare_indexes()
        return
    reference = open_indexed_reference(options.reference)
    prefix = index_beside(reference, options)
    say(options, f"the index is {prefix}")
    if options.share:
        _share(reference, prefix, options)


def _share(reference: Reference, prefix: Path, options: argparse.Namespace) -> None:
    from engine.align.index import open_index
    from engine.align.shared_memory import share_index
    from engine.headroom import gibibytes

    taken = share_index(open_index(prefix, reference.contigs))
    say(options, f"shared: {gibibytes(taken)} of memory, once for all runs" if taken else "it was shared already")


def index_beside(reference: Reference, options: argparse.Namespace) -> Path:
    """The aligner's index beside the FASTA if it is there and complete, else one of ours, built when absent."""
    from engine.align.index import ensure_index, open_index, require_alternates
    from engine.errors import KnowledgeError

    try:
        index = open_index(reference.fasta, reference.contigs, aligner=options.aligner)
        require_alternates(reference, index)
        return index.prefix
    except KnowledgeError:
        # A name of its own: files of another aligner's index may bear the FASTA's.
        memory = getattr(options, "memory", None)
        return ensure_index(
            reference,
            cache_beside(reference.fasta, reference.fasta.name + f".{PROGRAM}"),
            aligner=options.aligner,
            threads=options.threads,
            memory=None if memory is None else int(memory * (1 << 30)),
            log=None if options.quiet else lambda line: say(options, line),
        ).prefix
