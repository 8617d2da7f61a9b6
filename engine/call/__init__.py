"""From reads to gVCF: the interface to all variant callers, and the callers.

Filtering, joint genotyping and comparison are other packages' business.
"""

from collections.abc import Mapping

CALLERS: Mapping[str, str] = {
    "haplotype": "engine.call.haplotype.caller:HaplotypeVariantCaller",
    "bcftools": "engine.call.bcftools:BcftoolsCaller",
    "gatk": "engine.call.gatk:GatkCaller",
}
"""Callers by name, as ``module:class``; a class is made without arguments and imported when it is asked for."""
DEFAULT_CALLER = "haplotype"
