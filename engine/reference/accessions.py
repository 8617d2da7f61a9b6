"""Names of contigs: how a build's contigs are called by NCBI, and one key for the names that files differ in.

Versions are those of NCBI's assembly reports of GRCh37.p13 (GCF_000001405.25) and GRCh38.p14 (GCF_000001405.40).

>>> refseq_accession("GRCh38", "chr20", 64_444_167)
'NC_000020.11'
>>> bare_contig("chrM"), bare_contig("chr20"), bare_contig("GL000191.1")
('MT', '20', 'GL000191.1')
"""

from __future__ import annotations

_AUTOSOMES = [str(number) for number in range(1, 23)]
_VERSIONS = {
    "GRCh37": (10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9),
    "GRCh38": (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10),
}
_ACCESSIONS = {
    build: {
        name: f"NC_{number:06d}.{version}"
        for number, (name, version) in enumerate(zip([*_AUTOSOMES, "X", "Y"], versions, strict=True), start=1)
    }
    for build, versions in _VERSIONS.items()
}
# The mitochondrion's name does not tell the sequence: UCSC's hg19 has an older one, which is two bases longer.
_MITOCHONDRIA = {16_569: "NC_012920.1", 16_571: "NC_001807.4"}


def bare_contig(name: str) -> str:
    """The name without ``chr``; the mitochondrion is ``MT`` whatever it was called."""
    bare = name.removeprefix("chr")
    return "MT" if bare == "M" else bare


def refseq_accession(build: str, contig: str, length: int) -> str | None:
    """RefSeq accession with version of a primary contig, absent for every other contig.

    Args:
        build: ``GRCh37`` or ``GRCh38``.
        contig: its name, with or without ``chr``.
        length: of the contig, which tells the two mitochondrial sequences apart.
    """
    bare = bare_contig(contig)
    return _MITOCHONDRIA.get(length) if bare == "MT" else _ACCESSIONS[build].get(bare)
