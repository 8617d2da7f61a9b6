"""``.launchers/bin/python -m tests.builders.kubernetes_job FOLDER``: what Kubernetes is asked for to launch a run.

For the environment that ``make launchers`` makes. A server on loopback stands where Kubernetes' would; the job that it
is sent is judged by Kubernetes' own schemas, strictly, and printed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from resources.environment import PROJECT, Settings, build_resources
from resources.run_places import run_place
from tests.builders.queued import pages_of

LAUNCHER = PROJECT / "deploy" / "runs" / "kubernetes.yaml"
VERSION = "1.31"
_CODE = """
import dagster as dg

@dg.op
def reads(): ...

@dg.job
def sample(): reads()

definitions = dg.Definitions(jobs=[sample])
"""


class _Server(BaseHTTPRequestHandler):
    asked: list[tuple[str, Any]] = []  # noqa: RUF012 - of the one server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, json.loads(content)))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main(folder: str) -> None:
    """Launch a run, and tell the job."""
    server = HTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept = Path(folder) / "kubeconfig"
    here = {"name": "here"}
    told = {
        "clusters": [here | {"cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [here | {"context": {"cluster": "here", "user": "here"}}],
        "users": [here | {"user": {}}],
        "current-context": "here",
    }
    kept.write_text(yaml.safe_dump(told))
    launcher = dict(run_place(str(LAUNCHER)).launcher)
    launcher["config"] = {**launcher["config"], "load_incluster_config": False, "kubeconfig_file": str(kept)}
    os.environ |= {name: "x" for name in launcher["config"]["env_vars"] if "=" not in name}
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(Path(folder) / "data")}))
    with pages_of(platform, Path(folder), _CODE, [], run_launcher=launcher) as pages:
        pages.start(pages.launch("S1"))
    ((path, job),) = _Server.asked
    import_module("kubernetes_validate").validate(job, VERSION, strict=True)
    print(json.dumps({"path": path, "job": job}))


if __name__ == "__main__":
    main(*sys.argv[1:])
