"""The arrays in which reads and haplotypes travel through the caller's kernels.

Every kernel works on these columns: named tuples of numpy arrays, which numba passes by reference without the GIL.
Variable-length parts (bases, qualities, CIGAR) are concatenated; row ``i`` is ``[offset[i], offset[i + 1])``.
Positions are 0-based, ends exclusive, on one contig.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ReadColumns(NamedTuple):
    """Reads of one contig or region, one row a read.

    Attributes:
        start: int64[n], first reference base of the alignment, clips excluded.
        end: int64[n], one past its last reference base.
        flag: uint16[n], SAM FLAG; a mate without a place counts as unmapped, as for GATK.
        mapq: uint8[n], MAPQ.
        mate_start: int64[n], PNEXT as 0-based position, -1 where absent.
        mate_contig: int32[n], RNEXT as the header's contig index, -1 where absent.
        template_length: int32[n], TLEN.
        name: int32[n], equal for the reads of one template; an index into names kept outside the kernels.
        base_offset: int64[n + 1], row limits in ``bases`` and ``qualities``.
        bases: uint8[], ASCII upper case, one of ACGTN.
        qualities: uint8[], phred, not offset.
        cigar_offset: int64[n + 1], row limits in ``cigar``.
        cigar: uint32[], as in BAM: ``length << 4 | operator`` with operators in the order MIDNSHP=X.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    flag: NDArray[np.uint16]
    mapq: NDArray[np.uint8]
    mate_start: NDArray[np.int64]
    mate_contig: NDArray[np.int32]
    template_length: NDArray[np.int32]
    name: NDArray[np.int32]
    base_offset: NDArray[np.int64]
    bases: NDArray[np.uint8]
    qualities: NDArray[np.uint8]
    cigar_offset: NDArray[np.int64]
    cigar: NDArray[np.uint32]


class HaplotypeColumns(NamedTuple):
    """The haplotypes of one assembly region, the reference among them.

    Attributes:
        start: 0-based reference position of the first base of every haplotype.
        end: one past the last reference base they span.
        reference: row of the reference haplotype.
        base_offset: int64[h + 1], row limits in ``bases``.
        bases: uint8[], ASCII upper case.
        cigar_offset: int64[h + 1], row limits in ``cigar``.
        cigar: uint32[], each haplotype against the reference span, packed as in BAM.
        kmer_size: int32[h], k of the graph that gave the haplotype (0 for the reference alone).
        score: float64[h], log10 path score, NaN for the reference.
    """

    start: int
    end: int
    reference: int
    base_offset: NDArray[np.int64]
    bases: NDArray[np.uint8]
    cigar_offset: NDArray[np.int64]
    cigar: NDArray[np.uint32]
    kmer_size: NDArray[np.int32]
    score: NDArray[np.float64]
