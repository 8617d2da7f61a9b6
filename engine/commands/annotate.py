"""``genomics-engine annotate``: calls with consequences, names, frequencies and what ClinVar says, as VCF and table."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, readable, staged, staged_calls
from engine.commands.options import UsageError, add_command, say, warn, warn_of_depths
from engine.errors import VariantFileError

if TYPE_CHECKING:
    from engine.annotate.annotate import AnnotationSummary
    from engine.annotate.sequences import Sequences
    from engine.commands.options import Commands
    from engine.reference.bundle import ReferenceBundle
    from engine.reference.genome import Reference


def add_annotate(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "annotate",
        _annotate,
        "tell what each allele does to every transcript, its names, how frequent it is and what ClinVar says of it",
        "--reference REF.fa --gene-model GENES.gff3.gz --clinvar C.vcf.gz --input IN.vcf.gz --output OUT.vcf.gz",
    )
    parser.add_argument(
        "--gene-model", type=Path, required=True, metavar="GENES.gff3.gz", help="GFF3 of Ensembl, GENCODE or RefSeq"
    )
    parser.add_argument("--clinvar", type=Path, metavar="C.vcf.gz", help="ClinVar's VCF release")
    parser.add_argument(
        "--frequencies", type=Path, metavar="F.vcf.gz", help="VCF with AC, AN and AF, alone and by population (gnomAD)"
    )
    parser.add_argument("--input", type=Path, required=True, metavar="IN.vcf.gz", help="calls, or -")
    parser.add_argument("--sample", metavar="NAME", help="whose calls, in a file of several people")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT.vcf.gz", help="VCF (bgzip; plain without .gz), or -"
    )
    parser.add_argument("--table", type=Path, metavar="OUT.parquet", help="the same as a table, one allele a row")


def _annotate(options: argparse.Namespace) -> None:
    from engine.annotate.annotate import Outputs, annotate_file, uncollected
    from engine.annotate.sequences import Sequences
    from engine.progress import Progress
    from engine.tables import spare_pyarrow

    spare_pyarrow()
    if options.table == STREAM:
        raise UsageError("a table cannot be written to standard output: name a file")
    reference = open_indexed_reference(options.reference)
    with uncollected(), ExitStack() as stack:
        calls = stack.enter_context(readable(options.input))
        output = stack.enter_context(staged_calls(options.output))
        table = options.table and stack.enter_context(staged(options.table))
        sequences = stack.enter_context(Sequences(reference.fasta))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genomics-engine-")))
        summary = annotate_file(
            calls,
            _sample(calls, options),
            _knowledge(options, reference, sequences, calls, scratch),
            Outputs(output, table),
            frequencies=options.frequencies,
            sequences=sequences,
            progress=Progress("annotating", unit="variants", log=lambda line: say(options, line)),
        )
    _tell(options, summary)


def _sample(calls: Path, options: argparse.Namespace) -> str | None:
    """Whose calls are annotated; absent for a file without calls."""
    from engine.annotate.source import header_of

    named: str | None = options.sample
    samples = "".join(header_of(calls)[-1:]).rstrip("\n").split("\t")[9:]
    if named is not None or len(samples) < 2:
        return named or next(iter(samples), None)
    held = ", ".join(samples[:5]) + (", ..." if len(samples) > 5 else "")
    raise VariantFileError(
        f"the VCF holds the calls of {len(samples):,} people ({held})",
        file=options.input,
        remedy="name one with --sample; or drop the genotypes (bcftools view -G) to have every allele annotated",
    )


def _knowledge(
    options: argparse.Namespace, reference: Reference, sequences: Sequences, calls: Path, scratch: Path
) -> ReferenceBundle:
    """The reference with gene model and ClinVar as the engine reads them."""
    from engine.annotate.clinvar import build_clinvar, unknown_classifications_told
    from engine.annotate.contradictions import contradictions_told
    from engine.reference.accessions import build_of_header, build_of_lengths
    from engine.reference.build import build_gene_model
    from engine.reference.bundle import ReferenceBundle
    from engine.reference.gene_model_layout import broken_coding_sequences_told

    build = build_of_lengths((contig.name, contig.length) for contig in reference.contigs)
    if build is None:
        from engine.annotate.source import header_of

        build = build_of_header(header_of(calls))
    if build is None:
        warn("neither the reference nor the VCF tells its build by the lengths of its contigs: no g. names are given")
    model = build_gene_model(options.gene_model, reference.contigs, scratch, build=build)
    if model.broken_coding:
        warn(broken_coding_sequences_told(model.broken_coding, model.broken_coding_examples))
    if options.clinvar is not None:
        found = build_clinvar(options.clinvar, reference.fasta, reference.contigs, None, scratch, sequences=sequences)
        if found.contradictions:
            warn(contradictions_told("ClinVar", found.contradictions, found.contradiction_examples))
        if found.unknown_classifications:
            count, examples = found.unknown_classifications, found.unknown_classification_examples
            warn(unknown_classifications_told(count, examples))
    return ReferenceBundle(
        name=options.reference.name,
        build=build or "",
        fasta=reference.fasta,
        contigs=reference.contigs,
        aligner_index=Path(),
        gene_model=scratch / "genes.gff3.gz",
        known_sites=None,
        clinvar=scratch / "clinvar.parquet" if options.clinvar else None,
        targets=None,
        versions={},
    )


def _tell(options: argparse.Namespace, summary: AnnotationSummary) -> None:
    from engine.annotate.contradictions import contradictions_told

    if summary.frequency_contradictions:
        said = contradictions_told(
            "the file of frequencies", summary.frequency_contradictions, summary.frequency_contradiction_examples
        )
        warn(said)
    if summary.call_contradictions:
        warn(contradictions_told("the sample", summary.call_contradictions, summary.call_contradiction_examples))
    warn_of_depths(summary.beyond_depth, summary.first_beyond_depth)
    if summary.unchanged:
        warn(
            f"the alternate is REF itself in {summary.unchanged:,} records, the first at {summary.first_unchanged}:"
            " they name no variant and are passed on without names"
        )
    if summary.ref_mismatches:
        warn(f"REF is not what the reference reads there in {summary.ref_mismatches:,} records: they are not named")
    say(
        options,
        f"{summary.records:,} alleles, {summary.coding_records:,} of them change what is told of a gene;"
        f" ClinVar knows {summary.clinvar_matched:,}, the frequencies {summary.frequencies_matched:,}",
    )
