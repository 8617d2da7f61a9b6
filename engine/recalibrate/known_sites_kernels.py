"""The kernel that finds contig, position and length of each site in lines of VCF text. No I/O.

Source: VCF specification 4.3, fields CHROM, POS, REF.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

_NEWLINE, _TAB, _HASH, _ZERO, _NINE = 10, 9, 35, 48, 57


@kernel
def find_sites(text: NDArray[np.uint8], sites: NDArray[np.int64]) -> int:
    """Fill ``sites`` with one row for each record of whole lines; the number of rows, or ``-1 - line`` at a bad one.

    Args:
        text: uint8[], whole lines.
        sites: int64[lines, 4]: where the contig's name begins and ends, 1-based position, bases of REF.
    """
    found, line, at = 0, 0, 0
    while at < len(text):
        end = at
        while end < len(text) and text[end] != _NEWLINE:
            end += 1
        if end > at and text[at] != _HASH:
            if not _site(text, at, end, sites[found]):
                return -1 - line
            found += 1
        line += 1
        at = end + 1
    return found


@kernel
def _site(text: NDArray[np.uint8], at: int, end: int, row: NDArray[np.int64]) -> bool:
    row[0] = at
    while at < end and text[at] != _TAB:
        at += 1
    row[1] = at
    at += 1
    position, digits = 0, 0
    while at < end and _ZERO <= text[at] <= _NINE and digits < 10:
        position = 10 * position + text[at] - _ZERO
        digits += 1
        at += 1
    row[2] = position
    if digits == 0 or at >= end or text[at] != _TAB:
        return False
    at += 1
    while at < end and text[at] != _TAB:
        at += 1
    at += 1
    start = at
    while at < end and text[at] != _TAB:
        if not 65 <= text[at] & 0xDF <= 90:  # a letter
            return False
        at += 1
    row[3] = at - start
    columns = 4
    for i in range(at, end):
        columns += text[i] == _TAB
    return at > start and row[1] > row[0] and columns >= 5
