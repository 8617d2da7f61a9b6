"""Every reader is given damaged copies of its file: each is refused in the platform's words, or changes nothing.

What a reader makes of a damaged file is either an error with the file and a remedy, or the very result of the whole
file (a bit may flip where nobody looks). Anything else would be a wrong answer without a word.
"""

from __future__ import annotations

import ast
import gzip
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import pyarrow.parquet as pq
import pysam
import pytest

from engine.acmg.family_calls import Variant, carriers
from engine.annotate.annotate import Outputs, annotate_file
from engine.annotate.clinvar import build_clinvar
from engine.annotate.normalise import normalise
from engine.call.gvcf import called_stretches
from engine.call.haplotype.gather import gather
from engine.cohort.analysis.genotypes import read_genotypes as read_genotype_matrix
from engine.cohort.contribution import contribute
from engine.cohort.dataset import CALLS, FREQUENCIES, Dataset, import_dataset
from engine.compare.comparison import compare
from engine.errors import GenomicsError, KnowledgeError, VariantFileError
from engine.genotype.homozygosity import find_runs
from engine.genotype.joint import genotype_gvcfs
from engine.genotype.sample import genotype_sample
from engine.identity.genotypes import read_genotypes
from engine.identity.genotypes import read_sites as read_sites_of_kinship
from engine.person import Sex
from engine.pharmacogenomics.changes import Genome
from engine.pharmacogenomics.definitions import Locus
from engine.pharmacogenomics.genotypes import read_genotypes as read_drug_genotypes
from engine.phenotype.candidates import candidate_genes
from engine.reads.file_digests import file_digests
from engine.reads.file_measures import measure_file
from engine.reads.intake import verify_reads
from engine.reads.lane import Lane
from engine.reads.manifest import MANIFEST, read_manifest, write_manifest
from engine.recalibrate.gatk_report import read_report, write_report
from engine.recalibrate.known_sites import read_known_sites
from engine.reference.build import build_gene_model, build_known_sites
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import open_reference, read_sequences
from engine.reference.intervals import Interval, read_bed
from engine.risk.genotypes import read_dosages
from engine.risk.score import score_samples, wanted
from engine.risk.scoring_file import read_scoring_file
from tests.builders import damage
from tests.builders.alignments import SmallReference, random_sequence, write_reference
from tests.builders.damage import Damage
from tests.builders.people import person
from tests.builders.scores import write_score
from tests.builders.sequencing import cut_pairs, reverse_complement, write_lane
from tests.engine.recalibrate.test_table import small_table

LENGTH = 12_000
SEQUENCE = random_sequence(LENGTH, 7)
OTHER = {"A": "G", "C": "T", "G": "A", "T": "C"}
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def alternate(position: int) -> str:
    return OTHER[SEQUENCE[position - 1]]


def called_positions(first: int = 40) -> range:
    """Where :func:`variant_text` has a SNP."""
    return range(first, LENGTH - 100, 60)


def variant_text(sample: str = "S1", first: int = 40) -> bytes:
    """A filtered VCF of one sample, a SNP every 60 bases."""
    rng = random.Random(3)
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID=chr20,length={LENGTH}>"]
    lines += [f'##FORMAT=<ID={key},Number={number},Type=Integer,Description="x">' for key, number in
              (("AD", "R"), ("DP", "1"), ("GQ", "1"))]  # fmt: skip
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="x">', f"{COLUMNS}\tFORMAT\t{sample}"]
    for position in called_positions(first):
        alleles, depth = f"{SEQUENCE[position - 1]}\t{alternate(position)}", rng.randrange(10, 30)
        call = f"0/1:{depth},{depth}:{2 * depth}:{rng.randrange(40, 99)}"
        lines.append(f"chr20\t{position}\t.\t{alleles}\t{rng.randrange(100, 900)}\tPASS\t.\tGT:AD:DP:GQ\t{call}")
    return ("\n".join(lines) + "\n").encode()


def annotated_text() -> bytes:
    """The same with a consequence of each allele, in a gene of its own."""
    lines = variant_text().decode().splitlines(keepends=True)
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if not line.startswith("#"):
            fields[7] = f"ANN={fields[4]}|stop_gained|HIGH|G{fields[1]}"
            lines[number] = "\t".join(fields)
    return "".join(lines).encode()


def gvcf_text(sample: str = "S1", start: int = 1) -> bytes:
    """A gVCF of one sample from a position on: blocks and a SNP every 60 bases."""
    rng = random.Random(5)
    lines = ["##fileformat=VCFv4.2", '##ALT=<ID=NON_REF,Description="x">', f"##contig=<ID=chr20,length={LENGTH}>"]
    lines.append(f"{COLUMNS}\tFORMAT\t{sample}")
    for begin in range(start, LENGTH - 100, 60):
        depth, end = rng.randrange(20, 40), begin + 58
        lines.append(
            f"chr20\t{begin}\t.\t{SEQUENCE[begin - 1]}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t"
            f"0/0:{depth}:{3 * depth}:{depth}:0,{3 * depth},900"
        )
        position = end + 1
        alleles = f"{SEQUENCE[position - 1]}\t{alternate(position)},<NON_REF>"
        lines.append(
            f"chr20\t{position}\t.\t{alleles}\t{rng.randrange(200, 900)}.6\t.\tDP=30;RAW_MQandDP=108000,30\t"
            f"GT:AD:DP:GQ:PL:SB\t0/1:14,16,0:30:99:{rng.randrange(300, 500)},0,350,427,398,725:7,7,8,8"
        )
    return ("\n".join(lines) + "\n").encode()


def clinvar_text() -> bytes:
    lines = ["##fileformat=VCFv4.1", "##fileDate=2025-01-05", COLUMNS]
    for number, position in enumerate(range(50, LENGTH - 100, 70)):
        info = f"ALLELEID={number};CLNDN=Some_disease;CLNREVSTAT=criteria_provided,_single_submitter;CLNSIG=Pathogenic"
        lines.append(f"20\t{position}\t{1000 + number}\t{SEQUENCE[position - 1]}\t{alternate(position)}\t.\t.\t{info}")
    return ("\n".join(lines) + "\n").encode()


def clinvar_table() -> bytes:
    names = (
        "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids consequence rsid"
    )
    lines = ["# ClinVar 2025-01-05", "\t".join(names.split())]
    for number, position in enumerate(range(50, LENGTH - 100, 70)):
        alleles = f"{SEQUENCE[position - 1]}\t{alternate(position)}"
        lines.append(f"chr20\t{position}\t{alleles}\t{1000 + number}\tG1\tPathogenic\tx\ty\tz\tSO:1|a\trs1")
    return ("\n".join(lines) + "\n").encode()


def known_text() -> bytes:
    lines = ["##fileformat=VCFv4.3", COLUMNS]
    for position in range(20, LENGTH - 100, 45):
        lines.append(f"chr20\t{position}\trs{position}\t{SEQUENCE[position - 1]}\t{alternate(position)}\t.\t.\tAF=0.1")
    return ("\n".join(lines) + "\n").encode()


def gene_text() -> bytes:
    lines = ["##gff-version 3"]
    for number, start in enumerate(range(100, LENGTH - 1_000, 500)):
        gene, name, place = f"ENSG{number:05}", f"ENST{number:05}", f"{start}\t{start + 299}"
        tail = f"\t.\t{'+-'[number % 2]}\t."
        about = f"Name=G{number};biotype=protein_coding"
        lines.append(f"chr20\tensembl\tgene\t{place}{tail}\tID=gene:{gene};{about}")
        lines.append(f"chr20\tensembl\tmRNA\t{place}{tail}\tID=transcript:{name};Parent=gene:{gene};{about}")
        lines.append(f"chr20\tensembl\texon\t{place}{tail}\tParent=transcript:{name}")
        lines.append(f"chr20\tensembl\tCDS\t{place}{tail[:-1]}0\tID=CDS:P{number};Parent=transcript:{name}")
    return ("\n".join(lines) + "\n").encode()


def bed_text() -> bytes:
    return b"".join(b"chr20\t%d\t%d\n" % (start, start + 10) for start in range(0, LENGTH - 40, 40))


def fasta_text() -> bytes:
    return b">chr20\n" + b"".join(SEQUENCE[at : at + 60].encode() + b"\n" for at in range(0, LENGTH, 60))


@dataclass(frozen=True)
class Place:
    """Where a reader works: a reference, whole files to stand beside the damaged one, and a folder of its own."""

    reference: SmallReference
    whole: Path
    scratch: Path


def read_fastq(place: Place, file: Path) -> object:
    summary = verify_reads("S1", [Lane("L1", file, place.whole / "L001_R2.fastq.gz")], log=lambda _: None)
    return {name: value for name, value in summary.measures().items() if name != "files_of_unproven_end"}


def read_bam(place: Place, file: Path) -> object:
    return vars(measure_file(file, [Interval("chr20", 0, LENGTH)], log=lambda _: None).measures)


def build_clinvar_at(place: Place, file: Path) -> object:
    measures = build_clinvar(file, place.reference.fasta, place.reference.contigs, None, place.scratch)
    if measures.ref_mismatches or measures.elsewhere:  # a release has some: they are counted and told
        raise KnowledgeError("records were left out and counted", file=file, remedy="look at them")
    return measures, (place.scratch / "clinvar.parquet").read_bytes()


def build_genes(place: Place, file: Path) -> object:
    return build_gene_model(file, place.reference.contigs, place.scratch), damage.unpacked(
        place.scratch / "genes.gff3.gz"
    )


def build_sites(place: Place, file: Path) -> object:
    return build_known_sites(file, place.reference.contigs, place.scratch), damage.unpacked(
        place.scratch / "known_sites.vcf.gz"
    )


def read_sites(place: Place, file: Path) -> object:
    sites = read_known_sites([file], {"chr20": LENGTH})
    return {contig: [part.tolist() for part in spans] for contig, spans in sites.items()}


def read_targets(_: Place, file: Path) -> object:
    return read_bed(file, {"chr20": LENGTH})


def genotype_one(place: Place, file: Path) -> object:
    summary = genotype_sample(file, place.reference, place.scratch / "out.vcf.gz")
    return summary, damage.unpacked(place.scratch / "out.vcf.gz")


def genotype_two(place: Place, file: Path) -> object:
    gvcfs = [file, place.whole / "S2.g.vcf.gz"]
    output = place.scratch / "out.vcf.gz"
    summary = genotype_gvcfs(gvcfs, place.reference.contigs, output, fasta=place.reference.fasta)
    return summary, damage.unpacked(output)


def gather_two(place: Place, file: Path) -> object:
    gather([place.whole / "first.g.vcf.gz", file], place.scratch / "out.g.vcf.gz")
    return damage.unpacked(place.scratch / "out.g.vcf.gz")


def compare_query(place: Place, file: Path) -> object:
    return compare(place.whole / "truth.vcf.gz", file, place.reference.fasta).as_json()


def read_called(_: Place, file: Path) -> object:
    return called_stretches(file)


def read_variants(place: Place, file: Path) -> object:
    with pysam.VariantFile(str(normalise(file, place.reference.fasta, "S1", place.scratch, strict=True))) as records:
        return [str(record) for record in records]


def read_drugs(place: Place, file: Path) -> object:
    loci = [Locus("chr20", at, SEQUENCE[at - 1], (alternate(at),)) for at in called_positions()]
    with pysam.FastaFile(str(place.reference.fasta)) as fasta:
        return [vars(one) for one in read_drug_genotypes(file, loci, Genome(fasta))]


def read_scores(place: Place, file: Path) -> object:
    score = read_scoring_file(place.whole / "score.txt")
    return score_samples(score, read_dosages(file, *wanted([score])))


def read_relatives(place: Place, file: Path) -> object:
    told = read_genotypes(file, read_sites_of_kinship(place.whole / "snps.vcf"))
    return told.sample, told.copies.tolist()


def read_kinship_sites(_: Place, file: Path) -> object:
    told = read_sites_of_kinship(file)
    return told.positions.tolist(), told.ref, told.alt, told.names, told.left_out


def read_matrix(_: Place, file: Path) -> object:
    told = read_genotype_matrix(file)
    return told.samples, told.alleles, told.dosages.tolist()


def bundle_of(place: Place) -> ReferenceBundle:
    reference = place.reference
    return ReferenceBundle("t", "GRCh38", reference.fasta, reference.contigs, Path(), None, None, None, None, {})


def import_partners(place: Place, file: Path) -> object:
    folder = place.scratch / "imported"
    folder.mkdir(exist_ok=True)
    declared = Dataset("p", file, "GRCh38", "s", "l", "GRU", "1", "p-")
    measures = import_dataset(declared, bundle_of(place), folder, place.scratch)
    return measures, [pq.read_table(folder / name).to_pylist() for name in (FREQUENCIES, CALLS)]


def annotate(place: Place, file: Path) -> object:
    bundle = replace(bundle_of(place), gene_model=place.whole / "genes.gff3.gz")
    outputs = Outputs(place.scratch / "out.vcf.gz", place.scratch / "out.parquet")
    summary = annotate_file(file, "S1", bundle, outputs)
    if summary.ref_mismatches:
        raise VariantFileError("records were counted whose REF is another", file=file, remedy="look at them")
    return summary, pq.read_table(place.scratch / "out.parquet").to_pylist()


def contribute_calls(place: Place, file: Path) -> object:
    tables = contribute(
        file, place.whole / "called.g.vcf.gz", bundle_of(place), sample="S1", person=person(sex=Sex.FEMALE),
        caller="x", measures={}, scratch=place.scratch,
    )  # fmt: skip
    return {name: table.to_pylist() for name, table in tables.items()}


def read_phenotype(_: Place, file: Path) -> object:
    return candidate_genes(file, "S1")


def read_family(_: Place, file: Path) -> object:
    at = called_positions()[80]
    return carriers(file, Variant("20", str(at), SEQUENCE[at - 1], alternate(at)))


def read_runs(_: Place, file: Path) -> object:
    return find_runs(file)


def read_recalibration(_: Place, file: Path) -> object:
    table = read_report(file)
    return table.read_groups, table.by_cycle.tobytes(), table.by_context.tobytes(), table.by_quality.tobytes()


def read_fasta(_: Place, file: Path) -> object:
    for index in (".fai", ".gzi"):
        Path(f"{file}{index}").unlink(missing_ok=True)
    return open_reference(file).contigs, list(read_sequences(file))


def read_lanes(place: Place, file: Path) -> object:
    shutil.copy(file, place.scratch / MANIFEST)
    return read_manifest(place.scratch, base=place.whole)


VCF_SWAPS = ((0, 1), (1, 2), (1, 3), (1, 7), (3, 4), (3, 7), (4, 5), (5, 6), (0, 4))
GFF_SWAPS = ((0, 3), (1, 2), (2, 8), (3, 4), (4, 8), (5, 6), (6, 7), (7, 8), (0, 8))


@dataclass(frozen=True)
class Reader:
    """A reader, the whole file it is given, and the columns that it tells apart.

    Calls of one sample may be none (``may_be_empty``): only an index tells such a file from one that lost them.
    """

    name: str
    read: Callable[[Place, Path], object]
    text: Callable[[], bytes] | None = None
    swaps: tuple[tuple[int, int], ...] = ()
    lines: bool = True
    may_be_empty: bool = False


READERS = (
    Reader("reads.fastq.gz", read_fastq, lines=False),
    Reader("reads.bam", read_bam, lines=False),
    Reader("clinvar.vcf.gz", build_clinvar_at, clinvar_text, ((0, 1), (1, 2), (1, 3), (2, 3), (3, 7), (5, 7))),
    Reader("clinvar.tsv.gz", build_clinvar_at, clinvar_table, ((0, 1), (1, 2), (1, 4), (4, 5), (3, 4))),
    Reader("genes.gff3.gz", build_genes, gene_text, GFF_SWAPS),
    Reader("known.vcf.gz", build_sites, known_text, ((0, 1), (1, 2), (1, 3), (1, 7), (3, 7), (4, 7), (5, 7))),
    Reader("sites.vcf.gz", read_sites, known_text, ((0, 1), (1, 2), (1, 3), (1, 7), (0, 3))),
    Reader("targets.bed", read_targets, bed_text, ((0, 1), (1, 2), (0, 2))),
    Reader("one.g.vcf.gz", genotype_one, gvcf_text, (*VCF_SWAPS, (8, 9))),
    Reader("two.g.vcf.gz", genotype_two, gvcf_text, (*VCF_SWAPS, (8, 9))),
    Reader("second.g.vcf.gz", gather_two, lambda: gvcf_text(start=6_001), ((0, 1), (1, 2), (1, 3), (1, 7))),
    Reader("query.vcf.gz", compare_query, variant_text, ((0, 1), (1, 2), (1, 3), (3, 4), (8, 9)), may_be_empty=True),
    Reader("called.g.vcf.gz", read_called, gvcf_text, ((0, 1), (1, 2), (1, 3), (1, 7))),
    Reader("variants.vcf.gz", read_variants, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("drugs.vcf.gz", read_drugs, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("scores.vcf.gz", read_scores, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("relatives.g.vcf.gz", read_relatives, gvcf_text, ((0, 1), (1, 2), (1, 3), (1, 7), (3, 4), (8, 9))),
    Reader("kinship.vcf.gz", read_kinship_sites, known_text, ((0, 1), (1, 2), (1, 3), (1, 7), (3, 7), (4, 7), (5, 7))),
    # Without the reference nothing tells REF from ALT.
    Reader("matrix.vcf.gz", read_matrix, variant_text, (*(set(VCF_SWAPS) - {(3, 4)}), (8, 9)), may_be_empty=True),
    Reader("partners.vcf.gz", import_partners, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("annotated.vcf.gz", annotate, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("cohort.vcf.gz", contribute_calls, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("phenotype.vcf.gz", read_phenotype, annotated_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("family.vcf.gz", read_family, variant_text, (*VCF_SWAPS, (8, 9))),
    Reader("runs.vcf.gz", read_runs, variant_text, (*VCF_SWAPS, (8, 9)), may_be_empty=True),
    Reader("reference.fa.gz", read_fasta, fasta_text, lines=False),
)
"""Those of compressed files; the files that are plain are below."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    whole, scratch = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("scratch")
    reference = write_reference(whole, {"chr20": SEQUENCE})
    pairs = cut_pairs(SEQUENCE, 400)
    lane = write_lane(whole, pairs)
    (whole / "reads.fastq.gz").write_bytes(damage.bgzf(gzip.decompress(lane.read1.read_bytes()), 4_000))
    write_paired_bam(whole / "reads.bam", reference)
    for reader in READERS:
        if reader.text:
            (whole / reader.name).write_bytes(damage.bgzf(reader.text()))
    (whole / "truth.vcf.gz").write_bytes(damage.bgzf(variant_text()))
    (whole / "S2.g.vcf.gz").write_bytes(damage.bgzf(gvcf_text("S2")))
    (whole / "first.g.vcf.gz").write_bytes(damage.bgzf(gvcf_text()[: gvcf_text().index(b"chr20\t6001\t")]))
    write_report(small_table(), whole / "report.txt")
    (whole / "snps.vcf").write_bytes(known_text())
    rows = [f"- 20 {at} {alternate(at)} {SEQUENCE[at - 1]} 0.{at}" for at in called_positions()]
    write_score(whole / "score.txt", rows, facts=["genome_build=GRCh38"])
    return Place(reference, whole, scratch)


def write_paired_bam(path: Path, reference: SmallReference) -> None:
    """Pairs of reads at 40x, sorted, without an index."""
    rng, rows = random.Random(11), []
    for number in range(LENGTH * 40 // 200):
        start = rng.randrange(LENGTH - 350)
        end = start + rng.randrange(220, 340)
        places = (start, end - 100)
        for mate in (0, 1):
            flag = (0x63, 0x93)[mate]
            rows.append((places[mate], f"p{number}", flag, places[1 - mate], (end - start) * (1 - 2 * mate)))
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr20", "LN": LENGTH}],
              "RG": [{"ID": "1", "SM": "S1"}]}  # fmt: skip
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        for start, name, flag, mate_start, size in sorted(rows):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.flag, read.reference_id, read.reference_start = name, flag, 0, start
            read.mapping_quality, read.cigarstring, read.next_reference_id = 60, "100M", 0
            read.next_reference_start, read.template_length = mate_start, size
            read.query_sequence = SEQUENCE[start : start + 100]
            read.query_qualities = pysam.qualitystring_to_array("I" * 100)
            bam.write(read)


def outcome(place: Place, reader: Reader, file: Path, expected: object) -> str | None:
    """What went wrong, absent where the file was refused well or gave what the whole one gives."""
    shutil.rmtree(place.scratch)
    place.scratch.mkdir()
    try:
        found = reader.read(place, file)
    except GenomicsError as error:
        told = str(error)
        return None if file.name in told and "Remedy: " in told else f"refused without file or remedy: {told}"
    except Exception as error:
        return f"a traceback: {error!r}"
    return None if found == expected else "silent: another result without an error"


def damages(reader: Reader, whole: bytes, seed: int) -> Iterator[Damage]:
    yield from damage.of_packed(whole, seed=seed)
    text = reader.text() if reader.text else b""
    if reader.lines:
        for each in (*damage.of_text(text, seed=seed), *damage.swapped(text, reader.swaps, seed=seed)):
            if each.name == "head only" and reader.may_be_empty:
                continue
            yield Damage(each.name, damage.bgzf(each.content))
            if "cut" in each.name:
                yield Damage(f"{each.name}, plain", each.content)


OPENERS = frozenset({"variant_lines", "variant_pieces", "variant_records", "require_variants", "gvcf_columns"})
"""What opens a VCF or gVCF in the engine."""
ENGINE = Path(damage.__file__).parents[2] / "engine"
NOT_RUN = {
    "engine/annotate/allele_table.py": "tables of knowledge, whose test is tests/engine/annotate/test_allele_table.py",
    "engine/classify/phase.py": "single records of the lake's own gVCF, by its index",
    "engine/commands/pgx.py": "the header alone, before the reader of calls",
    "engine/commands/score.py": "the header alone, before the reader of calls",
    "engine/structural/dysgu.py": "what dysgu has just written",
}
"""Modules that no reader runs, and what they read."""


def modules_that_open_calls() -> set[str]:
    """The engine's modules that import one of the openers."""
    found = set()
    for path in ENGINE.rglob("*.py"):
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        if any(alias.name in OPENERS for node in imports for alias in node.names):
            found.add(path.relative_to(ENGINE.parent).as_posix())
    return found


def test_every_module_that_opens_calls_is_run_by_a_reader(place: Place) -> None:
    run = set[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            run.add(frame.f_code.co_filename)

    for reader in READERS:
        if reader.text and "vcf" in reader.name:
            sys.setprofile(note)
            try:
                reader.read(place, place.whole / reader.name)
            finally:
                sys.setprofile(None)
    ours = {Path(name).relative_to(ENGINE.parent).as_posix() for name in run if name.startswith(f"{ENGINE}/")}
    assert sorted(modules_that_open_calls() - ours) == sorted(NOT_RUN)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_refused_or_makes_no_difference(place: Place, reader: Reader, tmp_path: Path) -> None:
    whole, file = place.whole / reader.name, tmp_path / reader.name
    shutil.copy(whole, file)
    expected = reader.read(place, file)
    wrong = {}
    every = list(damages(reader, whole.read_bytes(), seed=len(reader.name)))
    assert len(every) >= 27
    for each in every:
        file.write_bytes(each.content)
        if problem := outcome(place, reader, file, expected):
            wrong[each.name] = problem
    assert not wrong


@pytest.mark.parametrize(
    "reader",
    [reader for reader in READERS if reader.name.endswith((".vcf.gz", ".bam"))],
    ids=lambda reader: reader.name,
)
def test_lost_blocks_are_told_by_the_index(place: Place, reader: Reader, tmp_path: Path) -> None:
    """An end-of-file block behind what is left, and lines that may even be whole: the index knows better."""
    file = tmp_path / reader.name
    shutil.copy(place.whole / reader.name, file)
    if file.suffix == ".bam":
        pysam.index(str(file))
    else:
        pysam.tabix_index(str(file), preset="vcf", force=True)
    expected = reader.read(place, file)
    wrong = {}
    packed = file.read_bytes()
    for each in (one for seed in (1, 2) for one in damage.lost_blocks(packed, seed=seed)):
        file.write_bytes(each.content)
        if problem := outcome(place, reader, file, expected):
            wrong[each.name] = problem
    assert not wrong


def test_lost_blocks_of_alignments_are_told_by_the_mates(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "reads.bam"
    reader = next(reader for reader in READERS if reader.name == file.name)
    expected = reader.read(place, place.whole / file.name)
    for each in damage.lost_blocks((place.whole / file.name).read_bytes(), seed=2):
        file.write_bytes(each.content)
        with pytest.raises(GenomicsError, match="reads are missing"):
            reader.read(place, file)
        # Who indexes what is left says that it is meant to be so.
        pysam.index(str(file))
        assert reader.read(place, file) != expected
        Path(f"{file}.bai").unlink()


PLAIN = (
    Reader("report.txt", read_recalibration),
    Reader("manifest.json", read_lanes),
)


@pytest.mark.parametrize("reader", PLAIN, ids=lambda reader: reader.name)
def test_a_damaged_plain_file_is_refused_or_makes_no_difference(place: Place, reader: Reader, tmp_path: Path) -> None:
    file = tmp_path / reader.name
    if reader.name == "manifest.json":
        files = [place.whole / f"L001_R{mate}.fastq.gz" for mate in (1, 2)]
        digests = [file_digests(path, lane="L1", mate=mate) for mate, path in enumerate(files, 1)]
        write_manifest([Lane("L1", *files)], digests, tmp_path, base=place.whole, copy=False)
        (tmp_path / MANIFEST).rename(file)
    else:
        shutil.copy(place.whole / "report.txt", file)
    text = file.read_bytes()
    expected = reader.read(place, file)
    wrong = {}
    rng = random.Random(1)
    cuts = [Damage(f"cut {at}", text[:at]) for at in rng.sample(range(1, len(text) - 2), 20)]
    for each in (*cuts, *damage.of_text(text, seed=1, separator=b" "), Damage("empty", b"")):
        file.write_bytes(each.content)
        (place.scratch / MANIFEST).unlink(missing_ok=True)
        renamed = replaced_name(reader, place, file, expected)
        if renamed:
            wrong[each.name] = renamed
    assert not wrong


def replaced_name(reader: Reader, place: Place, file: Path, expected: object) -> str | None:
    """As :func:`outcome`; the manifest is read under its own name."""
    problem = outcome(place, reader, file, expected)
    return None if problem and MANIFEST in problem and "Remedy: " in problem else problem


@pytest.mark.parametrize("contig", ["chr21", "<DEL>", ""])
def test_a_record_of_a_contig_that_the_header_does_not_have_is_refused_where_shards_are_joined(
    place: Place, contig: str, tmp_path: Path
) -> None:
    lines = gvcf_text(start=6_001).decode().splitlines(keepends=True)
    lines[20] = contig + lines[20].removeprefix("chr20")
    shard = tmp_path / "second.g.vcf.gz"
    shard.write_bytes(damage.bgzf("".join(lines).encode()))
    with pytest.raises(GenomicsError, match=r"second\.g\.vcf\.gz"):
        gather_two(place, shard)


def test_the_fixture_reads_are_pairs() -> None:
    assert reverse_complement("AACG") == "CGTT"
