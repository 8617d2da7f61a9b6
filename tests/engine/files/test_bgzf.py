import hashlib
import platform
import random
import zlib

import pytest

from engine.files.bgzf import BLOCK_LIMIT, compress_block


def block_like_reads() -> bytes:
    """Sequence, qualities and names: what a BAM's block holds, the same on every machine."""
    drawn = random.Random(20)
    reads = (
        f"H:{number:08d}\0{''.join(drawn.choices('ACGT', k=75))}{''.join(drawn.choices('#5FFFFFF:', k=75))}"
        for number in range(400)
    )
    return "".join(reads).encode()[:BLOCK_LIMIT]


@pytest.mark.parametrize("level", range(10))
def test_a_block_holds_what_was_put_in_at_every_level(level: int) -> None:
    content = block_like_reads()
    block = compress_block(content, level)
    assert zlib.decompress(block, wbits=31) == content
    assert int.from_bytes(block[16:18], "little") + 1 == len(block)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="ISA-L hashes otherwise on other processors")
@pytest.mark.parametrize(
    ("level", "digest"),
    [(1, "5421dec54eb42d90"), (2, "232cab65fad91468")],
)
def test_fast_levels_give_the_same_bytes_on_every_x86_64_processor(level: int, digest: str) -> None:
    """Digests as found on processors with AVX2, with AVX alone and with SSE4.2 alone (by qemu)."""
    assert hashlib.sha256(compress_block(block_like_reads(), level)).hexdigest()[:16] == digest
