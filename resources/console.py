"""What a person does by hand at the platform: see a sample, open a gate, ask for a retry, withdraw, verify.

Run as ``python -m resources.console COMMAND --help``. Every change names the person and is written to the audit log.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import GenomicsError
from resources.environment import Settings, build_resources

Services = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; exit code 1 with one clear message where it cannot be done."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[Services, argparse.Namespace], None] = chosen.command
    try:
        command(build_resources(Settings.from_environment()), chosen)
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m resources.console", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, does: str, command: Callable[[Services, argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=does, description=does)
        sub.set_defaults(command=command)
        return sub

    add("samples", "list every sample with its status", _samples)
    add("sample", "show a sample's artifacts, checks and history", _sample).add_argument("sample")
    override = add("override", "let one version of an artifact through a shut check", _override)
    for name in ("sample", "asset", "check"):
        override.add_argument(name)
    for sub in (
        override,
        add("retry", "ask for another run of a sample as it is", _retry),
        add("withdraw", "take a sample out: it is not run again, and leaves the cohort", _withdraw),
    ):
        if sub is not override:
            sub.add_argument("sample")
        sub.add_argument("--person", default=getpass.getuser(), help="who decides; default: the user logged in")
        sub.add_argument("--reason", required=True, help="why, in a sentence")
    add("verify", "read every artifact of a sample again and compare its sha256", _verify).add_argument("sample")
    add("audit", "verify the audit log's chain", _audit)
    return parser


def _samples(services: Services, _: argparse.Namespace) -> None:
    for sample in services["registry"].samples():
        state = "withdrawn" if sample.withdrawn else str(sample.status)
        print(f"{sample.sample_id}\t{state}\tattempt {sample.attempt}\t{sample.registered}\t{sample.sheet}")


def _sample(services: Services, chosen: argparse.Namespace) -> None:
    lake, gate = services["lake"], services["gate"]
    sample = services["registry"].sample(chosen.sample)
    print(f"{sample.sample_id}: {sample.status}, attempt {sample.attempt}, from {sample.sheet}")
    for asset in gate.thresholds.assets:
        receipt = lake.receipt(asset, sample.sample_id)
        if receipt is not None:
            print(f"  {asset}: {receipt.records:,} records, {receipt.data_version[:12]}, made {receipt.created}")
            for verdict in gate.judge(asset, sample.sample_id):
                if not verdict.passed:
                    opened = gate.overridden(asset, sample.sample_id, verdict.threshold.name)
                    state = "overridden" if opened else "SHUT" if verdict.blocks else "warning"
                    print(f"    {state}: {verdict}")
    for entry in services["registry"].history(sample.sample_id):
        print(f"  {entry.recorded} {entry.event} {entry.details or ''}")


def _override(services: Services, chosen: argparse.Namespace) -> None:
    services["gate"].override(chosen.asset, chosen.sample, chosen.check, person=chosen.person, reason=chosen.reason)
    print(f"{chosen.asset}.{chosen.check} is overridden for this version of {chosen.sample}; retry the sample next")


def _retry(services: Services, chosen: argparse.Namespace) -> None:
    sample = services["registry"].retry(chosen.sample, person=chosen.person, reason=chosen.reason)
    services["audit"].record(chosen.person, "retry", sample.sample_id, {"reason": chosen.reason})
    print(f"{sample.sample_id} waits for attempt {sample.attempt}")


def _withdraw(services: Services, chosen: argparse.Namespace) -> None:
    services["registry"].withdraw(chosen.sample, person=chosen.person, reason=chosen.reason)
    services["audit"].record(chosen.person, "withdraw", chosen.sample, {"reason": chosen.reason})
    services["warehouse"].remove(chosen.sample)
    print(
        f"{chosen.sample} is withdrawn; the cohort's tables are built without it next, its artifacts stay in the lake"
    )


def _verify(services: Services, chosen: argparse.Namespace) -> None:
    lake = services["lake"]
    sample = services["registry"].sample(chosen.sample).sample_id
    receipts = [lake.receipt(path.name, sample) for path in sorted((lake.root / "samples" / sample).glob("*"))]
    for receipt in filter(None, receipts):
        lake.verify(receipt)
        print(f"{receipt.asset}: {len(receipt.files)} files as published {receipt.created}")


def _audit(services: Services, _: argparse.Namespace) -> None:
    print(f"{services['audit'].verify():,} entries, chain unbroken")


if __name__ == "__main__":
    sys.exit(main())
