"""Which release of the engine this is, by whichever distribution brought it: the platform, or the engine alone."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTIONS = ("genomics-assets", "genomics-engine")
"""Where both are installed they are built from the same sources."""


def engine_release() -> str:
    """The version, as it stands in headers of BAM and VCF; PackageNotFoundError where the engine is not installed."""
    *others, last = DISTRIBUTIONS
    for name in others:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return version(last)
