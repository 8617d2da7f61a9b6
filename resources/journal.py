"""What the warehouse is about to do to one sample, written down before it is begun.

It is there as a whole or not at all, whenever the power goes, until it is done.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.tables import read_rows

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Intent:
    """What is to become of one sample.

    Attributes:
        sample: its id.
        versions: hex digest of each of its tables; none where it withdraws.
        tables: its rows by table.
        changes: what changes in the sums, by table.
        number: drawn at random: sums that have it have this change.
    """

    sample: str
    versions: Mapping[str, str]
    tables: Mapping[str, pa.Table]
    changes: Mapping[str, pa.Table]
    number: int = field(default_factory=lambda: secrets.randbits(60))

    @property
    def withdraws(self) -> bool:
        """Whether its rows are to go."""
        return not self.versions


@dataclass(frozen=True)
class Journal:
    """The one intent that is being carried out.

    Attributes:
        folder: there while something is to be done.
    """

    folder: Path

    def write(self, intent: Intent) -> None:
        """Write an intent; nothing else may be under way."""
        draft = self.folder.with_name(f"{self.folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # a killed process's
        draft.mkdir(parents=True)
        for kind, tables in (("table", intent.tables), ("change", intent.changes)):
            for name, rows in tables.items():
                _write_rows(draft / f"{kind}.{name}.parquet", rows)
        said = {"sample": intent.sample, "versions": dict(intent.versions), "number": intent.number}
        (draft / "intent.json").write_text(json.dumps(said))
        for path in [*draft.iterdir(), draft]:
            _flush(path)
        draft.rename(self.folder)
        _flush(self.folder.parent)

    def read(self) -> Intent | None:
        """What is to be done; absent where nothing is."""
        if not self.folder.exists():
            return None
        said = json.loads((self.folder / "intent.json").read_text())
        tables, changes = (self._rows(kind) for kind in ("table", "change"))
        return Intent(said["sample"], said["versions"], tables, changes, said["number"])

    def clear(self) -> None:
        """It is done."""
        done = self.folder.with_name(f"{self.folder.name}.draft")
        shutil.rmtree(done, ignore_errors=True)
        self.folder.rename(done)
        shutil.rmtree(done)

    def _rows(self, kind: str) -> dict[str, pa.Table]:
        found = sorted(self.folder.glob(f"{kind}.*.parquet"))
        return {path.name.split(".")[1]: read_rows(path) for path in found}


def _write_rows(path: Path, rows: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, path, compression="zstd")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
