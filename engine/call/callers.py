"""Which variant callers there are; apart from what all callers share, so that a name loads none of them."""

from collections.abc import Mapping
from importlib import import_module

CALLERS: Mapping[str, str] = {
    "haplotype": "engine.call.haplotype.variant_caller:HaplotypeVariantCaller",
    "bcftools": "engine.call.bcftools:BcftoolsCaller",
    "gatk": "engine.call.gatk:GatkCaller",
}
"""Callers by name, as ``module:class``; a class is made without arguments and imported when it is asked for."""
DEFAULT_CALLER = "haplotype"
SCATTERED = frozenset({"haplotype"})
"""Those whose work is cut into shards for other machines."""
TARGET_PADDING = 100
"""Bases called on either side of a target, where nothing else is asked for: a variant that reaches into a target may
begin before it, and its reads are to be seen whole. What GATK's documentation advises for exomes."""


def caller_version(name: str) -> str:
    """Name and version of a caller as receipts tell them; of the engine's own without loading its kernels.

    Raises:
        ToolError: it is a program that is absent.
    """
    if name == DEFAULT_CALLER:
        return haplotype_caller_version()
    module, _, kind = CALLERS[name].partition(":")
    version: str = getattr(import_module(module), kind)().version()
    return version


def haplotype_caller_version() -> str:
    """Name and version of the engine's own caller."""
    from importlib.metadata import PackageNotFoundError  # a tenth of what the command line would load

    from engine.release import engine_release

    try:
        return f"{DEFAULT_CALLER} {engine_release()}"
    except PackageNotFoundError:
        return DEFAULT_CALLER
