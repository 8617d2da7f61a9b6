"""Ancestry panels as peddy's archive has them: a small one that tests make up, and the published one where it is."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Line = tuple[str, int, str, str]
"""Contig without ``chr``, 1-based position, REF and ALT."""


def write_archive(
    path: Path,
    sites: Iterable[Line],
    copies: NDArray[np.uint8],
    continents: Iterable[int],
    *,
    build: str = "GRCH38",
    instead: Mapping[str, bytes | None] | None = None,
) -> Path:
    """Write an archive as peddy is published.

    Args:
        path: of the archive.
        sites: of both builds.
        copies: uint8[sites, persons].
        continents: number of each person's.
        build: whose sites have the first of ``instead``.
        instead: bytes of files that are otherwise than they should be, or none where one lacks.
    """
    lines = "".join(f"{contig}:{position}:{ref}:{alt}\n" for contig, position, ref, alt in sites).encode()
    labels = "|".join(map(str, continents))
    packed = gzip.compress(copies.tobytes(), mtime=0)
    files: dict[str, bytes | None] = {"pca.py": f'_str = "{labels}"\nimport sys\n'.encode()}
    for name in ("GRCH37", "GRCH38"):
        files |= {f"{name}.sites": lines, f"{name}.sites.bin.gz": packed}
    files |= instead or {}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            if content is not None:
                member = tarfile.TarInfo(f"peddy-9.9/peddy/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def drawn(
    sites: int, persons_each: int, *, apart: float = 0.25, seed: int = 7
) -> tuple[NDArray[np.uint8], list[int], NDArray[np.float64]]:
    """Copies of persons of two continents whose frequencies differ by so much, their numbers, and the frequencies."""
    numbers = np.random.default_rng(seed)
    middle = numbers.uniform(0.3, 0.7, sites)
    turned = np.where(numbers.random(sites) < 0.5, apart, -apart)
    frequency = np.stack([middle + turned, middle - turned], axis=1)
    copies = np.concatenate(
        [numbers.binomial(2, frequency[:, [group]], (sites, persons_each)) for group in (0, 1)], axis=1
    )
    return copies.astype(np.uint8), [0] * persons_each + [3] * persons_each, frequency
