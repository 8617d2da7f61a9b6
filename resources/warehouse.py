"""Where the cohort lives: every sample's rows, and the sums over all samples that follow them.

A sample contributes, is replaced or withdraws as a whole: what is to be done is written to a journal first, and whoever
comes next completes what a killed process left. The sums (:mod:`engine.cohort.gold`) take the difference that the
sample makes, so that it costs the same in a cohort of ten and of ten thousand. Which rows a sample has is computed in
``engine/cohort``; how one table is kept, in ``resources/delta_tables.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.cohort.columns import COUNTED, FORMER_NAMES, GOLD, KEPT
from resources.delta_sums import DeltaSums
from resources.delta_tables import WRITING, as_of_today, until_committed
from resources.journal import Intent, Journal

if TYPE_CHECKING:
    import pyarrow as pa

_TODAY = {former: name for name, former in FORMER_NAMES.items()}


@dataclass(frozen=True)
class Warehouse(DeltaSums):
    """The cohort of one deployment; as :class:`resources.delta_tables.DeltaTables`."""

    def contribute(self, tables: Mapping[str, pa.Table], *, sample: str, versions: Mapping[str, str]) -> bool:
        """Make tables the sample's rows of the cohort; False where these versions were there already.

        Args:
            tables: by name, all of :data:`engine.cohort.columns.TABLES`.
            sample: the sample's id.
            versions: hex digest of each table's content.
        """
        with self._alone("cohort", "contributing"):
            self._complete()
            people = self.rows_of("samples", sample)
            there = (self.holds(name, sample=sample, version=versions[name]) for name in tables)
            if people is not None and all(there):
                return False
            change = self._change(sample, people, tables)
            self._carry_out(Intent(sample, dict(versions), dict(tables), change))
        return True

    def remove(self, sample: str) -> None:
        """Take a sample out of the sums and of every table, and its id off the disk.

        As :meth:`resources.delta_tables.DeltaTables.remove`; the sums name nobody.
        """
        with self._alone("cohort", "contributing"):
            self._leave(sample)
            super().remove(sample)

    def take_out(self, sample: str) -> None:
        """Take a sample out of the sums and of every table, though not yet off the disk."""
        with self._alone("cohort", "contributing"):
            self._leave(sample)

    def listing(self) -> dict[str, list[str]]:
        """Files of every table as :meth:`files`, by name, all of one moment: no sample is half there."""
        with self._alone("cohort", "contributing"):
            self._complete()
            if not all((self.root / name / "_delta_log").exists() for name in GOLD):
                self._sum_up_anew()
            return {name: self.files(name) for name in KEPT}

    def _leave(self, sample: str) -> None:
        self._complete()
        change = self._change(sample, self.rows_of("samples", sample), None)
        if any(map(len, change.values())):
            self._carry_out(Intent(sample, {}, {}, change))

    def _change(
        self, sample: str, people: pa.Table | None, after: Mapping[str, pa.Table] | None
    ) -> dict[str, pa.Table]:
        """What changes in the sums when the sample's rows become others, or go; ``people``: its row of samples now."""
        from engine.cohort.gold import change

        if not all((self.root / name / "_delta_log").exists() for name in GOLD):
            self._sum_up_anew()
        # Nobody counts who has no row of samples.
        before = {} if people is None else {name: self.rows_of(name, sample) for name in COUNTED}
        return change({name: rows for name, rows in before.items() if rows}, after or {})

    def _carry_out(self, intent: Intent) -> None:
        self._journal.write(intent)
        self._do(intent)

    def _complete(self) -> None:
        """Do what the journal says, as far as it is not done."""
        intent = self._journal.read()
        if intent is not None:
            self._do(intent)

    def _do(self, intent: Intent) -> None:
        for name, rows in intent.changes.items():
            self.add(name, rows, of=intent.sample, number=intent.number)
        for name, rows in intent.tables.items():
            today = _TODAY.get(name, name)
            self.put(today, as_of_today(today, rows), sample=intent.sample, version=intent.versions[name])
        if intent.withdraws:
            self._delete_everywhere(intent.sample)
        self._journal.clear()

    def _delete_everywhere(self, sample: str) -> None:
        for table in self._of_samples():
            self._renew(table)
            with self._told(table), self._alone(table, WRITING):
                until_committed(partial(self._delete, table, sample))

    @property
    def _journal(self) -> Journal:
        return Journal(self.root / ".journal")
