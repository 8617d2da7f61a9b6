"""``python -m benchmarks.storage``: an artifact to a lake in Azure and back, beside the same bytes by Azure's library.


Storage is Azurite on this machine, with TLS and tokens. The lake's share of the work is told too: digests of what it
publishes and of what it brings. Ends with 1 where the lake has less than :data:`LEAST` of the library's throughput.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from azure.storage.blob import BlobClient

from engine.receipt import Receipt, Recipe
from resources.lake.azure import BLOCK, AzureLake
from tests.builders.azurite import Token, azurite, why_not

LEAST = 0.8
_MIB = 1 << 20
_NAME = "reads.bam"


def trial(folder: Path, size: int) -> dict[str, float]:
    """Seconds of each way, by direction and by whose it is."""
    running, content = azurite(), folder / "content"
    with content.open("wb") as file:
        for _ in range(0, size, _MIB):
            file.write(os.urandom(_MIB))
    url = running.container()
    blob = BlobClient.from_blob_url(
        f"{url}/raw",
        credential=Token(),
        max_block_size=BLOCK,
        max_single_put_size=BLOCK,
        max_chunk_get_size=BLOCK,
        max_single_get_size=BLOCK,
        **running.options,
    )
    here, there = (
        AzureLake(url, Token(), folder / name, options=running.options) for name in ("here", "another machine")
    )
    receipts: list[Receipt] = []
    return {
        "up, library": timed(lambda: _raw_up(blob, content)),
        "up, lake": timed(lambda: receipts.append(_publish(here, content))),
        "down, library": timed(lambda: _raw_down(blob, folder / "raw")),
        "down, lake": timed(lambda: there.path(receipts[0], _NAME)),
    }


def timed(deed: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.monotonic()
    deed()
    return time.monotonic() - began


def _raw_up(blob: BlobClient, content: Path) -> None:
    with content.open("rb") as stream:
        blob.upload_blob(stream, overwrite=True, max_concurrency=4)


def _raw_down(blob: BlobClient, path: Path) -> None:
    with path.open("wb") as stream:
        blob.download_blob(max_concurrency=4).readinto(stream)


def _publish(lake: AzureLake, content: Path) -> Receipt:
    with lake.work("aligned_reads", "S1") as work:
        os.link(content, work.folder / _NAME)
        return work.publish(records=1, recipe=Recipe(), measures={})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each way several times, tell the medians; the exit code is 1 where the lake is too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--trials", type=int, default=3)
    chosen = parser.parse_args(arguments)
    if why := why_not():
        print(why, file=sys.stderr)
        return 2
    size, found = chosen.megabytes * 1_000_000 // _MIB * _MIB, []
    for _ in range(chosen.trials):
        with tempfile.TemporaryDirectory(prefix="storage-") as folder:
            found.append(trial(Path(folder), size))
    shares = {}
    for way in ("up", "down"):
        seconds = {whose: statistics.median(one[f"{way}, {whose}"] for one in found) for whose in ("library", "lake")}
        shares[way] = seconds["library"] / seconds["lake"]
        told = ", ".join(f"{whose} {size / second / _MIB:.0f} MiB/s" for whose, second in seconds.items())
        print(f"{way}: {told}; the lake has {shares[way]:.0%}")
    return int(min(shares.values()) < LEAST)


if __name__ == "__main__":
    sys.exit(main())
