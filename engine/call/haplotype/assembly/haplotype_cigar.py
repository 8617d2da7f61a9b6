"""The CIGAR of a haplotype on the reference it was assembled against (specification 7.16).

What a path through the graph becomes once it is aligned. Smith-Waterman itself and the editing of CIGARs live in
their own modules; which haplotypes to keep is decided in :mod:`.assembler`.

>>> import numpy as np
>>> from engine.call.haplotype.alignment.cigar import text
>>> reference = np.frombuffer(b"GATTACAGATTTTCGA", np.uint8)
>>> text(haplotype_cigar(reference, np.frombuffer(b"GATTACAGATTTCGA", np.uint8), SOFT_CLIP_OVERHANG))
'9M1D6M'
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    DELETION,
    MATCH,
    SOFT_CLIP,
    left_align,
    operator_of,
    packed_element,
    trimmed_by_read,
)
from engine.call.haplotype.alignment.smith_waterman import HAPLOTYPE_TO_REFERENCE, SOFT_CLIP_OVERHANG, align
from engine.kernel import kernel

__all__ = ["SOFT_CLIP_OVERHANG", "haplotype_cigar"]

_PADDING: Final = 10
_N: Final = ord("N")


@kernel
def haplotype_cigar(
    reference: NDArray[np.uint8], haplotype: NDArray[np.uint8], overhang: np.int64
) -> NDArray[np.uint32]:
    """Align a haplotype to the reference and left-align its indels.

    Ten N on each side of both hold the ends together. Deletions at the ends are kept, so that a haplotype that
    ends early still consumes its share of the reference.

    Args:
        reference: uint8[], ASCII bases of the reference haplotype.
        haplotype: uint8[], ASCII bases, at least one.
        overhang: strategy of :mod:`engine.call.haplotype.alignment.smith_waterman`.

    Returns:
        The packed CIGAR; empty when the ends did not hold.
    """
    if reference.size == haplotype.size and (reference == haplotype).all():
        return np.array([packed_element(reference.size, MATCH)], np.uint32)
    alignment = align(_padded(reference), _padded(haplotype), HAPLOTYPE_TO_REFERENCE, overhang)
    if alignment.offset > 0:
        return np.empty(0, np.uint32)
    for element in alignment.cigar:
        if operator_of(element) == SOFT_CLIP:
            return np.empty(0, np.uint32)
    trimmed = trimmed_by_read(alignment.cigar, _PADDING, _PADDING + haplotype.size)
    with_end = _with_deletions(0, trimmed.cigar, trimmed.trailing_deletion)
    aligned = left_align(with_end, reference, haplotype, trimmed.leading_deletion)
    return _with_deletions(
        trimmed.leading_deletion + aligned.leading_deletion, aligned.cigar, aligned.trailing_deletion
    )


@kernel
def _padded(bases: NDArray[np.uint8]) -> NDArray[np.uint8]:
    padded = np.full(bases.size + 2 * _PADDING, _N, np.uint8)
    padded[_PADDING : _PADDING + bases.size] = bases
    return padded


@kernel
def _with_deletions(leading: int, cigar: NDArray[np.uint32], trailing: int) -> NDArray[np.uint32]:
    extended = np.empty(cigar.size + 2, np.uint32)
    extended[0] = packed_element(leading, DELETION)
    extended[1 : cigar.size + 1] = cigar
    extended[cigar.size + 1] = packed_element(trailing, DELETION)
    return extended[0 if leading > 0 else 1 : cigar.size + (2 if trailing > 0 else 1)].copy()
