"""``python -m benchmarks.bundles``: how many FHIR bundles of a usual case a core builds and judges in a second.

A usual case has twenty findings in nineteen genes, two of them in one. At least 50 bundles a second are asked for, and
a validator that loads in less than one second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from engine.classify.acmg_secondary_findings import secondary_findings_genes
from engine.fhir.bundle import bundle_json
from engine.fhir.check import check_bundle, faults
from engine.report.statement import Statement
from tests.builders.report_bundle import report_statement, signed_bundle

FINDINGS = 20
GENES = tuple(sorted(secondary_findings_genes()))[: FINDINGS - 1]
FIRST = 3_000_000
_PROCESSES = 5
_LOADING = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
from engine.fhir.validation.validator import Validator
Validator().resource({"resourceType": "Observation"})
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""
T = TypeVar("T")


def main() -> int:
    """Measure and print a line for each step; all in CPU seconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundles", description=__doc__)
    parser.add_argument("--cases", type=int, default=100, help="bundles that are built (%(default)s)")
    count = parser.parse_args().cases
    with tempfile.TemporaryDirectory() as folder:
        said = [_said(Path(folder), n) for n in range(count + 1)]
    assert not faults(signed_bundle(said.pop()))  # what a process needs once is not counted
    building = judging = 0.0
    for one in said:  # one after the other, as they are delivered
        bundle, seconds = _timed(partial(signed_bundle, one))
        found, more = _timed(partial(faults, bundle))
        assert not found
        building, judging = building + seconds, judging + more
    bundles = [signed_bundle(one) for one in said]
    _, second = _timed(lambda: [check_bundle(bundle) for bundle in bundles])
    texts, writing = _timed(lambda: [bundle_json(bundle) for bundle in bundles])
    small = len(json.dumps(bundles[0], separators=(",", ":"), ensure_ascii=False).encode())
    print(f"{count} bundles of {FINDINGS} findings, {len(bundles[0]['entry'])} resources each")
    print(f"built and judged by HL7's definitions: {count / (building + judging):.0f} a CPU second")
    for name, seconds in {
        "built": building,
        "judged": judging,
        "judged by the second": second,
        "written": writing,
    }.items():
        print(f"  {name}: {1000 * seconds / count:.1f} ms")
    print(f"{len(texts[0].encode()) / FINDINGS:,.0f} bytes a finding as written, {small / FINDINGS:,.0f} as sent")
    wall, cpu = _loading()
    print(f"the validator loads in {wall:.2f} s, {cpu:.2f} CPU s")
    return 0


def _said(folder: Path, n: int) -> Statement:
    """The n-th case: a person's own variants, in the same genes."""
    place = FIRST + 1_000 * n
    return report_statement(
        folder, sample=f"S{n}", subject_id=f"P{n}", findings=FINDINGS, genes=GENES, first=place, varied=_varied
    )


def _varied(gene: str, position: int) -> dict[str, Any]:
    """What of a variant differs from the next one's."""
    codon, depth = position // 3 % 900, 20 + position % 31
    change = {"hgvs_c": f"{gene}-201:c.{3 * codon + 1}C>T", "hgvs_p": f"{gene}-201:p.(Arg{codon + 1}Cys)"}
    return change | {"depth": depth, "ref_depth": depth // 2, "alt_depth": depth - depth // 2}


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def _loading() -> tuple[float, float]:
    """Wall and CPU seconds in a new process, medians."""
    told = [
        subprocess.run([sys.executable, "-c", _LOADING], capture_output=True, check=True) for _ in range(_PROCESSES)
    ]
    wall, cpu = zip(*(json.loads(one.stdout) for one in told), strict=True)
    return statistics.median(wall), statistics.median(cpu)


if __name__ == "__main__":
    sys.exit(main())
