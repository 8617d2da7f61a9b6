"""Keys of many INFO fields at once: which records hold a key more than once.

Records of one file have few sets of keys, so that each is looked at once; which record has which is told by numbers
made of the keys' letters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_SEMICOLON, _EQUALS = ord(";"), ord("=")
_WORD = 8
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(_WORD)] + [(1 << 64) - 1], np.uint64)
_FIRST, _LAST, _PLACE = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def with_repeated_keys(text: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the records whose INFO holds a key more than once, whatever its values.

    Args:
        text: that holds the INFO fields, none of which is empty.
        starts: int64[records], ascending, where in the text each begins.
        ends: int64[records], one past the last letter of each.
    """
    if not len(starts):
        return np.zeros(0, np.int64)
    letters = np.frombuffer(text, np.uint8)
    begins, ends_of_items, firsts = _items(letters, starts, ends)
    sets, which = np.unique(_sets(text, letters, begins, ends_of_items, firsts), return_inverse=True)
    examples = np.full(len(sets), -1, np.int64)
    examples[which[::-1]] = np.arange(len(starts))[::-1]
    repeats = [_repeats(_keys(text[starts[one] : ends[one]])) for one in examples.tolist()]
    found: NDArray[np.int64] = np.flatnonzero(np.array(repeats)[which])
    return found


def _items(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each item begins and ends, and the number of each record's first item."""
    marks = np.flatnonzero(letters == _SEMICOLON)
    records = np.searchsorted(starts, marks, "right") - 1
    inside = (records >= 0) & (marks < ends[records])
    marks, records = marks[inside], records[inside]
    firsts = np.arange(len(starts)) + np.searchsorted(marks, starts)
    places = np.arange(len(marks)) + records + 1
    begins = np.empty(len(starts) + len(marks), np.int64)
    begins[firsts], begins[places] = starts, marks + 1
    stops = np.empty_like(begins)
    stops[places - 1] = marks
    stops[np.append(firsts[1:], len(begins)) - 1] = ends
    return begins, stops, firsts


def _sets(
    text: bytes,
    letters: NDArray[np.uint8],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    firsts: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """A number for each record, the same for the same keys in the same order."""
    equals = np.append(np.flatnonzero(letters == _EQUALS), len(letters))
    key_ends = np.minimum(equals[np.searchsorted(equals, begins)], stops)
    lengths = key_ends - begins
    padded = text + bytes(_WORD)
    words = np.ndarray((len(text) + 1,), "<u8", padded, strides=(1,))
    head = words[begins] & _MASKS[np.minimum(lengths, _WORD)]
    tail = words[np.maximum(key_ends - _WORD, begins)] & _MASKS[np.minimum(lengths, _WORD)]
    place = np.arange(len(begins)) - np.repeat(firsts, np.diff(np.append(firsts, len(begins))))
    keys = (head * _FIRST) ^ (tail * _LAST) ^ lengths.astype(np.uint64)
    mixed = (keys ^ (keys >> np.uint64(29))) * (_PLACE + (place.astype(np.uint64) << np.uint64(1)))
    sums: NDArray[np.uint64] = np.add.reduceat(mixed, firsts)
    return sums


def _keys(info: bytes) -> tuple[bytes, ...]:
    return tuple(item.partition(b"=")[0] for item in info.split(b";"))


@lru_cache(maxsize=4096)
def _repeats(keys: tuple[bytes, ...]) -> bool:
    return len(set(keys)) < len(keys)
