"""ALT contigs: which contigs of a reference are other versions of a stretch that a chromosome has too.

Aligners are told by a list beside the FASTA (``.alt``, as bwa's kit ships it; the GATK bundle calls it ``.64.alt``).
Without it a read that fits a chromosome and its ALT contig equally well has mapping quality 0 on both, and nothing is
called there.

>>> alternates_named([Contig("chr1", 9, ""), Contig("chr1_KI270762v1_alt", 5, ""), Contig("HLA-A*01:01", 3, "")])
('chr1_KI270762v1_alt', 'HLA-A*01:01')
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.files.text import text_lines
from engine.reference.bundle import Contig

_SUFFIXES = (".alt", ".64.alt")


def alternates_beside(fasta: Path) -> Path | None:
    """The list of ALT contigs that lies beside a FASTA, or beside the file it links to; absent where there is none."""
    for place in dict.fromkeys((fasta, fasta.resolve())):
        names = dict.fromkeys((place.name, place.name.removesuffix(".gz").removesuffix(".bgz")))
        for path in (place.with_name(name + suffix) for name in names for suffix in _SUFFIXES):
            if path.is_file():
                return path
    return None


def read_alternates(listed: Path) -> frozenset[str]:
    """Names of the contigs in a list: the first column of its lines, which are SAM without or with a header.

    Raises:
        KnowledgeError: the file is damaged.
    """
    lines = (line.rstrip("\n") for line in text_lines(listed))
    return frozenset(line.split("\t")[0] for line in lines if line.strip() and not line.startswith("@"))


def alternates_named(contigs: Sequence[Contig]) -> tuple[str, ...]:
    """Contigs that are ALT contigs by their names, as GRCh38's analysis sets have them."""
    return tuple(contig.name for contig in contigs if contig.name.endswith("_alt") or contig.name.startswith("HLA-"))
