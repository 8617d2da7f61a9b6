"""A folder served over HTTP as viewers of genomic files need it: in parts, by byte range (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@contextmanager
def serving(files: Mapping[str, Path | bytes]) -> Iterator[str]:
    """Serve files on the loopback address; its URL without a slash.

    Args:
        files: by their paths at the server (``/S1.bam``).
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path.partition("?")[0])
            if found is None:
                self.send_error(404)
                return
            content = found if isinstance(found, bytes) else found.read_bytes()
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(asked[1]) if asked else 0
            last = min(int(asked[2]) if asked and asked[2] else len(content), len(content) - 1)
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Content-Length", str(last - first + 1))
            if self.path.endswith(".html"):
                self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content[first : last + 1])

        def log_message(self, *_: Any) -> None:
            """Nothing: what is asked for is the viewer's business."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
