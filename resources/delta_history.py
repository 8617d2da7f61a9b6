"""What a Delta table still knows of its past, and how it is made to forget it.

A deletion leaves much behind: the deletion's own predicate, the statistics of every file that ever was part of the
table, files that nothing names any more. :func:`forget` leaves the table as it is and nothing of how it came to be;
:func:`traces` reads every byte that is left and says where something is still named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

_LOG = "_delta_log"
_LAST = "_last_checkpoint"


def forget(folder: Path, properties: CommitProperties) -> None:
    """Leave a table's current rows, and nothing else: a checkpoint, the commit it is of, and the files it names.

    Nobody else may write to the table meanwhile. Whoever has it open in an earlier version can no longer read that.

    Args:
        folder: of the table.
        properties: of the commit that the checkpoint is made of, which changes no row.
    """
    from deltalake import DeltaTable

    opened = DeltaTable(str(folder))
    opened.create_write_transaction([], "append", opened.schema(), commit_properties=properties)
    opened = DeltaTable(str(folder))
    opened.create_checkpoint()
    for path in _superseded(folder, opened):
        path.unlink(missing_ok=True)


def _superseded(folder: Path, opened: DeltaTable) -> Iterator[Path]:
    """Commits and checkpoints before the current version, oldest first; then files that the table does not name."""
    current = f"{opened.version():020}"
    log = sorted((folder / _LOG).iterdir())
    yield from (path for path in log if path.name != _LAST and not path.name.startswith(current))
    named = {unquote(uri).rpartition("/")[2] for uri in opened.file_uris()}
    yield from (path for path in sorted(folder.iterdir()) if path.is_file() and path.name not in named)


def traces(folder: Path, word: str) -> list[Path]:
    """Files below a folder that hold a word as a value of its own, in quotes where it is within a text.

    Both quotes are of one kind. Of long values Parquet's statistics hold the first 64 bytes, rounded up where they are
    a maximum: of ``..."sample_id":"S1"...`` that may be ``..."sample_id":"S2``, which no sample was ever called.
    """
    quoted = re.compile(rf"""(?<!\\)(\\*['"]){re.escape(word)}\1""")
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _names(path, quoted)]


def _names(path: Path, word: re.Pattern[str]) -> bool:
    with suppress(FileNotFoundError):  # gone since it was listed
        return any(word.search(text) for text in _texts(path))
    return False


def _texts(path: Path) -> Iterator[str]:
    """What a file says, as text: every value of a Parquet file, its statistics and its footer; else its bytes."""
    content = path.read_bytes()
    if content[:4] != b"PAR1":
        yield content.decode("latin-1")
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    yield f"{file.schema_arrow} {file.schema_arrow.metadata} {file.metadata.metadata}"
    for group in range(file.metadata.num_row_groups):
        described = file.metadata.row_group(group)
        yield str([described.column(number).to_dict() for number in range(described.num_columns)])
    for batch in file.iter_batches():
        yield from (_said(column) for column in batch.columns)


def _said(column: pa.Array) -> str:
    """The different values of a column as text; numbers name nothing."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_nested(kind):
        return str(column.to_pylist())
    numbers = pa.types.is_primitive(kind)
    return "" if numbers else str(column.unique().to_pylist())
