"""``python -m benchmarks.hl7_validator``: what HL7's own validator says of every bundle of the demo and of the tests.

Needs ``make hapi`` and, for the demo's bundles, ``make demo``. The exit code is 1 where it finds an error, or a warning
that is ours to mend.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.builders.hl7_validator import EXPLAINED, OF_TESTS, Message, explanation, is_installed, judge, ours

ROOT = Path(__file__).parent.parent
TESTS = (
    *("tests/engine/fhir", "tests/engine/ops", "tests/engine/report", "tests/engine/hl7v2"),
    *("tests/console", "tests/resources/test_hospital.py"),
)
"""Where bundles are built."""


def main() -> int:
    """Collect, judge and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hl7_validator", description=__doc__)
    parser.add_argument("--demo", type=Path, default=ROOT / "data" / "demo", help="the demo's data (%(default)s)")
    tests = parser.add_mutually_exclusive_group()
    tests.add_argument("--without-tests", action="store_true", help="judge the demo's bundles only")
    tests.add_argument("--kept", type=Path, help="folder in which earlier runs of tests kept theirs; they are not run")
    options = parser.parse_args()
    if not is_installed():
        print("HL7's validator is not installed: make hapi", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        of_demo = sorted(options.demo.glob("lake/samples/*/fhir_bundle/*/*.fhir.json"))
        of_tests = [] if options.without_tests else _of_tests(Path(scratch), options.kept)
        said = judge([*of_demo, *of_tests])
    known = dict.fromkeys(of_demo, EXPLAINED) | dict.fromkeys(of_tests, EXPLAINED | OF_TESTS)
    print(f"{len(of_demo)} bundles of the demo, {len(of_tests)} of the tests")
    return _tell(said, known)


def _of_tests(folder: Path, kept: Path | None) -> list[Path]:
    """Every bundle that the tests build and that our validator accepts."""
    if kept:
        return sorted(kept.glob("*.json"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.hapi.kept_bundles", "-p", "no:cacheprovider", *TESTS]
    environment = os.environ | {"GENOMICS_KEPT_BUNDLES": str(folder)}
    subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=True)
    return sorted(folder.glob("*.json"))


def _tell(said: list[Message], known: Mapping[Path, Mapping[str, str]]) -> int:
    for severity, count in Counter(one.severity for one in said).most_common():
        print(f"{count:7,} {severity}")
    warnings = Counter(explanation(one, known[one.file]) for one in said if one.severity == "warning")
    for why, count in warnings.most_common():
        print(f"{count:7,} warnings: {why or 'not explained'}")
    wrong = [one for one in said for _ in ours([one], known[one.file])]
    for one in wrong[:50]:
        print(f"{one.file.name}: {one.severity}: {one.place}: {one.message}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
