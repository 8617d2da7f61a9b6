import hashlib
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


@pytest.mark.parametrize("level", range(13))
def test_a_block_holds_what_was_put_in_at_every_level(level: int) -> None:
    content = block_like_reads()
    block = compress_block(content, level)
    assert zlib.decompress(block, wbits=31) == content
    assert int.from_bytes(block[16:18], "little") + 1 == len(block)


@pytest.mark.parametrize(("level", "digest"), [(1, "2b602f7b71b4b99b"), (4, "0819645afb8ec3a9")])
def test_the_same_content_gives_the_same_bytes_in_every_process_and_on_every_processor(level: int, digest: str) -> None:
    """An artifact's data version is the digest of its files."""
    assert hashlib.sha256(compress_block(block_like_reads(), level)).hexdigest()[:16] == digest
