"""What a run of the demo did, and how it is told."""

from dataclasses import dataclass, field

SAMPLE_ASSETS = (
    "raw_reads",
    "aligned_reads",
    "gvcf",
    "variants",
    "variant_consequences",
    "annotated_variants",
    "findings",
    "statement",
    "clinical_report",
    "fhir_bundle",
    "cohort_contribution",
)


@dataclass
class RunResult:
    """What one run did.

    Attributes:
        sample: the sample, absent for knowledge and cohort.
        success: whether every step succeeded.
        seconds: wall time of each step.
        cpu_seconds: CPU time of each asset's step; checks, and the cohort's tables, have none of their own.
        fresh: assets that were fresh and not computed again.
        problems: what failed, as the platform said it.
    """

    sample: str | None
    success: bool
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def tell(line: str = "") -> None:
    """Print at once, so that progress is seen when it is made."""
    print(line, flush=True)
