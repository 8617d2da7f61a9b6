"""Which samples break the tests of the cohort tables: they are put aside, so that the tables of all others come out.

>>> breaking_samples(["S1", "S2", "S3", "S4"], lambda some: ["unique"] if "S3" in some else [])
{'S3': ('unique',)}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

FailedTests = Callable[[Sequence[str]], Sequence[str]]
"""Names of the tests that tables of these samples alone fail."""


def breaking_samples(samples: Sequence[str], failed_tests: FailedTests) -> dict[str, tuple[str, ...]]:
    """The samples that break a test by themselves, with the tests that each breaks.

    Half of the samples is tried, then half of that: one that breaks a test among a thousand is found in twenty tries.
    Samples that break a test only together are not found.

    Args:
        samples: which together break a test.
        failed_tests: tries some of them.
    """
    if len(samples) == 1:
        return {samples[0]: tuple(failed_tests(samples))}
    found: dict[str, tuple[str, ...]] = {}
    middle = len(samples) // 2
    for half in (samples[:middle], samples[middle:]):
        failed = failed_tests(half)
        if failed and len(half) == 1:
            found[half[0]] = tuple(failed)
        elif failed:
            found |= breaking_samples(half, failed_tests)
    return found
