"""``python -m benchmarks.intake``: what it costs to verify and measure the reads that ``python -m benchmarks`` made."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.inputs import RESULTS
from engine.reads.intake import verify_reads
from engine.reads.lane import Lane


def main() -> int:
    """Print CPU and wall seconds, and CPU seconds for a million reads; kernels are loaded before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where python -m benchmarks wrote its reads")
    options = parser.parse_args()
    lane = Lane("L001", options.folder / "reads_1.fq.gz", options.folder / "reads_2.fq.gz")
    if not lane.read1.exists():
        print(f"no {lane.read1}: run python -m benchmarks --folder {options.folder} first", file=sys.stderr)
        return 1
    verify_reads("S1", [lane])
    cpu, wall = time.process_time(), time.monotonic()
    reads = 2 * verify_reads("S1", [lane]).lanes[0].pairs
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    told = f"{cpu:.1f} CPU s, {wall:.1f} s; {cpu / reads * 1e6:.1f} CPU s a million"
    print(f"{reads:,} reads verified and measured: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
