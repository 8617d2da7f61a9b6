"""A workspace of Databricks on loopback, as far as files and one-time runs go: for the real SDK and Dagster's client.

Paths of the volume are files of a folder here. What is submitted runs, as the task says, in a process of its own, its
program found by the entry point's name; the volume's paths in its words, and in JSON that is laid there, are then those
of the folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from dagster_pipes import decode_param, encode_param

from tests.conftest import PROJECT

TOKEN = "dapi-of-the-test"
CLUSTERS = {"0123-new": "17.3.x-scala2.13", "0123-old": "13.3.x-scala2.12"}
"""Releases of Databricks by cluster."""


@dataclass
class DatabricksWorkspace:
    """What runs.

    Attributes:
        root: folder of this machine that stands for the root of all paths there.
        python: runs tasks.
        submitted: bodies of what was submitted.
        failing: whether tasks fail.
        said: by the last task, on its error stream.
        ended: whether the last task succeeded; absent while it runs.
    """

    root: Path
    python: Path
    host: str = ""
    submitted: list[dict[str, Any]] = field(default_factory=list)
    failing: bool = False
    said: str = ""
    ended: bool | None = None

    def local(self, path: str) -> Path:
        return self.root / path.strip("/")

    def submit(self, body: dict[str, Any]) -> None:
        """Run the one task of a submission, beside whoever asks how far it is."""
        self.submitted.append(body)
        self.ended = None
        (task,) = body["tasks"]
        Thread(target=lambda: setattr(self, "ended", self._run(task)), daemon=True).start()

    def _run(self, task: dict[str, Any]) -> bool:
        wheel = task["python_wheel_task"]
        scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
        module, _, function = scripts[wheel["entry_point"]].partition(":")
        words = [self._here(word) for word in wheel["parameters"]]
        code = f"import sys; sys.argv[0] = {module!r}; from {module} import {function}; {function}()"
        local = {
            "PYTHONPATH": str(PROJECT),
            "PYSPARK_PYTHON": str(self.python),
            "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.driver.host=127.0.0.1 pyspark-shell",
        }
        command = [str(self.python), "-c", code, *words]
        if self.failing:
            command = [str(self.python), "-c", "raise SystemExit('the node went')"]
        done = subprocess.run(
            command, env=os.environ | local, capture_output=True, text=True, cwd=self.root, check=False
        )
        self.said = done.stderr
        return done.returncode == 0

    def _here(self, word: str) -> str:
        if "/Volumes/" in word:
            return word.replace("/Volumes/", f"{self.root}/Volumes/")
        try:
            told = decode_param(word)
        except Exception:
            return word
        return encode_param({name: self._here(one) if isinstance(one, str) else one for name, one in told.items()})


@contextmanager
def databricks_workspace(root: Path, python: Path) -> Iterator[DatabricksWorkspace]:
    """A workspace until the end of the block; Volumes/ of ``root`` has what lies in it."""
    workspace = DatabricksWorkspace(root, python)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, told: Any = None, status: int = 200, raw: bytes | None = None) -> None:
            body = raw if raw is not None else json.dumps(told or {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/octet-stream" if raw is not None else "application/json")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b"".join(iter(self._chunk, b""))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._answer({"error_code": "UNAUTHENTICATED", "message": "no token"}, 401)
            path = unquote(urlsplit(self.path).path)
            for kind in ("files", "directories"):
                if path.startswith(f"/api/2.0/fs/{kind}"):
                    return self._file(kind, workspace.local(path.removeprefix(f"/api/2.0/fs/{kind}")), path, body)
            if path.endswith("/jobs/runs/submit"):
                workspace.submit(json.loads(body))
                return self._answer({"run_id": len(workspace.submitted)})
            if path.endswith("/clusters/get"):
                release = CLUSTERS.get(unquote(urlsplit(self.path).query).removeprefix("cluster_id="))
                gone = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Cluster does not exist"}
                return self._answer({"spark_version": release} if release else gone, 200 if release else 404)
            if path.endswith("/jobs/runs/get"):
                return self._answer(self._state())
            return self._answer({"error_code": "NOT_FOUND", "message": path}, 404)

        def _chunk(self) -> bytes:
            data = self.rfile.read(int(self.rfile.readline(), 16))
            self.rfile.readline()
            return data

        def _state(self) -> dict[str, Any]:
            state: dict[str, Any] = {"life_cycle_state": "RUNNING"}
            if workspace.ended is not None:
                result = "SUCCESS" if workspace.ended else "FAILED"
                told = {"result_state": result, "state_message": workspace.said[-300:]}
                state = {"life_cycle_state": "TERMINATED", **told}
            return {"run_id": 1, "run_page_url": f"{workspace.host}/jobs/runs/1", "state": state}

        def _file(self, kind: str, file: Path, path: str, body: bytes) -> None:
            gone = {"error_code": "NOT_FOUND", "message": f"{path} is not there"}
            if self.command == "PUT":
                (file if kind == "directories" else file.parent).mkdir(parents=True, exist_ok=True)
                if kind == "files":
                    here = f'"{workspace.root}/Volumes/'.encode()
                    file.write_bytes(body.replace(b'"/Volumes/', here) if file.suffix == ".json" else body)
                return self._answer(status=204, raw=b"")
            if not file.exists():
                return self._answer(gone, 404)
            if self.command == "DELETE":
                file.rmdir() if kind == "directories" else file.unlink()
                return self._answer(status=204, raw=b"")
            if kind == "directories":
                there = f"/{file.relative_to(workspace.root)}"
                names = [(f"{there}/{one.name}", one.name, one.is_dir()) for one in sorted(file.iterdir())]
                told = [{"path": place, "name": name, "is_directory": folder} for place, name, folder in names]
                return self._answer({"contents": told})
            return self._answer(raw=file.read_bytes())

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _do  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        workspace.host = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield workspace
        finally:
            server.shutdown()
