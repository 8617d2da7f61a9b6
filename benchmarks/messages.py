"""``python -m benchmarks.messages``: how many HL7 v2 messages of a usual case a core builds and judges in a second.

The usual case is that of ``benchmarks.bundles``: twenty findings in nineteen genes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bundles import FINDINGS, GENES
from engine.hl7v2.check import structure_fault
from engine.hl7v2.message import build_message
from tests.builders.report_bundle import report_statement


def main() -> int:
    """Measure and print; all in CPU seconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    parser.add_argument("--cases", type=int, default=20, help="messages that are built (%(default)s)")
    count = parser.parse_args().cases
    with tempfile.TemporaryDirectory() as folder:
        said = [
            report_statement(Path(folder), sample=f"S{n}", subject_id=f"P{n}", findings=FINDINGS, genes=GENES)
            for n in range(count + 1)
        ]
    assert structure_fault(build_message(said.pop()).text) is None  # what a process needs once is not counted
    started = time.process_time()
    messages = [build_message(one) for one in said]
    built = time.process_time()
    faults = [structure_fault(one.text) for one in messages]
    judged = time.process_time()
    assert not any(faults), faults
    size = sum(len(one.content) for one in messages) / count
    print(f"{count} messages of {FINDINGS} findings, {messages[0].text.count(chr(13)):,} segments each")
    print(f"built and judged: {count / (judged - started):.1f} a CPU second")
    print(f"  built: {1000 * (built - started) / count:.1f} ms")
    print(f"  judged: {1000 * (judged - built) / count:.1f} ms")
    print(f"{size / FINDINGS:,.0f} bytes a finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
