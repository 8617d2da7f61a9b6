"""``make serve``: the Dagster web UI with sensors and daemon, on this machine's loopback address only.

Started as ``python -m genomics_assets.serve``; stops on Ctrl-C or TERM, and its children with it.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from engine.errors import GenomicsError
from genomics_assets.instance import prepare_instance
from resources.environment import PROJECT, Settings


def main() -> int:
    """Start and wait; the exit code is the server's."""
    parser = argparse.ArgumentParser(prog="make serve", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "3000")), help="default: 3000")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_environment()
        write_sources(settings)
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    prepare_instance(settings)
    print(f"Drop a sample sheet with its FASTQ files into {settings.landing}")
    print(f"Open http://127.0.0.1:{arguments.port}  (Ctrl-C stops everything)", flush=True)
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = [dagster, "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(arguments.port)]
    # A shell's background job ignores Ctrl-C, and the server would inherit that and never stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = subprocess.Popen(command, cwd=PROJECT, start_new_session=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.killpg(server.pid, signal.SIGINT))
    return server.wait()


def write_sources(settings: Settings) -> None:
    """Put the demo's reference where its declaration expects it; other references are the laboratory's to provide."""
    if settings.reference == "demo":
        from demo.reference import write_reference

        write_reference(settings.data / "sources")


if __name__ == "__main__":
    sys.exit(main())
