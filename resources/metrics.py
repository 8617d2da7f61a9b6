"""What can be measured of a running deployment, as Prometheus reads it; no sample, person or file is named.

Everything is derived from what is there: the work list, the deliveries, the audit log and the disk. Nothing is counted
along, so that a restart loses no number.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4)
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from resources.environment import Resources
from resources.registry.deliveries import Deliveries, DeliveryState
from resources.sample_runs import open_runs
from resources.work_list import State, Waits, WorkItem, work_list


@dataclass(frozen=True)
class Metric:
    """A gauge.

    Attributes:
        name: with its unit at the end.
        meaning: one sentence.
        values: by label and its value; one without a label under nothing.
        label: name of the label, absent where there is one value alone.
    """

    name: str
    meaning: str
    values: Mapping[str, float] = field(default_factory=dict)
    label: str = ""

    def __str__(self) -> str:
        head = f"# HELP {self.name} {self.meaning}\n# TYPE {self.name} gauge\n"
        return head + "".join(f"{self.name}{self._labelled(key)} {value:.15g}\n" for key, value in self.values.items())

    def _labelled(self, key: str) -> str:
        return f'{{{self.label}="{key}"}}' if self.label else ""


def metrics(platform: Resources) -> str:
    """Every metric of the deployment, as text."""
    return "".join(map(str, measured(platform)))


def measured(platform: Resources) -> Iterator[Metric]:
    """Every metric of the deployment, each with a value for whatever it can be told of, 0 where there is none."""
    begun = time.perf_counter()
    with open_runs(platform.settings.dagster_home) as runs:
        rows = work_list(platform, runs)
    yield _counted("genomics_samples", "Samples by where they stand.", "state", State, (row.state for row in rows))
    waits = (row.waits_for for row in rows if row.waits_for)
    yield _counted("genomics_samples_waiting", "Waiting samples by what they wait for.", "for", Waits, waits)
    oldest = min((row.since for row in rows if _is_the_platforms(row)), default=None)
    yield Metric(
        "genomics_oldest_wait_seconds",
        "Since when the sample waits for the platform that has waited longest.",
        {"": _age(oldest)},
    )
    reports = Deliveries(platform.registry.database).reports(*DeliveryState)
    states = (one.state for one in reports)
    yield _counted("genomics_deliveries", "Reports on their way, by how it goes.", "state", DeliveryState, states)
    head = platform.audit.head()
    yield Metric("genomics_audit_entries", "Entries of the audit log.", {"": head.entries})
    whole = {"": not platform.audit.missing()}
    yield Metric("genomics_audit_whole", "1 where the audit log reaches as far as its anchor says.", whole)
    yield Metric("genomics_intents_open", "Deeds without an outcome.", {"": len(platform.audit.open_intents())})
    disk = shutil.disk_usage(platform.settings.data)
    yield Metric("genomics_disk_free_bytes", "Free on the disk of the data folder.", {"": disk.free})
    yield Metric("genomics_disk_bytes", "Size of the disk of the data folder.", {"": disk.total})
    yield Metric("genomics_metrics_seconds", "How long these took to tell.", {"": time.perf_counter() - begun})


def _is_the_platforms(row: WorkItem) -> bool:
    """Whether nobody but the platform can help it on."""
    return row.state is State.QUEUED or (row.state is State.WAITING and row.waits_for is Waits.RUN)


def _counted(name: str, meaning: str, label: str, words: Iterable[str], found: Iterable[str]) -> Metric:
    counts = Counter(map(str, found))
    return Metric(name, meaning, {str(word): counts[str(word)] for word in words}, label)


def _age(since: str | None) -> float:
    if since is None:
        return 0.0
    then = datetime.fromisoformat(since)
    return max((datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds(), 0.0)
