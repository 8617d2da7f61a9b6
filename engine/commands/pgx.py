"""``genomics-engine pgx``: named alleles of pharmacogenes, their phenotypes, and what guidelines say of drugs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, readable, staged, with_index
from engine.commands.options import UsageError, add_command, say, warn
from engine.errors import KnowledgeError, ReferenceMismatchError, VariantFileError
from engine.person import Sex

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.pharmacogenomics.calls import SampleCalls
    from engine.pharmacogenomics.changes import Genome
    from engine.pharmacogenomics.copies import Copies
    from engine.pharmacogenomics.definitions import Definition, Locus
    from engine.pharmacogenomics.genotypes import Calls
    from engine.pharmacogenomics.pypgx import Tables
    from engine.reference.genome import Reference


def add_pgx(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "pgx",
        _pgx,
        "name the alleles of pharmacogenes that the samples of a VCF carry, with phenotype and CPIC's recommendations",
        "--reference REF.fa --input IN.vcf.gz --gvcf IN.g.vcf.gz --genes CYP2C19,TPMT --output CALLS.json",
    )
    parser.add_argument("--input", type=Path, required=True, metavar="IN.vcf.gz", help="calls, or -")
    parser.add_argument(
        "--gvcf",
        type=Path,
        metavar="G.g.vcf.gz",
        help="of the same sample: says where it was found to be reference; without it a position without a record is"
        " missing",
    )
    parser.add_argument(
        "--definitions",
        type=Path,
        metavar="FOLDER",
        help="PharmCAT's GENE_translation.json files and exemptions.json (default: the tables of the package pypgx)",
    )
    parser.add_argument(
        "--reads",
        type=Path,
        metavar="IN.bam",
        help="of the same one sample, sorted BAM or CRAM of a genome: copies of CYP2D6 are counted, without which it is"
        " not called",
    )
    parser.add_argument("--genes", metavar="A,B", help="call these genes only")
    parser.add_argument(
        "--sex",
        type=Sex,
        choices=tuple(Sex),
        default=Sex.UNKNOWN,
        metavar="SEX",
        help="of every sample: female, male or unknown, for genes on X (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, default=STREAM, metavar="CALLS.json", help="JSON (default: -)")


def _pgx(options: argparse.Namespace) -> None:
    from engine.pharmacogenomics.calls import call_sample
    from engine.pharmacogenomics.changes import Genome
    from engine.pharmacogenomics.document import document
    from engine.pharmacogenomics.guidelines import Guidelines
    from engine.pharmacogenomics.pypgx import packaged_tables

    genes = _genes(options.genes)
    tables = packaged_tables()
    guidelines = Guidelines(tables)
    definitions = _definitions(options.definitions, genes, tables)
    reference = open_indexed_reference(options.reference)
    with reference.open() as fasta:
        everyone = _genotypes(options, definitions, Genome(fasta))
    copies = _copies(options, reference, len(everyone), definitions)
    samples = [call_sample(definitions, guidelines, calls, options.sex, copies) for calls in everyone]
    with staged(options.output) as output:
        output.write_text(json.dumps(document(samples, guidelines), indent=2) + "\n")
    for sample in samples:
        _tell(options, sample)


def _copies(
    options: argparse.Namespace, reference: Reference, samples: int, definitions: Sequence[Definition]
) -> dict[str, str | Copies]:
    """What was counted in the reads of genes of copies (:func:`engine.pharmacogenomics.copies.count_copies`)."""
    if options.reads is None:
        return {}
    if samples != 1:
        raise UsageError("--reads are of one sample, and the calls of several")
    from engine.pharmacogenomics.copies import count_copies
    from engine.reference.accessions import build_of_lengths

    build = build_of_lengths((one.name, one.length) for one in reference.contigs)
    return count_copies(with_index(options.reads, reference), reference, build, definitions)


def _genes(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    genes = frozenset(gene.strip() for gene in text.split(",") if gene.strip())
    if not genes:
        raise UsageError("--genes names no gene")
    return genes


def _definitions(folder: Path | None, genes: frozenset[str] | None, tables: Tables) -> tuple[Definition, ...]:
    from engine.pharmacogenomics.pharmcat import read_definitions
    from engine.pharmacogenomics.pypgx import packaged_definitions

    found = packaged_definitions(tables, genes) if folder is None else read_definitions(folder, genes)
    unknown = (genes or frozenset()) - {definition.gene for definition in found}
    if unknown:
        raise KnowledgeError(
            f"no allele definition of {', '.join(sorted(unknown))}",
            file=folder or tables.folder,
            remedy="leave them out of --genes, or give a folder of definitions that has them",
        )
    return found


def _genotypes(options: argparse.Namespace, definitions: Sequence[Definition], genome: Genome) -> list[Calls]:
    """Everyone's genotypes at all places of the definitions."""
    from engine.pharmacogenomics.changes import require_bases
    from engine.pharmacogenomics.genotypes import Missing, read_genotypes

    for definition in definitions:
        require_bases(definition.loci, genome, definition.source, definition.build)
    loci = tuple(dict.fromkeys(locus for definition in definitions for locus in definition.loci))
    with readable(options.input) as calls:
        _require_build(definitions, calls, options.input)
        everyone = read_genotypes(calls, loci, genome)
    if options.gvcf is not None:
        _add_gvcf(options, everyone, loci, genome)
    for one in everyone:
        for locus in (locus for locus in loci if locus.contig not in genome):
            one.known.pop(locus, None)
            one.missing[locus] = Missing.NOT_IN_REFERENCE
    return everyone


def _require_build(definitions: Sequence[Definition], calls: Path, named: Path) -> None:
    """Refuse calls of another build, as far as the lengths of their contigs tell it."""
    from engine.files.variant_lines import variant_lines
    from engine.reference.accessions import build_of_header

    build = build_of_header(takewhile(lambda line: line.startswith("##"), variant_lines(calls)))
    for definition in definitions:
        if build and build != definition.build:
            raise ReferenceMismatchError(
                f"the calls are of {build}, the allele definitions of {definition.gene} of {definition.build}",
                file=named,
                remedy=f"call the sample on {definition.build}, or give definitions of {build}",
            )


def _add_gvcf(options: argparse.Namespace, everyone: list[Calls], loci: Sequence[Locus], genome: Genome) -> None:
    from engine.pharmacogenomics.genotypes import add_reference_blocks
    from engine.pharmacogenomics.records import samples_of

    if len(everyone) > 1:
        raise VariantFileError(
            "a gVCF goes with the calls of one sample, these are of several",
            file=options.input,
            remedy="give one sample's calls, or leave --gvcf out",
        )
    named = samples_of(options.gvcf)
    if named != (everyone[0].sample,):
        raise VariantFileError(
            f"the gVCF is of {', '.join(named)}, the calls are of {everyone[0].sample}",
            file=options.gvcf,
            remedy="give the gVCF of the same sample",
        )
    add_reference_blocks(everyone[0], loci, options.gvcf, genome)


def _tell(options: argparse.Namespace, sample: SampleCalls) -> None:
    from engine.pharmacogenomics.genotypes import Missing

    for call in sample.genes:
        told = [one.name for one in call.diplotypes if one.name in call.preferred] or list(call.haplotypes)
        what = ", ".join(told[:3]) or "-"
        phenotype = call.phenotype.term if call.phenotype and call.phenotype.term else call.reason or "no phenotype"
        say(options, f"{sample.sample}: {call.definition.gene} {call.status}: {what}: {phenotype}")
    without = {locus for call in sample.genes for locus, why in call.missing.items() if why == Missing.NO_RECORD}
    if without:
        warn(
            f"{sample.sample}: {len(without):,} positions have no record and count as missing, not as the reference;"
            " --gvcf tells which were looked at"
        )
