"""The names under which other files may know a reference's contigs: Ensembl's, UCSC's, GenBank's and RefSeq's.

Which names mean one sequence is told in NCBI's assembly reports; accessions of the chromosomes are in
:mod:`engine.reference.accessions`, those of scaffolds are part of UCSC's names.

>>> names = contig_aliases([Contig("chr20", 64_444_167, ""), Contig("chr1_KI270706v1_random", 175_055, "")], "GRCh38")
>>> names["20"], names["NC_000020.11"], names["KI270706.1"]
('chr20', 'chr20', 'chr1_KI270706v1_random')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.reference.accessions import refseq_accession
from engine.reference.bundle import Contig

_BUILDS = ("GRCh37", "GRCh38")
_SCAFFOLD = re.compile(r"chr[^_]+_([A-Z]{1,2}[0-9]+)v([0-9]+)(?:_random|_alt|_fix|_hap[0-9]+)?")


def contig_aliases(contigs: Sequence[Contig], build: str | None = None) -> dict[str, str]:
    """A contig's own name by each name that a source may have for it.

    Args:
        contigs: the reference's.
        build: whose RefSeq accessions mean these contigs, those of either build when absent.
    """
    aliases: dict[str, str] = {}
    for contig in contigs:
        aliases |= dict.fromkeys(_names(contig, (build,) if build else _BUILDS), contig.name)
    return aliases


def _names(contig: Contig, builds: Sequence[str]) -> Iterator[str]:
    bare = contig.name.removeprefix("chr")
    yield from (contig.name, bare, f"chr{bare}")
    if bare in ("M", "MT"):
        yield from ("M", "MT", "chrM", "chrMT")
    if scaffold := _SCAFFOLD.fullmatch(contig.name):
        yield f"{scaffold[1]}.{scaffold[2]}"
    for build in builds:
        if accession := refseq_accession(build, contig.name, contig.length):
            yield accession
