"""Why a variant is or is not in a sample's report, asked of the sample's published artifacts."""

from __future__ import annotations

from engine.ops.inputs import Artifact
from engine.report.why import Answer, why
from resources.environment import Resources

ABSENT = ("not carried", "not called", "not found")
"""Outcomes that mean that the sample has no such call."""


def explain(platform: Resources, sample: str, variant: str) -> Answer:
    """What became of one variant.

    Args:
        platform: the services of the deployment.
        sample: sample id.
        variant: its key (``20-3910800-CT-C``) or HGVS name.

    Raises:
        VariantFileError: it is no name of a variant.
        LakeError: an artifact is missing or damaged.
    """
    findings, annotated, gvcf = (
        Artifact(platform.lake.require(asset, sample), platform.lake)
        for asset in ("findings", "annotated_variants", "gvcf")
    )
    return why(
        variant,
        findings.file(".findings.parquet"),
        findings.file(".unreported.parquet"),
        annotated.file(".annotated.parquet"),
        gvcf.file(".g.vcf.gz"),
    )
