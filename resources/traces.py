"""Where traces of runs go: a file of the data folder, or a collector of OpenTelemetry by OTLP over HTTP.

A trace names runs, jobs, steps and checks, never a sample, a person, a file or anybody's words: it may be carried
anywhere. The run's id is the trace's, so that who knows the run finds the trace and the other way round.

Format: https://opentelemetry.io/docs/specs/otlp/ (1.5; in the file one ``TracesData`` in JSON a line)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import GenomicsError
from resources.structured_log import StructuredLog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

FILE = Path("logs") / "traces.jsonl"
"""In the data folder; bounded as :class:`resources.structured_log.StructuredLog` is."""
IN_FILE = "file"
"""The setting that means it."""
_SENT_WITHIN = 5.0
"""Seconds; a collector that is away keeps no run waiting longer."""
_IDS = ("traceId", "spanId", "parentSpanId")


class TracesError(GenomicsError):
    """Traces cannot go where they are to go."""


def traces_to(setting: str | None, data: Path) -> str | None:
    """The path of the file or the URL that a setting names; absent where there are to be no traces.

    Raises:
        TracesError: it is neither, or the library is not installed.
    """
    if not setting:
        return None
    parts = urlsplit(setting)
    away = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if setting != IN_FILE and not (away and parts.hostname and not parts.username and not parts.query):
        raise TracesError(
            "GENOMICS_TRACES names no place for traces",  # and is not repeated: a password may stand in it
            remedy=f"write {IN_FILE}, or the collector's https://host:4318/v1/traces; what it asks for beside goes "
            "into OTEL_EXPORTER_OTLP_HEADERS",
        )
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401
    except ImportError:
        raise TracesError(
            "the library of OpenTelemetry is not installed", remedy="pip install 'genomics-assets[traces]'"
        ) from None
    return str(data / FILE) if setting == IN_FILE else setting


def exporter_to(place: str) -> SpanExporter:
    """What takes spans there; ``place`` is of :func:`traces_to`."""
    if "://" not in place:
        return _in_file(Path(place))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    made: SpanExporter = OTLPSpanExporter(place, timeout=_SENT_WITHIN)
    return made


def _in_file(path: Path) -> SpanExporter:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    log = StructuredLog(path)

    class InFile(SpanExporter):
        """One line a batch."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            try:
                log.add_line(json.dumps(_with_hexadecimal_ids(MessageToDict(encode_spans(spans)))) + "\n")
            except OSError:  # a full disk: the trace has a gap, and the run goes on
                return SpanExportResult.FAILURE
            return SpanExportResult.SUCCESS

    return InFile()


def _with_hexadecimal_ids(told: Any) -> Any:
    """OTLP's JSON writes ids as hexadecimal digits, where that of Protocol Buffers has Base64."""
    if isinstance(told, list):
        return [_with_hexadecimal_ids(one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        name: base64.b64decode(value).hex() if name in _IDS else _with_hexadecimal_ids(value)
        for name, value in told.items()
    }


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
