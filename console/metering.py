"""Metrics for whoever watches the platform: printed once, or served on this machine's loopback address."""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from console.listing import empty
from console.output import print_json
from engine.errors import GenomicsError
from resources.environment import Resources
from resources.metrics import measured, metrics

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def meter(platform: Resources, chosen: argparse.Namespace) -> int:
    """Print the metrics as Prometheus reads them, or serve them until interrupted."""
    if not platform.settings.data.is_dir():
        raise empty(platform)
    if chosen.listen is not None:
        with server(platform, chosen.listen) as listening:
            print(f"metrics at http://127.0.0.1:{listening.server_port}/metrics", flush=True)
            listening.serve_forever()
    if chosen.json:
        print_json({one.name: dict(one.values) for one in measured(platform)})
    else:
        print(metrics(platform), end="")
    return 0


def server(platform: Resources, port: int) -> ThreadingHTTPServer:
    """A server of the metrics alone, on the loopback address alone; a name that leads elsewhere is refused."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The metrics, to who asks this machine by its own name."""
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            if self.path != "/metrics" or host not in ("127.0.0.1", "localhost"):
                return self._answer(404, "there are /metrics, for this machine\n")
            try:
                return self._answer(200, metrics(platform))
            except (GenomicsError, OSError) as error:
                return self._answer(503, f"{type(error).__name__}\n")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", _TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Answers)


def add_to(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("--listen", type=int, metavar="PORT", help="serve them at /metrics of 127.0.0.1")
