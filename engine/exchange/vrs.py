"""Ids of alleles after GA4GH's VRS 2.0 (https://vrs.ga4gh.org), by GA4GH's own library over the reference's FASTA.

No sequence repository is asked: the library wants a few bases of the reference beside an allele, and the digest of its
contig, which is computed once. The library is the extra ``ga4gh``.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha512
from pathlib import Path
from typing import Any

from engine.errors import ToolError

_BASES = 1 << 24


def vrs_id(fasta: Path, contig: str, position: int, ref: str, alt: str) -> str:
    """The id of an allele, ``ga4gh:VA.`` and a digest: the same wherever the reference and the allele are the same.

    Args:
        fasta: the reference, indexed.
        contig: as the reference names it.
        position: 1-based position of ``ref``.
        ref: reference bases.
        alt: alternate bases.

    Raises:
        ToolError: GA4GH's library is not installed.
    """
    try:
        from ga4gh.core import ga4gh_identify
        from ga4gh.vrs import models
        from ga4gh.vrs.normalize import normalize
    except ImportError as error:
        raise ToolError("VRS ids need GA4GH's library", remedy="install genomics-assets[ga4gh]") from error
    place = models.SequenceLocation(
        sequenceReference=models.SequenceReference(refgetAccession=refget_digest(fasta, contig)),
        start=position - 1,
        end=position - 1 + len(ref),
    )
    allele = models.Allele(location=place, state=models.LiteralSequenceExpression(sequence=models.sequenceString(alt)))
    return str(ga4gh_identify(normalize(allele, _proxy(fasta, contig))))


@lru_cache(maxsize=128)
def refget_digest(fasta: Path, contig: str) -> str:
    """The contig's digest after GA4GH's refget, ``SQ.`` and 24 bytes of its SHA-512.

    Source: https://samtools.github.io/hts-specs/refget.html, "sha512t24u".
    """
    import pysam

    digest = sha512()
    with pysam.FastaFile(str(fasta)) as file:
        length = file.get_reference_length(contig)
        for start in range(0, length, _BASES):
            digest.update(file.fetch(contig, start, min(start + _BASES, length)).upper().encode())
    return "SQ." + urlsafe_b64encode(digest.digest()[:24]).decode()


def _proxy(fasta: Path, contig: str) -> Any:
    """The reference as the library asks it."""
    import pysam
    from ga4gh.vrs.dataproxy import _DataProxy

    accession = refget_digest(fasta, contig)

    class OneContig(_DataProxy):  # type: ignore[misc]
        def get_sequence(self, identifier: str, start: int | None = None, end: int | None = None) -> str:
            with pysam.FastaFile(str(fasta)) as file:
                return str(file.fetch(contig, start, end)).upper()

        def get_metadata(self, identifier: str) -> dict[str, Any]:
            with pysam.FastaFile(str(fasta)) as file:
                length = file.get_reference_length(contig)
            return {"length": length, "aliases": [f"ga4gh:{accession}"], "added": None, "alphabet": "ACGTN"}

    return OneContig()
