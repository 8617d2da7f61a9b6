"""Which caller wrote a gVCF, as its header says, and what follows from that.

>>> caller_of(["##source=Clair3"]), caller_of(['##INFO=<ID=VDB,Number=1,Type=Float,Description="x">'])
('Clair3', 'bcftools')
"""

from __future__ import annotations

from collections.abc import Sequence

BCFTOOLS = "bcftools"
_MARKS = {
    # bcftools call writes its command; without it the annotations that only its mpileup has tell.
    "##bcftools_callCommand": BCFTOOLS,
    "##INFO=<ID=VDB,": BCFTOOLS,
    "##INFO=<ID=MQ0F,": BCFTOOLS,
    "##DeepVariant_version": "DeepVariant",
    "##source=Clair3": "Clair3",
    "##DRAGENVersion": "DRAGEN",
    "##DRAGENCommandLine": "DRAGEN",
    "##source=DRAGEN": "DRAGEN",
    "##source=xAtlas": "xAtlas",
    "##source=weCall": "weCall",
    # DeepVariant before 0.9 names itself nowhere; its filter and its share of reads tell.
    "##FILTER=<ID=RefCall,": "DeepVariant",
    "##FORMAT=<ID=VAF,": "DeepVariant",
    "##source=strelka": "Strelka",
    "##content=strelka": "Strelka",
}


def caller_of(header: Sequence[str]) -> str | None:
    """The caller's name; absent for GATK's HaplotypeCaller, for the engine's own like it, and where no line tells."""
    return next((caller for line in header for mark, caller in _MARKS.items() if line.startswith(mark)), None)
