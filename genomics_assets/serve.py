"""The Dagster web UI with sensors and daemon, on this machine's loopback address unless the options say otherwise.

``make serve`` starts it (:mod:`demo.serve`); it stops on Ctrl-C or TERM, and its children with it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from genomics_assets.instance import WORKSPACE, prepare_instance
from resources.environment import Settings, build_resources
from resources.recovery import recover
from resources.web_token import web_address


def serve(settings: Settings, port: int) -> int:
    """Start and wait; the exit code is that of the part that ended first."""
    platform = build_resources(settings)
    platform.audit.verify()
    for told in recover(platform):
        print(told)
    workspace = prepare_instance(settings) / WORKSPACE
    print(f"Drop a sample sheet with its FASTQ files into {settings.landing}")
    print(f"Open {web_address(settings, port)}  (Ctrl-C stops everything)", flush=True)
    # A shell's background job ignores Ctrl-C, and the server would inherit that and never stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parts: list[subprocess.Popen[bytes]] = []

    def stop(*_: object) -> None:
        for part in parts:
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    for command in _commands(workspace, port):
        parts.append(subprocess.Popen(command, start_new_session=True))
        # One after the other: both make Dagster's databases where there are none yet.
        while not _listens(settings.web_listen, port) and _ended(parts) is None:
            time.sleep(0.2)
    while (ended := _ended(parts)) is None:
        time.sleep(0.2)
    stop()
    for part in parts:
        part.wait()
    return ended


def _commands(workspace: Path, port: int) -> tuple[list[str], list[str]]:
    """The web UI behind its door, and the daemon."""
    web = [sys.executable, "-m", "portal.web", "--port", str(port), "--workspace", str(workspace)]
    daemon = str(Path(sys.executable).with_name("dagster-daemon"))
    return web, [daemon, "run", "--workspace", str(workspace)]


def _listens(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def _ended(parts: list[subprocess.Popen[bytes]]) -> int | None:
    """The exit code of a part that ended; absent while all of them go on."""
    return next((code for part in parts if (code := part.poll()) is not None), None)
