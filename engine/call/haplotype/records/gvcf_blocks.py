"""The lines of a gVCF between its calls: reference blocks, or every site alone.

Sites come in order; a block speaks for consecutive sites of one band of genotype quality and may begin in one
batch of sites and end in a later one. Variants close the block and, like GATK, silence sites within their REF.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.records import gvcf_block_kernels as kernels
from engine.call.haplotype.reference_model.confidence_kernels import Sites

QUALITY_BANDS = (*range(1, 61), 70, 80, 90, 99)
"""Lower limits of the bands of genotype quality; the first band begins at 0."""
_MAXIMUM_PLOIDY = 32


def _ascii(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytearray(text, "ascii"), np.uint8)


class ReferenceLines:
    """Writes the sites of one contig, joined into blocks or one by one.

    Args:
        contig: CHROM.
        joined: blocks (``-ERC GVCF``) rather than a line for each site (``-ERC BP_RESOLUTION``).
    """

    def __init__(self, contig: str, *, joined: bool) -> None:
        self._joined = joined
        self._words = kernels.Words(
            contig=_ascii(contig),
            genotypes=_ascii("/".join("0" * _MAXIMUM_PLOIDY)),
            block=_ascii("\t<NON_REF>\t.\t.\tEND="),
            format_block=_ascii("\tGT:DP:GQ:MIN_DP:PL\t"),
            site=_ascii("\t<NON_REF>\t.\t.\t.\tGT:AD:DP:GQ:PL\t"),
        )
        self._block = kernels.OpenBlock(
            np.zeros(8, np.int64), np.zeros(_MAXIMUM_PLOIDY + 1, np.int32), np.zeros(256, np.int64)
        )
        self._silent_until = 0

    def add_sites(self, sites: Sites, start: int, end: int, letters: NDArray[np.uint8], letters_start: int) -> bytes:
        """The lines that are complete once the known sites of ``[start, end)`` are added.

        Args:
            sites: they and others.
            start: 0-based first position.
            end: one past the last.
            letters: upper-case reference bases that cover them.
            letters_start: position of the first of those.
        """
        if self._joined:
            start = max(start, self._silent_until)
        if start >= end:
            return b""
        genotypes = sites.phred.shape[1]
        text = np.empty(kernels.room_for(end - start + 1, self._words.contig, genotypes), np.uint8)
        if not self._joined:
            written = kernels.write_sites(sites, start, end, letters, letters_start, self._words, text, 0)
            return text[:written].tobytes()
        self._make_room(int(sites.depth.max(initial=0)))
        written = kernels.join_sites(sites, start, end, letters, letters_start, self._block, self._words, text, 0)
        return text[:written].tobytes()

    def close(self) -> bytes:
        """The line of the block that is open, if any."""
        genotypes = self._block.phred.size
        text = np.empty(kernels.room_for(1, self._words.contig, genotypes), np.uint8)
        written = kernels.close_block(self._block, self._words, text, 0)
        return text[:written].tobytes()

    def pass_variant(self, end: int) -> bytes:
        """Close the block before a call whose REF ends at ``end``; sites up to there are not written."""
        self._silent_until = end
        return self.close()

    def _make_room(self, depth: int) -> None:
        histogram = self._block.histogram
        if depth >= histogram.size:
            longer = np.zeros(2 * depth, np.int64)
            longer[: histogram.size] = histogram
            self._block = self._block._replace(histogram=longer)
