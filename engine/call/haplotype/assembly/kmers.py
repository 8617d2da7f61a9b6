"""Numbering the k-mers of an assembly: equal k-mers get equal numbers, and those that repeat are known.

Knows sequences only, not graphs. K-mers of up to 31 bases are compared by their two-bit code; longer ones, and those
with a base that is not ACGT, by a rolling hash and then base by base.

>>> import numpy as np
>>> sequences = np.frombuffer(b"GATTACA" b"ATTACC", np.uint8)
>>> kmers = number_kmers(sequences, np.array([0, 7]), np.array([7, 13]), 3)
>>> kmers.number.tolist()
[0, 1, 2, 3, 4, -1, -1, 1, 2, 3, 5, -1, -1]
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel


class Kmers(NamedTuple):
    """The k-mers of some sequences.

    Attributes:
        number: int32[], by position in the sequences, the number of the k-mer that begins there; -1 where the
            sequence ends before it. Numbers go up from 0 in order of first occurrence.
        repeated: bool[n], by number, whether the k-mer occurs twice within one of the sequences.
    """

    number: NDArray[np.int32]
    repeated: NDArray[np.bool_]


_LONGEST_CODED: Final = 31
_TWO: Final = np.uint64(2)
_THREE: Final = np.uint64(3)
_HASH_BASE: Final = np.uint64(0x9E6C63D0876A9A55)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_UNCODED: Final = np.uint64(1 << 63)


@kernel
def number_kmers(bases: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], size: int) -> Kmers:
    """Number the k-mers of every sequence.

    Args:
        bases: uint8[], ASCII, the sequences one behind the other.
        starts: int64[s], where each sequence begins in ``bases``.
        ends: int64[s], where it ends.
        size: k.
    """
    number = np.full(bases.size, -1, np.int32)
    code = _code_of_base()
    bits = 8
    while (1 << bits) < 2 * bases.size:
        bits += 1
    slots = np.full(1 << bits, -1, np.int32)
    shift = np.uint64(64 - bits)
    keys = np.empty(bases.size + 1, np.uint64)
    first = np.empty(bases.size + 1, np.int32)
    last_sequence = np.empty(bases.size, np.int32)
    repeated = np.zeros(bases.size, np.bool_)
    count = 0
    coded = size <= _LONGEST_CODED
    mask = (np.uint64(1) << np.uint64(2 * size)) - np.uint64(1) if coded else np.uint64(0)
    leaving = _HASH_BASE ** np.uint64(size)
    for sequence in range(starts.size):
        key = np.uint64(0)
        irregular = 0
        found = np.int64(-1)
        start = starts[sequence]
        for end in range(start, ends[sequence]):
            letter = np.uint64(code[bases[end]])
            irregular = size if letter > _THREE else irregular - 1
            if coded:
                key = ((key << _TWO) | (letter & _THREE)) & mask
            else:
                key = key * _HASH_BASE + letter + np.uint64(1)
                if end - start >= size:
                    key -= leaving * (np.uint64(code[bases[end - size]]) + np.uint64(1))
            position = end - size + 1
            if position < start:
                continue
            exact = coded and irregular <= 0
            wanted = key if exact else key | _UNCODED
            # Sequences mostly go on as the one before them did: the next number is the likeliest.
            guess = found + 1
            if exact and guess < count and keys[guess] == wanted:
                found = guess
            else:
                slot = (wanted * _GOLDEN) >> shift
                found = np.int64(slots[slot])
                while found >= 0 and not (
                    keys[found] == wanted and (exact or _equal(bases, first[found], position, size))
                ):
                    slot = (slot + np.uint64(1)) & np.uint64(slots.size - 1)
                    found = np.int64(slots[slot])
                if found < 0:
                    found = count
                    slots[slot] = count
                    keys[count] = wanted
                    first[count] = position
                    last_sequence[count] = -1
                    count += 1
            number[position] = found
            if last_sequence[found] == sequence:
                repeated[found] = True
            last_sequence[found] = sequence
    return Kmers(number, repeated[:count].copy())


@kernel
def _code_of_base() -> NDArray[np.uint8]:
    code = np.full(256, 4, np.uint8)
    code[ord("A")] = 0
    code[ord("C")] = 1
    code[ord("G")] = 2
    code[ord("T")] = 3
    return code


@kernel
def _equal(bases: NDArray[np.uint8], one: int, other: int, size: int) -> bool:
    length = 0
    while length < size and bases[one + length] == bases[other + length]:
        length += 1
    return length == size
