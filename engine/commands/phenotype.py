"""``genomics-engine phenotype``: genes by how well their diseases explain what is seen in a person."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, readable, staged
from engine.commands.options import UsageError, add_command, say

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.phenotype.model import PhenotypeModel
    from engine.phenotype.ranking import RankedGene, Signs

HEADER = ("rank", "gene", "score", "disease", "disease_name")


def add_phenotype(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "phenotype",
        _phenotype,
        "rank genes by how well their diseases explain the signs seen in a person, after the Human Phenotype Ontology",
        "--hpo HP:0001250,HP:0001263 --output RANK.tsv",
        reference=False,
    )
    parser.add_argument(
        "--hpo", type=_terms, required=True, metavar="HP:...,HP:...", help="signs that are seen, parted by commas"
    )
    parser.add_argument(
        "--exclude", type=_terms, default=[], metavar="HP:...,HP:...", help="signs that were looked for and not found"
    )
    parser.add_argument("--genes", metavar="A,B", help="rank these genes only")
    parser.add_argument(
        "--input",
        type=Path,
        metavar="ANNOTATED.vcf.gz",
        help="rank the genes in which the person carries a variant of high or moderate impact, and weigh it",
    )
    parser.add_argument("--sample", metavar="NAME", help="whose calls, in a file of several people")
    parser.add_argument("--ontology", type=Path, metavar="FOLDER", help="HPO's files (default: the packaged release)")
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="RANK.tsv", help=f"table: {', '.join(HEADER)} (default: -)"
    )


def _terms(text: str) -> list[str]:
    from engine.phenotype.sources import TERM_ID

    terms = [term.strip() for term in text.replace(";", ",").split(",") if term.strip()]
    wrong = [term for term in terms if not (term.isascii() and TERM_ID.fullmatch(term))]
    if wrong:
        raise argparse.ArgumentTypeError(f"{', '.join(map(repr, wrong))}: a term is HP: and seven digits")
    return terms


def _phenotype(options: argparse.Namespace) -> None:
    if options.genes is not None and options.input is not None:
        raise UsageError("give either --genes or --input")
    if not options.hpo:
        raise UsageError("--hpo names no sign")
    from engine.phenotype.model import read_model
    from engine.phenotype.ranking import known_signs

    model = read_model(options.ontology)
    signs = known_signs(model, options.hpo, options.exclude)
    if signs.unknown:
        say(options, f"left out, no sign in HPO {model.release}: {', '.join(signs.unknown)}")
    ranked = _ranked(options, model, signs)
    without = [gene.gene for gene in ranked if gene.score is None]
    if without:
        say(options, f"last, no disease of it is known in HPO {model.release}: {', '.join(without)}")
    rows = [HEADER, *map(_row, ranked)]
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in rows))
    say(options, f"{len(rows) - 1:,} genes ranked by {len(signs.observed)} signs, HPO {model.release}")


def _ranked(options: argparse.Namespace, model: PhenotypeModel, signs: Signs) -> list[RankedGene]:
    from engine.phenotype.candidates import candidate_genes
    from engine.phenotype.ranking import rank_genes

    if options.input is not None:
        with readable(options.input) as annotated:
            return rank_genes(model, signs, candidate_genes(annotated, options.sample))
    if options.genes is None:
        return rank_genes(model, signs)
    return rank_genes(model, signs, dict.fromkeys((g.strip() for g in options.genes.split(",") if g.strip()), 0.0))


def _row(gene: RankedGene) -> tuple[str, ...]:
    score = "" if gene.score is None else f"{gene.score:.4f}"
    return (str(gene.rank), gene.gene, score, gene.disease or "", gene.disease_name or "")
