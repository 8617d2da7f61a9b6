"""``python -m benchmarks.phenotype CASES.tsv.gz``: how often a solved case's causal gene is ranked first, and how fast.

The table has a line a case with the columns ``hpo_observed``, ``hpo_excluded`` (ids parted by semicolons) and ``gene``.
No variant is looked at. Cases whose gene has no known disease in the release are counted apart.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from pathlib import Path

import numpy as np

from engine.phenotype.model import read_model
from engine.phenotype.ranking import known_signs, rank_genes


def main() -> None:
    """Rank and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take one case in N (default: all)")
    options = parser.parse_args()
    start = time.process_time()
    model = read_model()
    print(f"HPO {model.release}: {len(model.genes):,} genes, read in {time.process_time() - start:.1f} CPU s")
    with gzip.open(options.cases, "rt") as table:
        cases = [row for row in csv.DictReader(table, delimiter="\t") if row["hpo_observed"]][:: options.every]
    known = [case for case in cases if case["gene"] in model.gene_numbers]
    ranks, seconds = [], []
    for case in known:
        observed, excluded = (
            [term for term in case[name].split(";") if term] for name in ("hpo_observed", "hpo_excluded")
        )
        start = time.process_time()
        ranked = rank_genes(model, known_signs(model, observed, excluded))
        seconds.append(time.process_time() - start)
        ranks.append(next(gene.rank for gene in ranked if gene.gene == case["gene"]))
    print(f"{len(known):,} cases ranked, {len(cases) - len(known):,} more are of genes without a known disease")
    shares = ", ".join(f"among {place} {np.mean(np.array(ranks) <= place):.3f}" for place in (1, 3, 5, 10, 20))
    print(f"causal gene {shares}; median rank {np.median(ranks):.0f}; {1000 * np.mean(seconds):.0f} ms a case")


if __name__ == "__main__":
    main()
