"""``python -m benchmarks.code_versions``: what it costs a new process to know the code version of every step.

At most 50 ms for all steps together is what the code location may pay at each start.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from genomics_assets.artifacts import ARTIFACTS

STEPS = [f"{artifact.compute.__module__}:{artifact.name}" for artifact in ARTIFACTS]
"""Each step's function, from which its closure starts."""
_PROCESS = """
import json, sys, time
from engine.code_version import code_version
started = time.perf_counter(), time.process_time()
modules = {module for step in sys.argv[1:] for module in code_version(step).modules}
print(json.dumps([time.perf_counter() - started[0], time.process_time() - started[1], len(modules)]))
"""
_PROCESSES = 9


def main() -> int:
    """Measure and print one line; the first process, which may have to read every file, is not counted."""
    measured = [_measure() for _ in range(_PROCESSES + 1)][1:]
    wall, cpu, modules = (statistics.median(values) for values in zip(*measured, strict=True))
    print(f"{len(STEPS)} steps, {modules:.0f} modules: {1000 * wall:.1f} ms, {1000 * cpu:.1f} CPU ms")
    return 0


def _measure() -> tuple[float, float, float]:
    done = subprocess.run([sys.executable, "-c", _PROCESS, *STEPS], capture_output=True, text=True, check=True)
    wall, cpu, modules = json.loads(done.stdout)
    return wall, cpu, modules


if __name__ == "__main__":
    sys.exit(main())
