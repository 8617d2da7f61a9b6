"""The published artifacts of a sample with their checks, in words: what the console and the portal show of quality.

One that cannot be used is told as its problem, and the next is told.
"""

from __future__ import annotations

from typing import Any

from engine.errors import GenomicsError
from engine.quality.evaluation import CheckResult
from engine.receipt import Receipt
from resources.environment import Resources

UNREMARKABLE = ("passed", "does not apply")
"""States of checks that need nobody's attention."""


def artifacts_of(platform: Resources, sample: str) -> list[dict[str, Any]]:
    """What is to be told of each published artifact of a sample, as they were made.

    Each has ``asset``, ``records``, ``data_version``, ``created`` and ``checks`` (``check``, ``state``, ``observed``,
    ``expected``, ``told``), or ``asset`` and ``problem``.
    """
    found = [_described(platform, asset, sample) for asset in platform.lake.assets(sample)]
    return sorted(found, key=lambda told: (told.get("created", ""), told["asset"]))


def _described(platform: Resources, asset: str, sample: str) -> dict[str, Any]:
    try:
        receipt = platform.lake.receipt(asset, sample)
        if receipt is None:  # removed since it was listed
            return {"asset": asset, "problem": f"{sample} {asset}: there is no receipt any more"}
        checks = [
            {
                "check": verdict.threshold.name,
                "state": _state(platform, receipt, verdict),
                "observed": verdict.observed,
                "expected": verdict.threshold.expectation,
                "told": str(verdict),
            }
            for verdict in platform.gate.judge(receipt.asset, sample)
        ]
    except GenomicsError as error:
        return {"asset": asset, "problem": str(error)}
    names = ("asset", "records", "data_version", "created")
    return {name: getattr(receipt, name) for name in names} | {"checks": checks}


def _state(platform: Resources, receipt: Receipt, verdict: CheckResult) -> str:
    """What a verdict means for the sample, in a word."""
    if verdict.passed:
        return "passed" if verdict.applies else "does not apply"
    if platform.gate.overridden(receipt.asset, str(receipt.sample), verdict.threshold.name):
        return "overridden"
    return "SHUT" if verdict.blocks else "warning"
