"""How often the copies of SMN1 are told, left open or told wrongly: ``python -m benchmarks.smn``.

Depth and bases of persons with known copies are drawn as 30 and 40 reads give them; what real genomes have beside
chance (conversion of genes, hybrids) is not in it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.structural.smn import NOT_TOLD, SmnSites, weigh

PERSONS = 1_000
COPIES = ((0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (3, 1), (3, 2))
COUNTED = 0.95
"""Share of the reads at c.840 that are counted."""
SPREAD = 0.022
"""Standard deviation of the depth, as a share of it, beside 0.03 copies."""


def told(depth: int, smn1: int, smn2: int, numbers: np.random.Generator) -> Counter[str]:
    """How the copies of SMN1 of some persons are told: right, ``2+`` (and it is), open, wrong."""
    found: Counter[str] = Counter()
    total = smn1 + smn2
    share = min(max(smn1 / total, 0.003), 0.997)
    for _ in range(PERSONS):
        fragments = int(numbers.poisson(total * depth / 2 * COUNTED))
        ones = int(numbers.binomial(fragments, share))
        by_depth = float(numbers.normal(total, SPREAD * total + 0.03))
        one = weigh(SmnSites("5", 1, 2), by_depth, SPREAD, (ones, fragments - ones))
        if one.smn1 is not None:
            found["right" if one.smn1 == smn1 else "wrong"] += 1
        elif one.state == NOT_TOLD:
            found["open"] += 1
        else:
            found["2+" if smn1 > 1 else "wrong"] += 1
    return found


def main() -> None:
    """Print the table."""
    numbers = np.random.default_rng(1)
    for depth in (30, 40):
        for smn1, smn2 in COPIES:
            found = told(depth, smn1, smn2, numbers)
            shares = ", ".join(f"{name} {found[name] / PERSONS:.1%}" for name in ("right", "2+", "open", "wrong"))
            print(f"depth {depth}, SMN1 {smn1}, SMN2 {smn2}: {shares}")


if __name__ == "__main__":
    main()
