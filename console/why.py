"""``genomics why``: what became of one variant of a sample, and why it is or is not in the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from console.choosing import find
from console.output import plain, print_json
from engine.receipt import Receipt
from engine.report.why import why as answer_why
from resources.environment import Resources


def why(platform: Resources, chosen: argparse.Namespace) -> int:
    """Answer for one variant; exit code 1 where the sample has no such call."""
    name = find(platform, chosen.sample)
    findings, annotated, gvcf = (platform.lake.require(asset, name) for asset in ("findings", *_CALLS))
    answer = answer_why(
        chosen.variant,
        _file(platform, findings, ".findings.parquet"),
        _file(platform, findings, ".unreported.parquet"),
        _file(platform, annotated, ".annotated.parquet"),
        _file(platform, gvcf, ".g.vcf.gz"),
    )
    if chosen.json:
        print_json({"sample": name} | vars(answer))
    else:
        print(
            plain(
                f"{name} {answer.variant}: {answer.outcome}. {answer.explanation[:1].upper()}{answer.explanation[1:]}"
            )
        )
    return 1 if answer.outcome in ("not carried", "not called", "not found") else 0


_CALLS = ("annotated_variants", "gvcf")


def _file(platform: Resources, receipt: Receipt, suffix: str) -> Path:
    return platform.lake.path(receipt, next(one.name for one in receipt.files if one.name.endswith(suffix)))
