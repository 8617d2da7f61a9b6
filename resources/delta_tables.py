"""Delta tables to which each sample is added exactly once.

A sample's rows carry a version; adding the same version again changes nothing, adding another one replaces the
sample's rows in one commit, and a sample that withdraws leaves. The transaction log says what to read: files that a
killed process left behind are not in it.

Rows of large tables lie in groups of samples (:data:`engine.cohort.columns.GROUP`): a file holds samples of one group,
so that replacing or withdrawing a sample rewrites its group's files and nothing else, however large the cohort is.
What the tables of the cohort are to each other is the business of ``resources/warehouse.py``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

from engine.cohort.columns import (
    FORMER_NAMES,
    GOLD,
    GROUP,
    GROUP_COLUMN,
    GROUPED,
    IN_ORDER,
    KEPT,
    STUDY_MEMBER_COLUMNS,
    TABLES,
)
from engine.duckdb_paths import as_literal, as_pattern
from engine.errors import LakeError
from engine.tables import arrow_schema
from resources.delta_history import forget, shorten, sweep, traces

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

Result = TypeVar("Result")
COMPACT_EVERY = 50
"""Commits between compactions: an append takes 11 ms on a compacted table and 76 ms after 300 commits."""
FILES_A_GROUP = 32
"""Files of one group of samples at which they are made one."""
LARGEST_GROUP = 2 << 30
"""Bytes of a group's files from which on they stay as they are, one a sample: reference blocks of whole genomes."""
ATTEMPTS = 20
_IMPOSSIBLE = re.compile(r"[\[\]^|\\\x00-\x1f\x7f\udc80-\udcff]|%[0-9A-Fa-f]{2}")
"""What deltalake 1.6.6 makes URLs of and cannot, or decodes where nothing was encoded."""
_PARENTS = {"father_id", "mother_id"}
"""Columns in which a sample's row names another sample."""
_NAME_NOBODY = (
    {column.name for columns in (*TABLES.values(), STUDY_MEMBER_COLUMNS) for column in columns}
    - _PARENTS
    - {"sample_id"}
)
"""Columns of the cohort's tables that hold no sample ids; any that the platform does not know may."""
_NONE = 0
"""Version of a sample whose rows were taken out: any other may be put again."""
WRITING = "writing"
"""What those who write to a table do side by side, and whoever makes it forget its past does alone."""
_GROUPING = "grouping"
"""What decides which rows of a grouped table lie in which file: by one process at a time."""
NAMESPACE = uuid.UUID("5c0e3c04-6f0b-5a3c-9b5e-6c2b7c3c1f11")
_MEMBERS = uuid.uuid5(NAMESPACE, "samples in groups, each told with its version").hex
"""The application id under which the log keeps how many samples were put into groups."""
_GROUP_BITS = 20
"""Of a version's number in a grouped table: they tell the sample's group. Each application id of a log makes whoever
opens the table pay, so that a sample has one."""
KEPT_SHORT = {
    "delta.checkpointInterval": "20",
    "delta.deletedFileRetentionDuration": "interval 0 seconds",
    "delta.logRetentionDuration": "interval 1 hours",
}
"""Of a table's past. With deltalake's defaults adding a sample takes twice as long after 1,800 as after 300: it opens
every table, and reads what was removed and lists what was committed long ago. Files stay for those who read them:
:meth:`DeltaTables.sweep` deletes them later."""
_OF_ONE = "SELECT * FROM read_parquet($1) WHERE sample_id = $2"
_MEMORY = "2GB"
"""For sorting a group's rows; what is more lies on the disk meanwhile."""
_PACKED: Final = "DELTA_BINARY_PACKED"
_BATCH = 131_072
"""Rows handed over at once."""


@dataclass(frozen=True)
class DeltaTables:
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
        try:
            return self._put_exactly_once(table, rows, sample, version)
        except _FormerNamesError:
            self._renew(table)
            return self._put_exactly_once(table, rows, sample, version)

    def _put_exactly_once(self, table: str, rows: pa.Table, sample: str, version: str) -> bool:
        with self._told(table), self._alone(table, WRITING, shared=True):
            if table not in GROUPED:
                written = until_committed(lambda: self._put(table, rows, sample, version))
            else:
                with self._alone(table, _GROUPING):
                    written = until_committed(lambda: self._put(table, rows, sample, version))
        if written is not None:
            with self._told(table):
                self._tidy(table, written)
                shorten(self.root / table)
        return written is not None

    def at_rest(self) -> AbstractContextManager[object]:
        """Nobody contributes or leaves while this is held."""
        return self._alone("cohort", "contributing")

    def restate(self, table: str, rows: pa.Table) -> None:
        """Make ``rows`` all that a small table holds, in one commit, where they are others than it has.

        Args:
            table: name of a table to which no sample adds by itself.
            rows: all of them, with a column ``sample_id``.
        """
        from deltalake import write_deltalake

        with self._told(table), self._alone(table, WRITING):
            opened = self._open(table)
            if opened is not None and opened.to_pyarrow_table().equals(rows):
                return
            path = str(self.root / table)
            how: Mapping[str, Any] = {"configuration": KEPT_SHORT} if opened is None else {}
            write_deltalake(path, rows, mode="overwrite", writer_properties=writer_properties(rows.schema), **how)

    def holds(self, table: str, *, sample: str, version: str) -> bool:
        """Whether the table has the sample's rows of this version; arguments as of :meth:`put`."""
        opened = self._open(table)
        return opened is not None and _told_of(opened, table, sample).version == _number(version)

    def rows_of(self, table: str, sample: str) -> pa.Table | None:
        """The sample's rows, read from its group's files alone; absent where it has none."""
        import duckdb

        opened = self._open(table)
        if opened is not None and _is_former(table, opened):
            self._renew(table)
            opened = self._open(table)
        if opened is None or (told := _told_of(opened, table, sample)).version in (None, _NONE):
            return None
        group = told.group if table in GROUPED else None
        files = [as_pattern(self.root / table / name) for name in names_of(opened, GROUP_COLUMN.name, group)]
        if not files:
            return None
        with duckdb.connect() as db:
            found: pa.Table = db.sql(_OF_ONE, params=[files, sample]).to_arrow_table()
        return as_of_today(table, found)

    def remove(self, sample: str) -> None:
        """Take a sample's rows out of every table, and its id off the disk: rows, log, statistics and leftovers.

        Every file is then read again. Tables that are being built from these files fail and are built again.

        Raises:
            LakeError: a table cannot be written to, or the id is still there.
        """
        for table in self._of_samples():
            self._renew(table)
            with self._told(table), self._alone(table, WRITING):
                until_committed(partial(self._delete, table, sample))
                if (opened := self._open(table)) is not None:
                    forget(self.root / table, _taken_out(opened, table, sample))
            if left := self.traces(sample, table):
                raise LakeError(
                    f"the cohort's table {table!r} still names the sample after its rows were taken out",
                    sample=sample,
                    file=left[0],
                    remedy="end what else writes to the table and withdraw the sample again",
                )

    def sweep(self, now: float, after: float = 86_400) -> int:
        """Delete files that no table has consisted of for a day; those who list files read them for less.

        Args:
            now: seconds since 1970.
            after: seconds since an earlier sweep found them superseded.

        Returns:
            How many were deleted.

        Raises:
            LakeError: a table cannot be read, or a file not deleted.
        """
        swept = 0
        for table in self._names():
            with self._told(table), self._alone(table, WRITING):
                if table in GROUPED:
                    self._regroup(table)
                opened = self._open(table)
                if opened is not None:
                    swept += sweep(self.root / table, names_of(opened), now=now, after=after)
        return swept

    def _of_samples(self) -> list[str]:
        """Names of the tables that are there and have rows of samples."""
        return [name for name in self._names() if name not in GOLD]

    def _names(self) -> list[str]:
        """Names of the tables that are there."""
        for table in FORMER_NAMES:
            self._take_former_name(table)
        return sorted(log.parent.name for log in self.root.glob("*/_delta_log"))

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
        group = _told_of(opened, table, sample).group
        opened.delete(_is(table, group, sample), commit_properties=_taken_out(opened, table, sample))
        for column in _PARENTS & {field.name for field in opened.schema().fields}:
            opened.update({column: "NULL"}, predicate=f"{column} = '{sample}'")

    def files(self, table: str) -> list[str]:
        """Paths of the Parquet files that the log says the table consists of; none where it does not exist."""
        self._renew(table)
        opened = self._open(table)
        if opened is None:
            return []
        with self._told(table):
            _require_whole_files(opened, self.root / table)
        return [str(self.root / table / name) for name in sorted(names_of(opened))]

    def version(self, table: str) -> int:
        """Version of the table's log, -1 where it does not exist."""
        opened = self._open(table)
        return -1 if opened is None else opened.version()

    def compact(self, table: str) -> None:
        """Make a table's small files into large ones; of a grouped table one a group, sorted by place and sample.

        One process at a time, each on the table as the one before left it: Delta refuses a stale deletion, but of two
        compactions of the same files both are committed (deltalake 1.6.6), and every row is there twice.
        """
        from deltalake.exceptions import CommitFailedError

        if table in GROUPED:
            opened = self._open(table)
            for group in _groups(opened) if opened else ():
                self._compact_group(table, group)
            return
        with self._alone(table, WRITING, shared=True), self._alone(table, "compacting"):
            opened = self._open(table)
            with suppress(CommitFailedError):  # a sample was replaced meanwhile: the next round compacts
                if opened is not None:
                    opened.optimize.compact()

    def _compact_group(self, table: str, group: int) -> None:
        """Replace a group's files by one of the same rows, in one commit, sorted outside memory where they are many."""
        with self._alone(table, WRITING, shared=True), self._alone(table, _GROUPING):
            opened = self._open(table)
            names = names_of(opened, GROUP_COLUMN.name, group) if opened else []
            if opened is not None and len(names) > 1:
                order = [field.name for field in opened.schema().fields if field.name in IN_ORDER]
                ordered = ", ".join(sorted(order, key=IN_ORDER.index))
                self.rewrite(table, opened, names, f"SELECT * FROM rows ORDER BY {ordered}", f"sample_group = {group}")

    def rewrite(self, table: str, opened: DeltaTable, names: Sequence[str], query: str, predicate: str) -> None:
        """Put what a query makes of some files' rows in the place of all rows that a predicate is true of.

        Args:
            table: name of the table; whoever calls writes to it alone.
            opened: the table in the version that is rewritten.
            names: of the files, which hold all those rows and no other.
            query: over ``rows``; what it makes fulfils the predicate.
            predicate: of Delta.
        """
        import duckdb
        import pyarrow as pa
        from deltalake import write_deltalake

        spill = self._spill(table)
        shutil.rmtree(spill, ignore_errors=True)  # a killed process's
        files = [as_pattern(self.root / table / name) for name in names]
        schema = pa.schema(opened.schema().to_arrow())
        try:
            with duckdb.connect() as db:
                db.execute(f"SET memory_limit = '{_MEMORY}'; SET temp_directory = {as_literal(spill)}")
                db.read_parquet(files).create_view("rows")
                batches = db.sql(query).to_arrow_reader(_BATCH)
                write_deltalake(
                    opened,
                    pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches)),
                    mode="overwrite",
                    predicate=predicate,
                    writer_properties=writer_properties(schema),
                )
        finally:
            shutil.rmtree(spill, ignore_errors=True)

    def _put(self, table: str, rows: pa.Table, sample: str, version: str) -> _Written | None:
        """Write the rows; absent where this version was there already."""
        from deltalake import write_deltalake

        number, opened = _number(version), self._open(table)
        properties = writer_properties(rows.schema)
        if opened is None:
            new = _Told(None, 0, 0 if table in GROUPED else None)
            first = {"writer_properties": properties, "commit_properties": _marked(sample, number, new)}
            if self._begin(table, _in_group(table, rows, 0), first):
                return _Written(self._there(table, sample), 0, 0, completes=GROUP == 1)
            opened = self._there(table, sample)
        if _is_former(table, opened):
            raise _FormerNamesError
        before, told = opened.version(), _told_of(opened, table, sample)
        if told.version == number:
            return None
        how: Mapping[str, Any] = {"mode": "append"}
        if told.version is not None:
            how = {"mode": "overwrite", "predicate": _is(table, told.group, sample)}
        write_deltalake(
            opened,
            _in_group(table, rows, told.group),
            **how,
            writer_properties=properties,
            commit_properties=_marked(sample, number, told),
        )
        completes = told.members is not None and (told.members + 1) % GROUP == 0
        return _Written(opened, before, told.group, completes=completes)

    def _there(self, table: str, sample: str) -> DeltaTable:
        opened = self._open(table)
        if opened is None:
            raise LakeError(
                f"the cohort's table {table!r} went while it was written to",
                sample=sample,
                file=self.root / table,
                remedy="find out who removed it; materialize cohort_contribution of every sample again",
            )
        return opened

    def _tidy(self, table: str, written: _Written) -> None:
        """Compact where a round of commits is full, or the sample's group is complete or has many files."""
        if table not in GROUPED:
            if written.table.version() // COMPACT_EVERY > written.before // COMPACT_EVERY:  # whoever made it full
                self.compact(table)
            return
        sizes = _sizes_of(written.table, written.group)
        if (written.completes or len(sizes) > FILES_A_GROUP) and sum(sizes) < LARGEST_GROUP:
            self._compact_group(table, written.group)

    def _renew(self, table: str) -> None:
        """Give the columns of an earlier release today's names, every row and every sample's version kept.

        Where the log of an earlier release tells groups beside versions, it is to tell them with these.
        """
        opened = self._open(table)
        if opened is not None and _is_former(table, opened):
            with self._told(table), self._alone(table, WRITING):
                until_committed(partial(self._rename, table))

    def _rename(self, table: str) -> None:
        from deltalake import write_deltalake

        opened = self._open(table)
        if opened is None or not _is_former(table, opened):  # another process was here first
            return
        if table in GROUPED:
            self._write_groups(table, opened)
            return
        schema = arrow_schema(KEPT[table], bare=True)
        rows = opened.to_pyarrow_table()
        columns = [rows.column(number).cast(field.type) for number, field in enumerate(schema)]
        write_deltalake(
            opened,
            rows.from_arrays(columns, schema=schema),
            mode="overwrite",
            schema_mode="overwrite",
            writer_properties=writer_properties(schema),
        )

    def _everybody(self, opened: DeltaTable) -> list[str]:
        """Ids of the samples that a table has rows of, or could have: some carry nothing."""
        people = self._open("samples")
        return sorted(set(_samples(opened)) | set(_samples(people) if people else ()))

    def _regroup(self, table: str) -> None:
        """Put samples into groups whose number in the log is none.

        Of samples without rows an earlier release left a number whose last bits are their version's: each got a group
        by itself, which was compacted with nobody's.
        """
        opened = self._open(table)
        if opened is None or _is_former(table, opened):
            return
        members = opened.transaction_version(_MEMBERS) or 0
        if any(_told_of(opened, table, one).group > members // GROUP for one in self._everybody(opened)):
            self._write_groups(table, opened)

    def _write_groups(self, table: str, opened: DeltaTable) -> None:
        """Write all rows anew in one commit, under the names of today: one sorted file a group."""
        import duckdb
        from deltalake import Schema

        samples = _samples(opened)
        groups, members = _groups_of(opened, self._everybody(opened))
        schema = arrow_schema(KEPT[table], bare=True)
        there = [as_pattern(self.root / table / name) for name in names_of(opened)]
        with duckdb.connect() as db:
            db.execute(f"SET memory_limit = '{_MEMORY}'; SET temp_directory = {as_literal(self._spill(table))}")
            if there:
                db.read_parquet(there).create_view("rows")
            added = [
                self._written_group(db, table, opened, schema, group, [one for one in samples if groups[one] == group])
                for group in sorted({groups[one] for one in samples})
            ]
        shutil.rmtree(self._spill(table), ignore_errors=True)
        marks = _in_groups(opened, groups, members)
        opened.create_write_transaction(added, "overwrite", Schema.from_arrow(schema), commit_properties=marks)

    def _written_group(
        self,
        db: duckdb.DuckDBPyConnection,
        table: str,
        opened: DeltaTable,
        schema: pa.Schema,
        group: int,
        samples: Sequence[str],
    ) -> Any:
        """A file of the rows of a group's samples, and what Delta's log is to say of it."""
        import pyarrow as pa
        import pyarrow.parquet as pq
        from deltalake.transaction import AddAction

        query = f"SELECT {_as_today(table, opened)} FROM rows WHERE list_contains($1, sample_id)"
        order = ", ".join(name for name in IN_ORDER if name in schema.names)
        name = f"part-{group:05}-{uuid.uuid4()}.parquet"
        path, packed = self.root / table / name, packed_columns(schema)
        others = [one for one in schema.names if one not in packed]
        rows = 0
        how: dict[str, Any] = {"column_encoding": dict.fromkeys(packed, _PACKED)} if packed else {}
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=others, **how) as writer:
            for batch in db.sql(f"{query} ORDER BY {order}", params=[list(samples)]).to_arrow_reader(_BATCH):
                told = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=False)]
                whole = [*told, pa.array([group] * len(batch), schema[-1].type)]
                writer.write_batch(pa.RecordBatch.from_arrays(whole, schema=schema))
                rows += len(batch)
        least = {"sample_id": min(samples), GROUP_COLUMN.name: group}
        most = {"sample_id": max(samples), GROUP_COLUMN.name: group}
        stats = {"numRecords": rows, "minValues": least, "maxValues": most, "nullCount": dict.fromkeys(least, 0)}
        size, changed = path.stat().st_size, int(path.stat().st_mtime * 1000)
        return AddAction(name, size, {}, changed, True, json.dumps(stats))

    def _spill(self, table: str) -> Path:
        return self.root / f".{table}.sorting"

    def _begin(self, table: str, rows: pa.Table, properties: Mapping[str, Any]) -> bool:
        """Make the table with its first rows in one commit, so that nobody ever sees it empty; False where it is.

        One process at a time: Delta refuses a stale write only to a table that was there when it was opened.
        """
        from deltalake import write_deltalake

        with self._alone(table, "beginning"):
            if self._open(table):
                return False
            write_deltalake(str(self.root / table), rows, configuration=KEPT_SHORT, **properties)
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
        from deltalake.exceptions import TableNotFoundError

        self._take_former_name(table)
        if not (self.root / table / "_delta_log").is_dir():
            return None
        with self._told(table), suppress(TableNotFoundError):
            return DeltaTable(str(self.root / table))
        return None

    def _take_former_name(self, table: str) -> None:
        """Let a table that lies under an earlier release's name lie under today's."""
        former = self.root / FORMER_NAMES.get(table, table)
        if former.name != table and (former / "_delta_log").is_dir() and not (self.root / table).exists():
            with suppress(FileNotFoundError):  # another process was here first
                former.rename(self.root / table)

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


def as_of_today(table: str, rows: pa.Table) -> pa.Table:
    """Rows with the columns that a table has now; what they do not tell is absent."""
    import pyarrow as pa

    there, schema = set(rows.column_names), arrow_schema(TABLES[table], bare=True)
    columns = [rows[each.name] if each.name in there else pa.nulls(len(rows)) for each in schema]
    return pa.table([column.cast(each.type) for column, each in zip(columns, schema, strict=True)], schema=schema)


@dataclass(frozen=True)
class _Written:
    """A sample's rows as they were written.

    Attributes:
        table: as it is since.
        before: its version before.
        group: of the sample.
        completes: whether it is the last of its group.
    """

    table: DeltaTable
    before: int
    group: int
    completes: bool


class _FormerNamesError(Exception):
    """The table's columns are those of an earlier release."""


def _is_former(table: str, opened: DeltaTable) -> bool:
    """Whether a table's columns are those of an earlier release, by their names or without groups, or its log is."""
    if table not in TABLES:
        return False
    if _has_names_of_today(table, opened):
        return table in GROUPED and opened.transaction_version(_MEMBERS) is None
    kept = [field.name for field in opened.schema().fields]
    former = [column.formerly or column.name for column in TABLES[table]]
    bare = [name for name in kept if name != GROUP_COLUMN.name]
    today = [column.name for column in TABLES[table]]
    return bool(bare) and bare in (former[: len(bare)], today[: len(bare)])


def _has_names_of_today(table: str, opened: DeltaTable) -> bool:
    return [field.name for field in opened.schema().fields] == [column.name for column in KEPT[table]]


def until_committed(commit: Callable[[], Result]) -> Result:
    """Try again when another process committed since the table was opened: its rows are not ours, look again."""
    from deltalake.exceptions import CommitFailedError

    for _ in range(ATTEMPTS - 1):
        with suppress(CommitFailedError):
            return commit()
    return commit()


@dataclass(frozen=True)
class _Told:
    """What a table's log tells of a sample.

    Attributes:
        version: of its rows, as :func:`_number`; absent where it never had any.
        group: it is in, or is to be in; 0 where the table has none.
        members: how many samples were put into groups before it; absent where it has its group, or the table has none.
    """

    version: int | None
    group: int
    members: int | None


def _told_of(opened: DeltaTable, table: str, sample: str) -> _Told:
    number = opened.transaction_version(_application(sample))
    if table not in GROUPED:
        return _Told(None if number is None else number >> _GROUP_BITS, 0, None)
    if number is not None:
        return _Told(number >> _GROUP_BITS, number % (1 << _GROUP_BITS), None)
    members = opened.transaction_version(_MEMBERS) or 0
    return _Told(None, members // GROUP, members)


def _marked(sample: str, version: int, told: _Told) -> CommitProperties:
    """The properties of a commit that bears the version of a sample's rows, which are put where the log told."""
    from deltalake import CommitProperties, Transaction

    marks = [Transaction(_application(sample), version << _GROUP_BITS | told.group)]
    if told.members is not None:
        marks.append(Transaction(_MEMBERS, told.members + 1))
    return CommitProperties(app_transactions=marks)


def _taken_out(opened: DeltaTable, table: str, sample: str) -> CommitProperties:
    """The properties of a commit that leaves nothing of a sample; one that was never there gets no group by it."""
    return _marked(sample, _NONE, replace(_told_of(opened, table, sample), members=None))


def _groups_of(opened: DeltaTable, samples: Sequence[str]) -> tuple[dict[str, int], int]:
    """The group of each sample, and how many were put into groups: as the log tells it, by itself or with versions.

    Who is in none that there is comes behind all others.
    """
    grouped = GROUP_COLUMN.name in {field.name for field in opened.schema().fields}
    members = opened.transaction_version(_MEMBERS) if grouped else 0
    groups: dict[str, int] = {}
    if members is None:
        members = opened.transaction_version(_FORMER_MEMBERS) or 0
        told = {sample: opened.transaction_version(_former_grouping(sample)) for sample in samples}
    else:
        numbers = {sample: opened.transaction_version(_application(sample)) for sample in samples if grouped}
        told = {one: None if number is None else number % (1 << _GROUP_BITS) for one, number in numbers.items()}
    last = members // GROUP
    for sample in samples:
        group = told.get(sample)
        is_there = group is not None and group <= last
        groups[sample] = group if group is not None and is_there else members // GROUP
        members += not is_there
    return groups, members


def _in_groups(opened: DeltaTable, groups: Mapping[str, int], members: int) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    versions = {sample: (opened.transaction_version(_application(sample)) or 0) >> _GROUP_BITS for sample in groups}
    marks = [Transaction(_application(one), versions[one] << _GROUP_BITS | group) for one, group in groups.items()]
    return CommitProperties(app_transactions=[*marks, Transaction(_MEMBERS, members)])


def _samples(opened: DeltaTable) -> list[str]:
    """Ids of a table's samples, in order."""
    import pyarrow.compute as pc

    batches = opened.to_pyarrow_dataset().to_batches(columns=["sample_id"])
    return sorted({sample for batch in batches for sample in pc.unique(batch.column(0)).to_pylist()})


def _as_today(table: str, opened: DeltaTable) -> str:
    """SQL: the columns of a table of an earlier release under today's names, its group excepted; what it did not tell
    is absent."""
    kept = [field.name for field in opened.schema().fields if field.name != GROUP_COLUMN.name]
    given = [f'"{old}" AS "{new.name}"' for old, new in zip(kept, TABLES[table], strict=False)]
    return ", ".join([*given, *(f'NULL AS "{column.name}"' for column in TABLES[table][len(kept) :])])


def _in_group(table: str, rows: pa.Table, group: int) -> pa.Table:
    """The rows with the number of their group, where the table has groups."""
    import pyarrow as pa

    if table not in GROUPED:
        return rows
    return rows.append_column(GROUP_COLUMN.name, pa.repeat(pa.scalar(group, pa.int32()), len(rows)))


def _is(table: str, group: int, sample: str) -> str:
    """What is true of a sample's rows alone; of a grouped table Delta then opens its group's files and no others."""
    named = f"sample_id = '{sample}'"
    return f"{GROUP_COLUMN.name} = {group} AND {named}" if table in GROUPED else named


def names_of(opened: DeltaTable, column: str = "", value: int | None = None) -> list[str]:
    """Names of a table's files; those in which a column is a value throughout, where it is given."""
    import pyarrow as pa

    if value is None:
        return [unquote(uri).rpartition("/")[2] for uri in opened.file_uris()]
    added = pa.table(opened.get_add_actions(flatten=True))
    if f"min.{column}" not in added.column_names:  # of a table without a row
        return []
    paths, least = added["path"].to_pylist(), added[f"min.{column}"].to_pylist()
    return [unquote(path) for path, number in zip(paths, least, strict=True) if number == value]


def _sizes_of(opened: DeltaTable, group: int) -> list[int]:
    """Bytes of each file of a group."""
    import pyarrow as pa

    added = pa.table(opened.get_add_actions(flatten=True))
    least = f"min.{GROUP_COLUMN.name}"
    numbers = added[least].to_pylist() if least in added.column_names else []
    return [size for size, number in zip(added["size_bytes"].to_pylist(), numbers, strict=False) if number == group]


def _groups(opened: DeltaTable) -> list[int]:
    """Numbers of the groups that have files, in order."""
    import pyarrow as pa

    added = pa.table(opened.get_add_actions(flatten=True))
    least = f"min.{GROUP_COLUMN.name}"
    return sorted(set(added[least].to_pylist()) - {None}) if least in added.column_names else []


def _require_whole_files(opened: DeltaTable, folder: Path) -> None:
    """Refuse a table some of whose files' rows are marked as deleted: whoever reads the files would read those too."""
    marked = "deletionVectors" in (opened.protocol().reader_features or [])
    if marked and any(batch.num_rows for batch in opened.deletion_vectors()):
        raise LakeError(
            f"the cohort's table {folder.name!r} has deletion vectors, which another program wrote: its files hold"
            " rows that are deleted",
            file=folder,
            remedy="in Spark: set the table's property delta.enableDeletionVectors to false, then REORG TABLE ..."
            " APPLY (PURGE)",
        )


def _application(sample: str) -> str:
    """The transaction's application id: opaque, since it outlives the sample's rows in the log's checkpoints."""
    return uuid.uuid5(NAMESPACE, sample).hex


def _former_grouping(sample: str) -> str:
    """The application id under which the log of an earlier release kept the number of the sample's group."""
    return uuid.uuid5(NAMESPACE, f"group of {sample}").hex


_FORMER_MEMBERS = uuid.uuid5(NAMESPACE, "samples in groups").hex


def _number(version: str) -> int:
    """A version as a number, of 40 bits: beside it a transaction's number has room for the group."""
    return int(version[:10], 16)


def packed_columns(schema: pa.Schema) -> list[str]:
    """Columns of sorted integers, which are packed by their differences."""
    import pyarrow as pa

    names = {"position", "place", "bin", "start", "end"}
    return [field.name for field in schema if field.name in names and pa.types.is_integer(field.type)]


def writer_properties(schema: pa.Schema) -> Any:
    """zstd, and delta-packed integers for what is sorted: 0.69 bytes a call against 1.69 by default."""
    from deltalake import ColumnProperties, WriterProperties

    packed = ColumnProperties(dictionary_enabled=False, encoding=_PACKED)
    columns = dict.fromkeys(packed_columns(schema), packed)
    return WriterProperties(compression="ZSTD", column_properties=columns or None, max_row_group_size=_BATCH)
