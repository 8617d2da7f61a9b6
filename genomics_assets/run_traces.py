"""One trace a run, from the sheet to the bundle: how long the sample waited, was queued, and took for each artifact.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`) as a handler of Python's ``logging``; where traces go, and
what does not stand in them, is in :mod:`resources.traces`. A span is a step; the checks that it passed or failed are
events in it. A run whose process is killed leaves the steps that it ended, without a root.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dagster as dg

from genomics_assets.run_events import kind_of_error
from resources.traces import exporter_to

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span, TracerProvider

REGISTERED, ASKED = "genomics/registered", "genomics/asked"
"""Tags of a run: when its sample's sheet was taken, and when the run was asked for; UTC, ISO 8601."""
SERVICE = "genomics"
_Type = dg.DagsterEventType
_ENDS = frozenset({_Type.RUN_SUCCESS, _Type.RUN_FAILURE, _Type.RUN_CANCELED})
_STEP_ENDS = frozenset({_Type.STEP_SUCCESS, _Type.STEP_FAILURE, _Type.STEP_SKIPPED, _Type.STEP_UP_FOR_RETRY})
_WAITED = 5_000
"""Milliseconds that a run's end waits for spans to be taken."""


class RunTraces(logging.Handler):
    """Makes spans of a run's events in the process of the run.

    Args:
        place: of :func:`resources.traces.traces_to`.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def emit(self, record: logging.LogRecord) -> None:
        """Follow an event; anything else that is logged is left alone."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event: dg.DagsterEvent | None = meta.get("dagster_event")
        if event is None:
            return
        run, at = str(meta["run_id"]), int(record.created * 1e9)
        if event.event_type is _Type.RUN_START:
            _going[run] = _Trace(run, meta["job_name"], meta["job_tags"], at, self._place)
        elif run in _going:
            _going[run].follow(event, at)
            if event.event_type in _ENDS:
                _going.pop(run).end(event, at)


class _Trace:
    """A run that is going."""

    def __init__(self, run: str, job: str, tags: Mapping[str, str], began: int, place: str) -> None:
        from opentelemetry.trace import set_span_in_context

        self._provider = _provider(run, place)
        self._tracer = self._provider.get_tracer(SERVICE)
        asked = _nanoseconds(tags.get(ASKED)) or began
        landed = _nanoseconds(tags.get(REGISTERED)) or asked
        self._root: Span = self._tracer.start_span(job, start_time=landed, attributes={"genomics.run": run})  # type: ignore[assignment]
        self._context = set_span_in_context(self._root)
        self._steps: dict[str, Span] = {}
        for name, start, end in (("waiting", landed, asked), ("queued", asked, began)):
            if end > start:
                self._tracer.start_span(name, self._context, start_time=start).end(end)

    def follow(self, event: dg.DagsterEvent, at: int) -> None:
        """Begin or end a step, or tell in it what was made or judged."""
        step = event.step_key or ""
        if event.event_type is _Type.STEP_START:
            self._steps[step] = self._tracer.start_span(step, self._context, start_time=at)  # type: ignore[assignment]
        elif event.event_type in _STEP_ENDS and step in self._steps:
            _end(self._steps.pop(step), event, at)
        elif step in self._steps and event.event_type is _Type.ASSET_CHECK_EVALUATION:
            judged = event.asset_check_evaluation_data
            told: dict[str, str | bool] = {"genomics.check": judged.check_name, "genomics.passed": judged.passed}
            self._steps[step].add_event("check", told, at)
        elif step in self._steps and event.event_type is _Type.ASSET_MATERIALIZATION:
            self._steps[step].add_event("made", {"genomics.asset": event.asset_key.to_user_string()}, at)  # type: ignore[union-attr]

    def end(self, event: dg.DagsterEvent, at: int) -> None:
        """End what is still open, and have everything taken."""
        for span in self._steps.values():
            span.end(at)
        _end(self._root, event, at)
        self._provider.force_flush(_WAITED)
        self._provider.shutdown()


_going: dict[str, _Trace] = {}
"""By run; Dagster makes a handler anew for each of a run's loggers."""


def _provider(run: str, place: str) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class OfTheRun(RandomIdGenerator):
        """A run's id, of 128 bits, is its trace's."""

        def generate_trace_id(self) -> int:
            return UUID(run).int

    # Not Resource.create: that would add what the environment says of this machine.
    made = TracerProvider(resource=Resource({"service.name": SERVICE}), id_generator=OfTheRun(), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter_to(place)))
    return made


def _end(span: Span, event: dg.DagsterEvent, at: int) -> None:
    from opentelemetry.trace import Status, StatusCode

    if event.is_failure:
        span.set_status(Status(StatusCode.ERROR))
        if kind := kind_of_error(event):
            span.set_attribute("error.type", kind)
    span.end(at)


def _nanoseconds(told: str | None) -> int | None:
    """Since 1970; absent where it is no time."""
    try:
        return int(datetime.fromisoformat(told).timestamp() * 1e9) if told else None
    except ValueError:
        return None
