import ctypes
import os
import tempfile
from pathlib import Path

import pytest

from engine.giving_back import give_back_disk, give_back_memory

MEGABYTE = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_that_nothing_is_in_goes_back_to_the_machine() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    blocks = [library.malloc(ctypes.c_size_t(64 << 10)) for _ in range(1600)]
    for block in blocks:
        ctypes.memset(block, 1, 64 << 10)
    for block in blocks[:-1]:  # the last one holds the end of the heap: of itself nothing below it goes back
        library.free(ctypes.c_void_p(block))
    before = resident()
    give_back_memory()
    assert before - resident() > 80 * MEGABYTE
    library.free(ctypes.c_void_p(blocks[-1]))


def test_the_front_of_a_file_leaves_the_disk_and_the_rest_stays(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(os.urandom(8 * MEGABYTE))
        file.flush()
        os.fsync(file.fileno())
        rest = os.pread(file.fileno(), 2 * MEGABYTE, 6 * MEGABYTE)
        if not give_back_disk(file.fileno(), 6 * MEGABYTE):
            pytest.skip("this file system cannot free a part of a file")
        assert os.fstat(file.fileno()).st_blocks * 512 <= 3 * MEGABYTE
        assert os.pread(file.fileno(), 2 * MEGABYTE, 6 * MEGABYTE) == rest
        assert os.fstat(file.fileno()).st_size == 8 * MEGABYTE


def test_nothing_given_back_is_nothing_done(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb+") as file:
        assert not give_back_disk(file.fileno(), 0)
