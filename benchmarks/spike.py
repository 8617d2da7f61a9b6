"""``python -m benchmarks.spike CASES.tsv.gz PERSON.vcf.gz``: causal variants put into a person's calls, and ranked.

CASES has a line a solved case (``case_id``, ``hpo_observed``, ``hpo_excluded``, ``gene``, ``variants_hg38``,
``hgvs_c``), PERSON the calls of a real person over the genome with csq's BCSQ. The causal variants of each case are put
beside the person's own; the engine then ranks the genes in which either has a variant that may matter. With
``--clinvar`` (rows of chromosome, position, id, reference and alternate allele: those that ClinVar calls pathogenic)
causal alleles that stand there count as known; without it none does. Cases whose gene has no known disease in the
release of HPO are told apart.

No protein is at hand: what a variant does is read from its c. name, so that a nonsense variant counts as one that
changes an amino acid; what the name tells no change of coding or splice site bases of is no candidate, and missed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from engine.annotate.terms import so_terms, term
from engine.files.info import info_value
from engine.files.variant_lines import variant_records
from engine.phenotype.candidates import candidate_genes
from engine.phenotype.model import read_model
from engine.phenotype.ranking import known_signs, rank_genes

Allele = tuple[str, int, str, str]
_HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
_NAME = re.compile(r"[cn]\.(?P<utr>[*-]?)(?P<first>\d+)(?P<intron>[+-]\d+)?")
_SPLICE_SITE = 2


def main() -> None:
    """Put in, rank, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("person", type=Path)
    parser.add_argument("--sample", default="HG002", help="whose calls of the file (default: HG002)")
    parser.add_argument("--clinvar", type=Path, help="table of alleles that ClinVar calls pathogenic")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take one case in N (default: all)")
    options = parser.parse_args()
    with gzip.open(options.cases, "rt") as table:
        cases = [row for row in csv.DictReader(table, delimiter="\t") if row["hpo_observed"]][:: options.every]
    known = set(_known(options.clinvar)) if options.clinvar else set()
    with tempfile.TemporaryDirectory() as folder:
        own = candidate_genes(_annotated(options.person, options.sample, Path(folder) / "person.vcf"))
        print(f"{options.sample}: {len(own):,} candidate genes of its own")
        _rank(cases, own, known, Path(folder) / "case.vcf")


def _rank(cases: list[dict[str, str]], own: Mapping[str, float], known: set[Allele], path: Path) -> None:
    model = read_model()
    ranks, seconds, missed = [], [], 0
    has_disease = np.array([case["gene"] in model.gene_numbers for case in cases])
    for case in cases:
        path.write_text(_HEADER + "".join(_lines(case, known)))
        spiked = candidate_genes(path)
        every = {gene: max(own.get(gene, 0.0), spiked.get(gene, 0.0)) for gene in own.keys() | spiked.keys()}
        start = time.process_time()
        observed, excluded = (list(filter(None, case[name].split(";"))) for name in ("hpo_observed", "hpo_excluded"))
        ranked = rank_genes(model, known_signs(model, observed, excluded), every)
        seconds.append(time.process_time() - start)
        rank = next((one.rank for one in ranked if one.gene == case["gene"]), None)
        missed += rank is None
        ranks.append(rank or len(ranked) + 1)
    print(f"HPO {model.release}; {missed:,} cases have no candidate by their c. names")
    places = np.array(ranks)
    for told, of in (("all", places), ("whose gene has a known disease", places[has_disease])):
        shares = ", ".join(f"top {place} {np.mean(of <= place):.3f}" for place in (1, 3, 5, 10, 20))
        print(f"{len(of):,} cases, {told}: {shares}")
    print(f"{1000 * np.mean(seconds):.0f} CPU ms a case")


def _known(table: Path) -> Iterator[Allele]:
    with gzip.open(table, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                contig, position, _, ref, alt, *_ = line.split("\t")
                yield contig, int(position), ref, alt


def _annotated(person: Path, sample: str, path: Path) -> Path:
    """The person's calls with what csq tells as ANN, as the engine reads it."""
    import pysam

    with pysam.VariantFile(str(person)) as file:
        column = 9 + list(file.header.samples).index(sample)
    lines = [_HEADER]
    for _, fields in variant_records(person):
        told = [one.split("|") for one in info_value(fields[7], "BCSQ=").split(",") if "|" in one]
        alternates = fields[4].split(",")
        annotation = ",".join(_ann(alt, one[0], one[1]) for alt in alternates for one in told)
        lines.append("\t".join([*fields[:7], f"ANN={annotation}" if told else ".", "GT", fields[column].split(":")[0]]))
    path.write_text("\n".join([lines[0].rstrip("\n"), *lines[1:], ""]))
    return path


def _ann(alt: str, terms: str, gene: str) -> str:
    names = so_terms(terms)
    return f"{alt}|{'&'.join(names)}|{term(names[0]).impact if names else 'MODIFIER'}|{gene}"


def _lines(case: Mapping[str, str], known: set[Allele]) -> Iterator[str]:
    """The causal variants of a case as records."""
    for variant, name in zip(case["variants_hg38"].split(";"), case["hgvs_c"].split(";"), strict=False):
        contig, position, ref, alt, zygosity = variant.split(":")
        allele = (contig.removeprefix("chr"), int(position), ref, alt)
        significance = ";CLNSIG=Pathogenic" if allele in known else ""
        genotype = {"het": "0/1", "hom": "1/1", "hemi": "1"}[zygosity]
        told = _ann(alt, _effect(name.partition(":")[2], ref, alt), case["gene"])
        yield f"{contig}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\tANN={told}{significance}\tGT\t{genotype}\n"


def _effect(name: str, ref: str, alt: str) -> str:
    """What a c. name tells of the effect, cautiously.

    >>> _effect("c.123+1G>A", "G", "A"), _effect("c.174del", "TG", "T"), _effect("c.10A>G", "A", "G")
    ('splice_donor_variant', 'frameshift_variant', 'missense_variant')
    """
    found = _NAME.match(name)
    if found is None or found["utr"]:
        return "intergenic_variant"
    if found["intron"]:
        inside = int(found["intron"])
        if abs(inside) > _SPLICE_SITE:
            return "intron_variant"
        return "splice_donor_variant" if inside > 0 else "splice_acceptor_variant"
    if len(ref) == len(alt):
        return "missense_variant"
    return "inframe_deletion" if (len(ref) - len(alt)) % 3 == 0 else "frameshift_variant"


if __name__ == "__main__":
    main()
