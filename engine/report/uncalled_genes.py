"""The file of all genes that could not be called throughout, beside a page that names some and counts the others."""

from __future__ import annotations

from pathlib import Path

from engine.report.case import CaseFacts

COLUMNS = ("gene", "hgnc_id", "asked_about")


def write_uncalled_genes(case: CaseFacts, folder: Path) -> None:
    """Write the file that the page names: a line for each gene, tabs between its columns, those asked about first.

    Columns are the symbol, the HGNC id (empty where it is not known) and ``yes`` of a gene that the order asks about,
    ``no`` of any other. Where the page names each gene itself nothing is written.
    """
    if case.uncalled_file is None:
        return
    asked = case.question.genes
    rows = [(gene.symbol, gene.hgnc_id or "", "yes" if gene.symbol in asked else "no") for gene in case.uncalled_listed]
    (folder / case.uncalled_file).write_text("".join("\t".join(row) + "\n" for row in (COLUMNS, *rows)))
