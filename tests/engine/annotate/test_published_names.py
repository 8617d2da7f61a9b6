"""Names and consequences beside published ones: ClinVar's and dbSNP's HGVS names, ClinVar's molecular consequences."""

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from benchmarks import names
from engine.annotate.annotate import annotate_variants
from engine.annotate.edit import Edit, reverse_complement, trimmed
from engine.annotate.gene_model import GeneModel, Transcript, read_gene_model
from engine.annotate.hgvs import transcript_hgvs
from engine.reference.bundle import Contig, ReferenceBundle
from engine.reference.genome import open_reference
from tests.builders.clinvar_cache import CachedVariant, cached_variants
from tests.builders.tp53 import TO_GRCH37, tp53_bundle

# Published names that ours differ from, and why.
EXPLAINED = {
    **dict.fromkeys(
        ("c.222+7_222+14del", "c.627_628del", "c.231_232del", "c.510_511del", "c.462_464del", "c.927_933del"),
        "could be written further 3'",
    ),
    **dict.fromkeys(
        (
            *("c.808C>T", "c.754C>T", "c.272_273delinsC", "c.566_573+10del", "c.817+30dup", "c.-328+89_-328+95del"),
            *("c.216C>T", "c.204C>T", "c.-3A>T"),
        ),
        "a RefSeq transcript with exons that the gene model does not have",
    ),
    "c.-1186_-1183delinsAAGAACGT": "before the first base of the RefSeq transcript",
}
ZCCHC3_REFSEQ_LACKS_THREE_BASES_FROM = 278_690
# VEP and ClinVar say nonsense where the frame shifts into a stop at once, and have a word for delins in frame.
SAME_EFFECT = {"nonsense": "stop_gained", "initiator_codon_variant": "start_lost"}


@pytest.fixture(scope="module")
def models(shared_data: Path) -> dict[str, tuple[GeneModel, str]]:
    """Gene model and sequence by GRCh37 accession."""
    chr20 = pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz")).fetch("20").upper()
    tp53 = shared_data / "iarc_tp53_93exomes"
    chr17 = pysam.FastaFile(str(tp53 / "17.Npadded_to_b37_coords.fa.gz")).fetch("17").upper()
    return {
        "NC_000020.10": (read_gene_model(shared_data / "genemodel_chr20" / "chr20.b37.gff3.gz"), chr20),
        "NC_000017.10": (read_gene_model(tp53 / "tp53.b37.gff3.gz"), chr17),
    }


def published(shared_data: Path) -> Iterator[tuple[str, str]]:
    """Genomic and coding names of ClinVar and dbSNP on GRCh37."""
    folder = shared_data / "acmg_hgvs"
    with gzip.open(folder / "clinvar.gz", "rt") as lines:
        for line in lines:
            names = line.rstrip("\n").split("\t")[-1].split()
            for genomic in names:
                if genomic.startswith(("NC_000020.10", "NC_000017.10")):
                    yield from ((genomic, coding) for coding in names if coding.startswith("NM_"))
    with (folder / "gcp" / "ZCCHC3-dbSNP.tsv").open() as lines:
        for row in csv.reader(lines, delimiter="\t"):
            if len(row) > 2 and row[1].startswith("NC_") and not row[0].startswith("#"):
                yield row[1], row[2]


def read_genomic(change: str, sequence: str) -> Edit | None:
    """The edit that a published g. name means; absent where the sequence is not at hand or the name is not simple."""
    match = re.fullmatch(r"(\d+)(?:_(\d+))?(?:([ACGT])>|(del)?([ACGT]*?\d*)(dup|ins)?)([ACGT]*)", change)
    if not match:
        return None
    start, end = int(match[1]) - 1, int(match[2] or match[1])
    if end >= len(sequence) or "N" in sequence[start:end]:
        return None
    if match[6] == "dup":
        return Edit(end, end, sequence[start:end])
    if match[6] == "ins" and not match[4]:
        return Edit(start + 1, start + 1, match[7])
    return Edit(start, end, match[7] if match[3] or match[6] else "")


def without_bases(name: str) -> str:
    """``delTC`` and ``del2`` say no more than ``del``."""
    return re.sub(r"(del|dup)[ACGT\d]+$", r"\1", re.sub(r"del[ACGT]+ins", "delins", name))


def test_coding_names_are_those_published(shared_data: Path, models: dict[str, tuple[GeneModel, str]]) -> None:
    agreed, unexplained = 0, []
    for genomic, coding in published(shared_data):
        accession, _, change = genomic.partition(":g.")
        model, sequence = models[accession]
        edit = read_genomic(change, sequence)
        if edit is None:
            continue
        edit = trimmed(edit.start, sequence[edit.start : edit.end], edit.alt)
        ours = {
            (transcript_hgvs(one, edit, sequence).coding or "").partition(":")[2]
            for one in model.transcripts.values()
            if one.start <= edit.start < one.end
        }
        wanted = without_bases(coding.partition(":")[2])
        if wanted in ours:
            agreed += 1
        elif ours and wanted not in EXPLAINED and not is_duplication(wanted, ours):
            unexplained.append((genomic, coding, sorted(ours)))
    assert agreed >= 330
    assert [name for name in unexplained if not lacks_transcript(name[1]) and not is_after_a_gap(*name[:2])] == []


def is_duplication(published: str, ours: set[str]) -> bool:
    """Inserted bases that repeat those before them: the published name is older than that rule."""
    return "ins" in published and "del" not in published and any(name.endswith("dup") for name in ours)


def is_after_a_gap(genomic: str, coding: str) -> bool:
    """RefSeq's ZCCHC3 lacks three bases that the genome has."""
    position = int(re.findall(r"\d+", genomic.partition(":g.")[2])[0])
    return coding.startswith("NM_033089.6") and position > ZCCHC3_REFSEQ_LACKS_THREE_BASES_FROM


def lacks_transcript(coding: str) -> bool:
    """GNAS: the gene model has only transcripts in which this exon is untranslated."""
    return coding.startswith(("NM_000516", "NM_001077488", "NM_001077489", "NM_001077490"))


def test_positions_are_right_all_along_a_gene_of_82_exons(shared_data: Path) -> None:
    """DNAH11 at more than 9,000 places of dbSNP: exons, introns (near and far), both untranslated ends."""
    gene = dnah11(shared_data)
    names = []
    with (shared_data / "acmg_hgvs" / "gcp" / "DNAH11-dbSNP.tsv").open() as lines:
        for row in csv.reader(lines, delimiter="\t"):
            match = re.fullmatch(r"NC_000007\.13:g\.(\d+)([ACGT])>([ACGT])", row[1])
            if match and row[2].startswith(f"{gene.name}:"):
                names.append((int(match[1]) - 1, match[2], match[3], row[2]))
    bases = bytearray(b"N") * gene.end
    for position, ref, _, _ in names:
        bases[position] = ord(ref)
    sequence = bases.decode()
    different = [
        name
        for position, _, alt, name in names
        if transcript_hgvs(gene, Edit(position, position + 1, alt), sequence).coding != name
    ]
    assert len(names) == 9460
    # After one exon RefSeq and Ensembl place the same bases on either side of the intron.
    assert len(different) == 65 and all(":c.5458+" in name or ":c.5459-" in name for name in different)


def test_names_of_substitutions_all_over_the_genome_are_those_published(shared_data: Path) -> None:
    models, clinvar = names.transcripts(), list(names.names())
    for published, least in ((clinvar, 5_332), (names.pathogenic(clinvar), 607)):
        counts = names.compared(models, published)
        assert counts["equal"] >= least and not counts["not equal"]


def dnah11(shared_data: Path) -> Transcript:
    """The canonical transcript in GRCh37 coordinates, from Ensembl's exons and the shift between the builds."""
    start = 21_543_039 - 1 + 39_618
    with gzip.open(shared_data / "clinvar_genes_ideogram" / "homo-sapiens-gene-structures.tsv.gz", "rt") as lines:
        row = next(line for line in lines if line.startswith("DNAH11-201\t")).rstrip("\n").split("\t")
    parts = [tuple(map(int, part.split(";"))) for part in row[4:]]
    exons = sorted((start + first, start + first + size + 1) for kind, first, size in parts if kind == 1)
    coding_start = next(start + first + size + 1 for kind, first, size in parts if kind == 0)
    coding_end = next(start + first for kind, first, _ in parts if kind == 2)
    return Transcript(
        "NM_001277115.1", "DNAH11-201", "DNAH11", "G", None, "protein_coding", "7", 1, tuple(exons),
        (coding_start, coding_end),
    )  # fmt: skip


def annotated(
    variants: list[CachedVariant], shift: int, bundle: ReferenceBundle, contig: str, folder: Path
) -> dict[str, dict[str, str]]:
    """INFO of each variant by ClinVar's variation id."""
    header = (
        f"##fileformat=VCFv4.2\n##contig=<ID={contig},length={bundle.contig_lengths[contig]}>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
    )
    lines = [
        f"{contig}\t{one.position + shift}\t{one.variation}\t{one.ref}\t{one.alt}\t.\tPASS\t.\tGT\t0/1\n"
        for one in sorted(variants, key=lambda one: one.position)
    ]
    (folder / "in.vcf").write_text(header + "".join(lines))
    annotate_variants(folder / "in.vcf", bundle, folder, "S")
    with pysam.VariantFile(str(folder / "S.annotated.vcf.gz")) as vcf:
        return {str(record.id): dict(record.info) for record in vcf}


def disagreeing(variants: list[CachedVariant], found: dict[str, dict[str, str]]) -> set[str]:
    return {
        one.variation
        for one in variants
        if one.variation in found
        and not {SAME_EFFECT.get(term, term) for term in one.consequences} & terms_of(found[one.variation])
    }


def terms_of(told: dict[str, str]) -> set[str]:
    """As ClinVar tells them: of a splice region's place in an intron that it is in one, which csq leaves out."""
    terms = set(told["CONSEQUENCE"].split("&"))
    _, _, change = told.get("HGVSC", "").partition(":c.")
    is_in_intron = re.match(r"[-*]?\d+[+-]\d", change) is not None
    return terms | {"intron_variant"} if "splice_region_variant" in terms and is_in_intron else terms


def test_consequences_of_tp53_are_those_of_clinvar(shared_data: Path, tmp_path: Path) -> None:
    bundle = tp53_bundle(shared_data, tmp_path)
    variants = list(cached_variants(shared_data, "17", 7_668_000, 7_688_000))
    found = annotated(variants, TO_GRCH37, bundle, "17", tmp_path)
    assert len(found) == len(variants) == 365
    different = disagreeing(variants, found)
    assert {found[name]["HGVSP"].partition(":")[2] for name in different} == {
        "p.(Leu308AlafsTer6)",  # ClinVar: an insertion that is in frame but holds a stop; another transcript is longer
        "p.(Glu271Ter)",  # a frameshift that is a stop at once: ClinVar says nonsense
        "p.(Leu43Ter)",
        "p.(Ala161_Tyr163delinsAsp)",  # ClinVar says inframe_indel
    }


def test_consequences_on_grch38_chromosome_20_are_those_of_clinvar(shared_data: Path, tmp_path: Path) -> None:
    reference = open_reference(shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz", cache=tmp_path)
    contig = reference.contigs[0].name
    contigs = tuple(Contig(one.name, one.length, one.md5) for one in reference.contigs)
    genes = shared_data / "genemodel_chr20" / "chr20_1-10M.grch38.gff3.gz"
    bundle = ReferenceBundle("chr20", "GRCh38", reference.fasta, contigs, Path(), genes, None, None, None, {})
    variants = list(cached_variants(shared_data, "20", 60_000, 9_990_000))
    found = annotated(variants, 0, bundle, contig, tmp_path)
    genic = [one for one in variants if "GENE" in found[one.variation]]  # ITPA has no transcript in this gene model
    assert (len(variants), len(genic)) == (103, 96)
    different = {found[name].get("HGVSP", "").partition(":")[2] for name in disagreeing(genic, found)}
    assert different == {"p.(Tyr190Ter)", "p.(Arg481_Glu482delinsGln)"}
    assert found["4548"]["HGVSG"] == "NC_000020.11:g.3918695G>A"
    assert found["4548"]["HGVSP"].endswith("p.(Gly521Arg)")


def test_complement_of_the_complement() -> None:
    assert reverse_complement("GATTACAN") == "NTGTAATC"
