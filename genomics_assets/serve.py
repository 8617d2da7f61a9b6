"""The Dagster web UI with sensors and daemon, on this machine's loopback address only.

``make serve`` starts it (:mod:`demo.serve`); it stops on Ctrl-C or TERM, and its children with it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from genomics_assets.instance import WORKSPACE, prepare_instance
from resources.environment import Settings, build_resources
from resources.recovery import recover


def serve(settings: Settings, port: int) -> int:
    """Start and wait; the exit code is the server's."""
    platform = build_resources(settings)
    platform.audit.verify()
    for told in recover(platform):
        print(told)
    workspace = prepare_instance(settings) / WORKSPACE
    print(f"Drop a sample sheet with its FASTQ files into {settings.landing}")
    print(f"Open http://127.0.0.1:{port}  (Ctrl-C stops everything)", flush=True)
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = [dagster, "dev", "--workspace", str(workspace), "--host", "127.0.0.1", "--port", str(port)]
    # A shell's background job ignores Ctrl-C, and the server would inherit that and never stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = subprocess.Popen(command, start_new_session=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.killpg(server.pid, signal.SIGINT))
    return server.wait()
