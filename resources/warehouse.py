"""Where the cohort lives: Delta tables to which each sample is added exactly once.

A sample's rows carry a version; adding the same version again changes nothing, adding another one replaces the
sample's rows in one commit, and a sample that withdraws leaves. The transaction log says what to read: files that a
killed process left behind are not in it. Which rows a sample has is computed in ``engine/cohort``.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from engine.cohort.columns import TABLES
from engine.errors import LakeError
from engine.tables import arrow_schema
from resources.delta_history import forget, traces

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

Result = TypeVar("Result")
COMPACT_EVERY = 50
"""Commits between compactions: an append takes 11 ms on a compacted table and 76 ms after 300 commits."""
ATTEMPTS = 20
_IMPOSSIBLE = re.compile(r"[\[\]^|\\\x00-\x1f\x7f\udc80-\udcff]|%[0-9A-Fa-f]{2}")
"""What deltalake 1.6.6 makes URLs of and cannot, or decodes where nothing was encoded."""
_PARENTS = {"father_id", "mother_id"}
"""Columns in which a sample's row names another sample."""
_NAME_NOBODY = {column.name for columns in TABLES.values() for column in columns} - _PARENTS - {"sample_id"}
"""Columns of the cohort's tables that hold no sample ids; any that the platform does not know may."""
_NONE = 0
"""Version of a sample whose rows were taken out: any other may be put again."""
_WRITING = "writing"
"""What those who write to a table do side by side, and whoever makes it forget its past does alone."""
_NAMESPACE = uuid.UUID("5c0e3c04-6f0b-5a3c-9b5e-6c2b7c3c1f11")


@dataclass(frozen=True)
class Warehouse:
    """The Delta tables of one deployment.

    Attributes:
        root: folder with one folder a table.

    Raises:
        LakeError: the folder's path has letters that Delta tables cannot be kept under.
    """

    root: Path

    def __post_init__(self) -> None:
        path = os.path.realpath(self.root)
        bad = sorted(set(_IMPOSSIBLE.findall(path)))
        if bad:
            raise LakeError(
                f"the folder's path holds {', '.join(map(repr, bad))}: Delta tables cannot be kept there",
                file=repr(path)[1:-1],
                remedy="give the data folder (GENOMICS_DATA) a path without brackets, ^, |, backslash, %xx or"
                " letters that are not UTF-8",
            )

    def put(self, table: str, rows: pa.Table, *, sample: str, version: str) -> bool:
        """Make ``rows`` the sample's rows of ``table``; False where this version was there already.

        Args:
            table: name of the table, made when absent.
            rows: all rows of the sample, with a column ``sample_id``.
            sample: the sample's id.
            version: hex digest of the rows' content.
        """
        self._renew(table)
        with self._told(table), self._alone(table, _WRITING, shared=True):
            return _until_committed(lambda: self._put(table, rows, sample, version))

    def holds(self, table: str, *, sample: str, version: str) -> bool:
        """Whether the table has the sample's rows of this version; arguments as of :meth:`put`."""
        opened = self._open(table)
        return opened is not None and opened.transaction_version(_application(sample)) == _number(version)

    def remove(self, sample: str) -> None:
        """Take a sample's rows out of every table, and its id off the disk: rows, log, statistics and leftovers.

        Every file is then read again. Tables that are being built from these files fail and are built again.

        Raises:
            LakeError: a table cannot be written to, or the id is still there.
        """
        for log in sorted(self.root.glob("*/_delta_log")):
            table = log.parent.name
            with self._told(table), self._alone(table, _WRITING):
                _until_committed(partial(self._delete, table, sample))
                if self._open(table) is not None:
                    forget(self.root / table, _marked(sample, _NONE))
            if left := self.traces(sample, table):
                raise LakeError(
                    f"the cohort's table {table!r} still names the sample after its rows were taken out",
                    sample=sample,
                    file=left[0],
                    remedy="end what else writes to the table and withdraw the sample again",
                )

    def traces(self, sample: str, table: str = ".") -> list[Path]:
        """Files of one table, or of all, that name a sample, whether the table still consists of them or not.

        Where a value of another kind is spelt like the id (an allele, a contig, a family), that names no sample.
        """
        return traces(self.root / table, sample, _NAME_NOBODY)

    def _delete(self, table: str, sample: str) -> None:
        """Take the sample's rows out, and its id out of the rows of its children."""
        opened = self._open(table)
        if opened is None:
            return
        opened.delete(f"sample_id = '{sample}'", commit_properties=_marked(sample, _NONE))
        for column in _PARENTS & {field.name for field in opened.schema().fields}:
            opened.update({column: "NULL"}, predicate=f"{column} = '{sample}'")

    def files(self, table: str) -> list[str]:
        """Paths of the Parquet files that the log says the table consists of; none where it does not exist."""
        self._renew(table)
        opened = self._open(table)
        named = [] if opened is None else [unquote(uri).rpartition("/")[2] for uri in opened.file_uris()]
        return [str(self.root / table / name) for name in sorted(named)]

    def version(self, table: str) -> int:
        """Version of the table's log, -1 where it does not exist."""
        opened = self._open(table)
        return -1 if opened is None else opened.version()

    def compact(self, table: str) -> None:
        """Make a table's small files into large ones.

        One process at a time, each on the table as the one before left it: Delta refuses a stale deletion, but of two
        compactions of the same files both are committed (deltalake 1.6.6), and every row is there twice.
        """
        from deltalake.exceptions import CommitFailedError

        with self._alone(table, _WRITING, shared=True), self._alone(table, "compacting"):
            opened = self._open(table)
            with suppress(CommitFailedError):  # a sample was replaced meanwhile: the next round compacts
                if opened is not None:
                    opened.optimize.compact()

    def _put(self, table: str, rows: pa.Table, sample: str, version: str) -> bool:
        from deltalake import write_deltalake

        application, number = _application(sample), _number(version)
        properties = {
            "writer_properties": _writer_properties(rows.schema),
            "commit_properties": _marked(sample, number),
        }
        if self._begin(table, rows, properties):
            return True
        opened = self._open(table)
        if opened is None:
            raise LakeError(
                f"the cohort's table {table!r} went while it was written to",
                sample=sample,
                file=self.root / table,
                remedy="find out who removed it; materialize cohort_contribution of every sample again",
            )
        before = opened.version()
        present = opened.transaction_version(application)
        if present == number:
            return False
        replacing: Mapping[str, Any] = (
            {"mode": "append"} if present is None else {"mode": "overwrite", "predicate": f"sample_id = '{sample}'"}
        )
        write_deltalake(opened, rows, **replacing, **properties)
        # Whoever's commit made a round of them full.
        if self.version(table) // COMPACT_EVERY > before // COMPACT_EVERY:
            self.compact(table)
        return True

    def _renew(self, table: str) -> None:
        """Give the columns of an earlier release today's names, every row and every sample's version kept."""
        if self._is_former(table):
            with self._told(table), self._alone(table, _WRITING):
                _until_committed(partial(self._rename, table))

    def _is_former(self, table: str) -> bool:
        former = [column.formerly or column.name for column in TABLES.get(table, ())]
        opened = self._open(table)
        kept = [field.name for field in opened.schema().fields] if opened else former
        return kept == former != [column.name for column in TABLES.get(table, ())]

    def _rename(self, table: str) -> None:
        import pyarrow as pa
        from deltalake import write_deltalake

        opened = self._open(table)
        if opened is None or not self._is_former(table):  # another process was here first
            return
        schema = arrow_schema(TABLES[table], bare=True)
        batches = (
            pa.RecordBatch.from_arrays(
                [column.cast(field.type) for column, field in zip(batch, schema, strict=True)], schema=schema
            )
            for batch in opened.to_pyarrow_dataset().to_batches()
        )
        write_deltalake(
            opened,
            pa.RecordBatchReader.from_batches(schema, batches),
            mode="overwrite",
            schema_mode="overwrite",
            writer_properties=_writer_properties(schema),
        )

    def _begin(self, table: str, rows: pa.Table, properties: Mapping[str, Any]) -> bool:
        """Make the table with its first rows in one commit, so that nobody ever sees it empty; False where it is.

        One process at a time: Delta refuses a stale write only to a table that was there when it was opened.
        """
        from deltalake import write_deltalake

        if self._open(table):
            return False
        with self._alone(table, "beginning"):
            if self._open(table):
                return False
            write_deltalake(str(self.root / table), rows, **properties)
        return True

    @contextmanager
    def _alone(self, table: str, doing: str, *, shared: bool = False) -> Iterator[None]:
        """Wait until no other process is doing the same to the table; ``shared``: alone of those that do not share."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{table}.{doing}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield

    def _open(self, table: str) -> DeltaTable | None:
        from deltalake import DeltaTable

        path = str(self.root / table)
        with self._told(table):
            return DeltaTable(path) if DeltaTable.is_deltatable(path) else None

    @contextmanager
    def _told(self, table: str) -> Iterator[None]:
        """What Delta cannot do, in the platform's words; a lost race goes on to who tries again.

        A panic of its Rust code is no :class:`Exception` and would end the process that imports it.
        """
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            yield
        except CommitFailedError:
            raise
        except BaseException as error:
            if not isinstance(error, DeltaError | OSError) and type(error).__module__ != "pyo3_runtime":
                raise
            raise LakeError(
                f"the cohort's table {table!r} cannot be read or written ({error})",
                file=self.root / table,
                remedy="see that the disk has room and the folder may be written to; if the table is damaged, move it"
                " away and materialize cohort_contribution of every sample again",
            ) from error


def _until_committed(commit: Callable[[], Result]) -> Result:
    """Try again when another process committed since the table was opened: its rows are not ours, look again."""
    from deltalake.exceptions import CommitFailedError

    for _ in range(ATTEMPTS - 1):
        with suppress(CommitFailedError):
            return commit()
    return commit()


def _marked(sample: str, version: int) -> CommitProperties:
    """The properties of a commit that bears the version of a sample's rows."""
    from deltalake import CommitProperties, Transaction

    return CommitProperties(app_transactions=[Transaction(_application(sample), version)])


def _application(sample: str) -> str:
    """The transaction's application id: opaque, since it outlives the sample's rows in the log's checkpoints."""
    return uuid.uuid5(_NAMESPACE, sample).hex


def _number(version: str) -> int:
    """A version as a transaction's number."""
    return int(version[:15], 16)


def _writer_properties(schema: pa.Schema) -> Any:
    """zstd, and delta-packed integers for what is sorted: 0.69 bytes a call against 1.69 by default."""
    import pyarrow as pa
    from deltalake import ColumnProperties, WriterProperties

    packed = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
    sorted_integers = {"position", "bin", "start", "end"}
    columns = {
        field.name: packed for field in schema if field.name in sorted_integers and pa.types.is_integer(field.type)
    }
    return WriterProperties(compression="ZSTD", column_properties=columns or None)
