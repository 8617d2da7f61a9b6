"""Site panels that tests make up, and the bases that mixtures of two persons leave at their sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.identity.panel import SitePanel
from engine.identity.site_bases import SiteBases


def made_panel(sites: int = 4_000, seed: int = 1) -> SitePanel:
    """Common variants on one contig, 1,000 bases apart, whose frequencies two components move."""
    numbers = np.random.default_rng(seed)
    letters = np.array(list("ACGT"))[np.argsort(numbers.random((sites, 4)))[:, :2]]
    return SitePanel(
        Path("made"),
        ("chr1",) * sites,
        np.arange(sites, dtype=np.int64) * 1_000 + 500,
        tuple(map(str, letters[:, 0])),
        tuple(map(str, letters[:, 1])),
        numbers.normal(0, 8, (sites, 2)),
        numbers.uniform(0.2, 1.8, sites),
    )


def write_panel(panel: SitePanel, prefix: Path) -> Path:
    """Write a panel's three files; gives their prefix."""
    rows = range(len(panel))
    lines = {
        ".bed": [
            f"{panel.contigs[i]}\t{panel.positions[i]}\t{panel.positions[i] + 1}\t{panel.ref[i]}\t{panel.alt[i]}"
            for i in rows
        ],
        ".UD": [" ".join(map(str, panel.loadings[i])) for i in rows],
        ".mu": [
            f"{panel.contigs[i]}:{panel.positions[i] + 1}_{panel.ref[i]}/{panel.alt[i]}_rs{i} {panel.mean_dosage[i]}"
            for i in rows
        ],
    }
    for suffix, text in lines.items():
        prefix.with_name(prefix.name + suffix).write_text("".join(f"{line}\n" for line in text))
    return prefix


def person(panel: SitePanel, components: tuple[float, float], seed: int) -> NDArray[np.int64]:
    """int64[n], copies of ALT of a person of that ancestry."""
    frequency = np.clip((panel.loadings @ np.array(components) + panel.mean_dosage) / 2, 0.00005, 0.99995)
    return np.random.default_rng(seed).binomial(2, frequency)


def mixed_bases(
    intended: NDArray[np.int64], contaminating: NDArray[np.int64], share: float, *, depth: int = 30, seed: int = 3
) -> SiteBases:
    """What reads of a mixture say: ``depth`` bases a site, of four qualities, wrong as often as these say."""
    numbers = np.random.default_rng(seed)
    site = np.repeat(np.arange(intended.size, dtype=np.int64), depth)
    copies = np.where(numbers.random(site.size) < share, contaminating[site], intended[site])
    is_alt = numbers.random(site.size) < copies / 2
    quality = numbers.choice([12, 23, 30, 37], site.size).astype(np.int16)
    wrong = numbers.random(site.size) < 10.0 ** (-quality / 10)
    turned = np.where(numbers.random(site.size) < 1 / 3, 1 - is_alt, 2)
    kind = np.where(wrong, turned, is_alt).astype(np.int8)
    return SiteBases.of(site, kind, quality)
