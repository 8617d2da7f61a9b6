"""Names of contigs: how a build's contigs are called by NCBI, and one key for the names that files differ in.

Versions are those of NCBI's assembly reports of GRCh37.p13 (GCF_000001405.25) and GRCh38.p14 (GCF_000001405.40).

>>> refseq_accession("GRCh38", "chr20", 64_444_167)
'NC_000020.11'
>>> bare_contig("chrM"), bare_contig("chr20"), bare_contig("GL000191.1")
('MT', '20', 'GL000191.1')
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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


_LENGTHS = {
    "GRCh37": (
        *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431),
        *(135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983),
        *(63025520, 48129895, 51304566, 155270560, 59373566),
    ),
    "GRCh38": (
        *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717),
        *(133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616),
        *(64444167, 46709983, 50818468, 156040895, 57227415),
    ),
}
_BUILD_OF_LENGTH = {
    (name, length): build
    for build, lengths in _LENGTHS.items()
    for name, length in zip([*_AUTOSOMES, "X", "Y"], lengths, strict=True)
}
_CONTIG_LINE = re.compile(r"##contig=<.*?\bID=([^,>]+).*?\blength=(\d+)")


def build_of_header(lines: Iterable[str]) -> str | None:
    """The build that a VCF's contig lines tell by their lengths; absent where they tell none, or more than one.

    >>> build_of_header(["##contig=<ID=chr20,length=64444167>"])
    'GRCh38'
    """
    named = (contig for line in lines if (contig := _CONTIG_LINE.match(line)))
    return build_of_lengths((contig[1], int(contig[2])) for contig in named)


def build_of_lengths(contigs: Iterable[tuple[str, int]]) -> str | None:
    """The build that names and lengths of contigs tell; absent where they tell none, or more than one."""
    told = {build for name, length in contigs if (build := _BUILD_OF_LENGTH.get((bare_contig(name), length)))}
    return told.pop() if len(told) == 1 else None


def bare_contig(name: str) -> str:
    """The name without ``chr``; the mitochondrion is ``MT`` whatever it was called."""
    bare = name.removeprefix("chr")
    return "MT" if bare == "M" else bare


BARE_CONTIG_SQL = "regexp_replace(regexp_replace(contig, '^chr', ''), '^M$', 'MT')"
"""What :func:`bare_contig` gives, of a column ``contig``."""


def refseq_accession(build: str, contig: str, length: int) -> str | None:
    """RefSeq accession with version of a primary contig, absent for every other contig.

    Args:
        build: ``GRCh37`` or ``GRCh38``; of any other no accession is known.
        contig: its name, with or without ``chr``.
        length: of the contig, which tells the two mitochondrial sequences apart.
    """
    bare = bare_contig(contig)
    return _MITOCHONDRIA.get(length) if bare == "MT" else _ACCESSIONS.get(build, {}).get(bare)
