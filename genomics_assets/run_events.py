"""Dagster's events of every run as lines of the structured log, whoever keeps its event log.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`) as a handler of Python's ``logging``. Lines of words that a
step writes while it works are not events, and stay in the run's own log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dagster as dg

from resources.sample_runs import PARTITION
from resources.structured_log import StructuredLog

TOLD = frozenset(
    {dg.DagsterEventType.RUN_START, dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE}
    | {dg.DagsterEventType.RUN_CANCELED, dg.DagsterEventType.RUN_CANCELING, dg.DagsterEventType.RUN_ENQUEUED}
    | {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
    | {dg.DagsterEventType.STEP_UP_FOR_RETRY, dg.DagsterEventType.STEP_SKIPPED, dg.DagsterEventType.STEP_RESTARTED}
    | {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
)
"""What is told of a run."""


class RunEvents(logging.Handler):
    """Writes each event of :data:`TOLD` down.

    Args:
        path: of the structured log.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._log = StructuredLog(Path(path))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell an event; anything else that is logged is not told."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event: dg.DagsterEvent | None = meta.get("dagster_event")
        if event is None or event.event_type not in TOLD:
            return
        self._log.tell(
            event.event_type_value.lower(),
            level="error" if event.is_failure else "info",
            at=record.created,
            process="run",
            run=meta["run_id"],
            job=meta["job_name"],
            sample=event.partition or meta["job_tags"].get(PARTITION),
            step=meta["step_key"],
            error=kind_of_error(event),
            **_about(event),
        )


def kind_of_error(event: dg.DagsterEvent) -> str | None:
    """The class of what was raised, of its cause where there is one; its words may hold anything."""
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return error.cls_name if error else None


def _about(event: dg.DagsterEvent) -> dict[str, str | bool]:
    if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return {"asset": event.asset_key.to_user_string()} if event.asset_key else {}
    judged = event.asset_check_evaluation_data
    return {"check": judged.check_name, "passed": judged.passed, "asset": judged.asset_key.to_user_string()}
