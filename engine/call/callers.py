"""Which variant callers there are; apart from what all callers share, so that a name loads none of them."""

from collections.abc import Mapping

CALLERS: Mapping[str, str] = {
    "haplotype": "engine.call.haplotype.caller:HaplotypeVariantCaller",
    "bcftools": "engine.call.bcftools:BcftoolsCaller",
    "gatk": "engine.call.gatk:GatkCaller",
}
"""Callers by name, as ``module:class``; a class is made without arguments and imported when it is asked for."""
DEFAULT_CALLER = "haplotype"
TARGET_PADDING = 100
"""Bases called on either side of a target, where nothing else is asked for: a variant that reaches into a target may
begin before it, and its reads are to be seen whole. What GATK's documentation advises for exomes."""
