"""A file's fingerprint: what it sees without reading the file."""

from __future__ import annotations

import os
from pathlib import Path

from engine.reads.fingerprint import fingerprint


def test_the_fingerprint_of_a_big_file_sees_its_ends_size_and_places_between(tmp_path: Path) -> None:
    path = tmp_path / "reads"
    data = bytearray(os.urandom(1_000_000))
    path.write_bytes(data)
    known = fingerprint(path)
    assert fingerprint(path, known) is known
    for position in (0, len(data) - 1, 70_000 + (len(data) - 2 * 65536) // 15 - 4_000):
        data[position] ^= 1
        path.write_bytes(data)
        assert fingerprint(path).fingerprint != known.fingerprint, position
        data[position] ^= 1
    path.write_bytes(data + b"x")
    assert fingerprint(path).fingerprint != known.fingerprint
    path.write_bytes(data)
    assert fingerprint(path).fingerprint == known.fingerprint
