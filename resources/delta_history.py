"""What a Delta table still knows of its past, and how it is made to forget it.

A deletion leaves much behind: the deletion's own predicate, the statistics of every file that ever was part of the
table, files that nothing names any more. :func:`forget` leaves the table as it is and nothing of how it came to be;
:func:`traces` reads every byte that is left and says where something is still named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

LOG_ENTRIES = 100
"""Files of a log at which its beginning goes: opening a table lists them all."""
_KEPT_CHECKPOINTS = 3
"""From the first of these on a log is kept: whoever opened the table before as many rounds of commits still writes."""
_LOG = "_delta_log"
_LAST = "_last_checkpoint"
_NOTED = "_superseded.json"
"""File beside the log, which other programs overlook, with the files that a table no longer names and since when."""


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


def shorten(folder: Path) -> None:
    """Let a long log begin with a late checkpoint, which says all that the commits before it said.

    Delta itself lets a log grow by time alone, so that samples added one after the other pay for those before.

    Args:
        folder: of the table.
    """
    names = sorted(path.name for path in (folder / _LOG).iterdir() if path.name[:20].isdigit())
    checkpoints = [name[:20] for name in names if ".checkpoint." in name]
    if len(names) > LOG_ENTRIES and len(checkpoints) > _KEPT_CHECKPOINTS:
        for name in names:
            if name[:20] < checkpoints[-_KEPT_CHECKPOINTS]:
                (folder / _LOG / name).unlink(missing_ok=True)


def sweep(folder: Path, named: Collection[str], *, now: float, after: float) -> int:
    """Delete files that a table has not consisted of for some time; those who read them may still do so till then.

    Delta would do it by what its log says of the past, which is forgotten early.

    Args:
        folder: of the table.
        named: names of the files that it consists of.
        now: seconds since 1970.
        after: seconds since a sweep first found a file there that the table does not name.

    Returns:
        How many were deleted.
    """
    note = folder / _LOG / _NOTED
    noted = json.loads(note.read_text()) if note.exists() else {}
    files = {path.name: path for path in folder.iterdir() if path.is_file()}
    found = {name: min(now, noted.get(name, now)) for name in sorted(files.keys() - set(named))}
    gone = [name for name, since in found.items() if now - since >= after]
    for name in gone:
        files[name].unlink(missing_ok=True)
    draft = note.with_suffix(".draft")
    draft.write_text(json.dumps({name: since for name, since in found.items() if name not in gone}))
    draft.replace(note)
    return len(gone)


def _superseded(folder: Path, opened: DeltaTable) -> Iterator[Path]:
    """Commits and checkpoints before the current version, oldest first; then files that the table does not name."""
    current = f"{opened.version():020}"
    log = sorted((folder / _LOG).iterdir())
    yield from (path for path in log if path.name != _LAST and not path.name.startswith(current))
    named = {unquote(uri).rpartition("/")[2] for uri in opened.file_uris()}
    yield from (path for path in sorted(folder.iterdir()) if path.is_file() and path.name not in named)


def traces(folder: Path, word: str, wordless: Collection[str] = ()) -> list[Path]:
    """Files below a folder that hold a word as a value of its own, or in quotes within one.

    What a table's format itself says in every table (the types of columns, the kinds of operations) is no value of
    anybody's. Of long values Parquet's statistics hold the first 64 bytes, which no word is sought in: the whole value
    is.

    Args:
        folder: read to the last file, whatever names it.
        word: sought.
        wordless: columns whose values are of other kinds, however they are spelt: an allele ``A`` is not the sample A.
    """
    sought = _Sought(word, frozenset(wordless) | _OF_THE_FORMAT)
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _names(path, sought)]


_OF_THE_FORMAT = frozenset(
    {
        *("operation", "mode", "partitionBy", "engineInfo", "clientVersion"),
        *("provider", "schemaString", "partitionColumns", "readerFeatures", "writerFeatures"),
        *("ARROW:schema", "pandas"),
    }
)
"""Fields of Delta's log and of Parquet's footer whose words are the format's own."""
_CUT_SHORT = frozenset({"stats"})
"""Columns of a checkpoint whose values are long: Parquet's statistics of them end anywhere within."""


class _Sought:
    """A word, as it may stand in a file."""

    def __init__(self, word: str, wordless: frozenset[str]) -> None:
        self._word = word
        self._wordless = wordless
        self._quoted = re.compile(rf"""(?<!\\)(\\*['"]){re.escape(word)}\1""")  # both quotes are of one kind

    def reads(self, column: str) -> bool:
        """Whether a column's values may name anybody."""
        return column not in self._wordless

    def stands_in_text(self, text: str) -> bool:
        """Whether it stands there in quotes."""
        return bool(self._quoted.search(text))

    def stands_in(self, value: Any) -> bool:
        """Whether it is a value, or a part of one: of a mapping, a list, or a text that is JSON itself."""
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str):
            inner = _parsed(value)
            return value == self._word or (self.stands_in_text(value) if inner is None else self.stands_in(inner))
        if isinstance(value, Mapping):
            return any(self.reads(_text_of(key)) and self.stands_in(each) for key, each in value.items())
        return isinstance(value, list | tuple) and any(map(self.stands_in, value))


def _text_of(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)


def _parsed(text: str) -> dict[str, Any] | list[Any] | None:
    """A text that is a JSON object or list, as what it says."""
    if text[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            value: dict[str, Any] | list[Any] = json.loads(text)
            return value
    return None


def _names(path: Path, sought: _Sought) -> bool:
    with suppress(FileNotFoundError):  # gone since it was listed
        content = path.read_bytes()
        if content[:4] == b"PAR1":
            return _parquet_names(content, sought)
        lines = content.decode("latin-1").splitlines()
        return any(sought.stands_in(line) for line in lines)
    return False


def _parquet_names(content: bytes, sought: _Sought) -> bool:
    """Whether a Parquet file names it: in a value, in the statistics, in the footer; one that is cut, in its bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        return (
            sought.stands_in(file.metadata.metadata or {})
            or any(map(sought.stands_in, _statistics(file.metadata, sought)))
            or any(sought.stands_in(value) for batch in file.iter_batches() for value in _values(batch, sought))
        )
    except pa.ArrowException:
        return sought.stands_in_text(content.decode("latin-1"))


def _statistics(footer: Any, sought: _Sought) -> Iterator[Any]:
    """The least and the greatest value of each column in each group of rows."""
    for group in range(footer.num_row_groups):
        described = footer.row_group(group)
        for number in range(described.num_columns):
            column = described.column(number)
            names, told = column.path_in_schema.split("."), column.statistics
            if told and told.has_min_max and not _CUT_SHORT & set(names) and all(map(sought.reads, names)):
                yield from (told.min, told.max)


def _values(batch: pa.RecordBatch, sought: _Sought) -> Iterator[Any]:
    """The different values of the columns; numbers name nothing."""
    import pyarrow as pa

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_nested(kind):
            yield {name: column.to_pylist()}
        elif sought.reads(name) and not pa.types.is_primitive(kind):
            yield column.unique().to_pylist()
