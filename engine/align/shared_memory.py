"""One copy of bwa-mem3's index in memory for all runs of a machine.

bwa-mem3 looks for an index in shared memory by the last part of its path alone, so that one named ``index`` is taken
for any other of that name. Here an index is always opened by a name made of what is in it, whether it is shared or
not: then none but the same can be found.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.align.index import BWA_MEM3_FILES, AlignerIndex
from engine.errors import KnowledgeError
from engine.headroom import free_disk, gibibytes
from engine.reference.genome import contigs_digest

SHARED_MEMORY = Path("/dev/shm")
_WHOLE = (".ann", ".amb", ".alt")
"""Small files, read through."""
_ENDS = (".0123", ".pac", ".bwt.2bit.64")
"""Large files, of which the length and the last piece are read."""
_END = 1 << 16


def share_index(index: AlignerIndex) -> int:
    """Put an index into shared memory, where it stays until :func:`unshare_indexes` or the machine's next start.

    Returns:
        Its bytes there, 0 where it was there already.

    Raises:
        KnowledgeError: shared memory has no room for it.
    """
    import bwa_mem3

    with named_by_content(index) as prefix:
        if bwa_mem3.shm.is_staged(str(prefix)):
            return 0
        size = sum(Path(f"{prefix}{suffix}").stat().st_size for suffix in BWA_MEM3_FILES)
        if size > (room := free_disk(SHARED_MEMORY)):
            raise KnowledgeError(
                f"the index takes {gibibytes(size)} of shared memory and {gibibytes(room)} are free",
                file=index.prefix,
                remedy=f"give {SHARED_MEMORY} more room (mount -o remount,size=...), or do without: each run then "
                "holds a copy of its own",
            )
        bwa_mem3.shm.stage(str(prefix))
    return size


def unshare_indexes() -> None:
    """Take every index of bwa-mem3 out of shared memory; runs that use one keep it until they end."""
    import bwa_mem3

    bwa_mem3.shm.destroy()


@contextmanager
def named_by_content(index: AlignerIndex) -> Iterator[Path]:
    """The index under a prefix whose last part no other index bears, for as long as it takes to open it."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / f"genomics-{_digest(index)[:24]}"
        for suffix in (*BWA_MEM3_FILES, ".alt"):
            if (file := Path(f"{index.prefix}{suffix}")).exists():
                Path(f"{prefix}{suffix}").symlink_to(file.resolve())
        yield prefix


def _digest(index: AlignerIndex) -> str:
    found = hashlib.sha256(contigs_digest(index.contigs).encode())
    for suffix in _WHOLE:
        file = Path(f"{index.prefix}{suffix}")
        found.update(f"{suffix} {file.exists()}\n".encode() + (file.read_bytes() if file.exists() else b""))
    for suffix in _ENDS:
        size = Path(f"{index.prefix}{suffix}").stat().st_size
        with Path(f"{index.prefix}{suffix}").open("rb") as opened:
            opened.seek(max(0, size - _END))
            found.update(f"{suffix} {size}\n".encode() + opened.read())
    return found.hexdigest()
