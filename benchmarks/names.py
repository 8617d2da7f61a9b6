"""``python -m benchmarks.names``: c. names of substitutions beside the published ones, genome-wide.

ClinVar's names on GRCh38 (shared/data/acmg_hgvs) and those of published pathogenic variants on GRCh37, carried over by
what ClinVar tells of both builds (shared/data/vep_golden_pathogenic), each beside what the transcripts of its gene have
at that base: exons and untranslated ends of Ensembl's transcripts (shared/data/clinvar_genes_ideogram). The published
transcript is RefSeq's. A name is equal where a transcript of the gene gives it; a transcript of RefSeq's of which no
name is equal is counted by why.
"""

from __future__ import annotations

import gzip
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.inputs import SHARED
from engine.annotate.edit import reverse_complement
from engine.annotate.gene_model import Transcript
from engine.annotate.hgvs import label

_CACHE = SHARED / "clinvar_genes_ideogram"
_NAMES = SHARED / "acmg_hgvs" / "clinvar.gz"
_PATHOGENIC = SHARED / "vep_golden_pathogenic" / "mip_pathogenic.vcf.gz"
_CODING = re.compile(r"NM_[^:]+:c\.\S+[ACGT]>[ACGT]")
_GENOMIC = re.compile(r"NC_0000(\d\d)\.(\d+):g\.(\d+)([ACGT])>([ACGT])")
_GRCH38 = dict(
    zip(
        range(1, 25),
        (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10),
        strict=True,
    )
)
"""Version of RefSeq's accession of each chromosome in GRCh38."""


def main() -> None:
    """Compare, and print the counts."""
    models, clinvar = transcripts(), list(names())
    print("| names of substitutions | ClinVar, acmg_hgvs | pathogenic, vep_golden_pathogenic |\n|---|---|---|")
    told = [compared(models, published) for published in (clinvar, pathogenic(clinvar))]
    for kind in _KINDS:
        print(f"| {kind} | " + " | ".join(f"{counts[kind]:,}" for counts in told) + " |")
    shares = [counts[_KINDS[0]] / (counts[_KINDS[0]] + counts[_KINDS[1]]) for counts in told]
    print("| equal, of the first two | " + " | ".join(f"{share:.2%}" for share in shares) + " |")


_KINDS = (
    "equal",
    "not equal",
    "of a RefSeq transcript that counts from another start codon than Ensembl's of the gene",
    "of a RefSeq transcript with other exons than Ensembl's of the gene",
    "of a gene without a transcript model",
    "no name by the nomenclature",
    "read as published by VEP on GRCh37; the builds lie otherwise there than at the nearest name of ClinVar's",
)


def compared(models: Mapping[str, Sequence[Transcript]], published: Iterable[Published]) -> Counter[str]:
    """How many names there are of each kind."""
    by_transcript: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for one in published:
        by_transcript[one.gene, one.name.partition(":")[0]].append(one)
    counts: Counter[str] = Counter()
    for (gene, _), listed in by_transcript.items():
        if gene not in models:
            counts[_KINDS[4]] += len(listed)
            continue
        other = [one for one in listed if not any(_shift(model, one) == 0 for model in models[gene])]
        counts[_KINDS[0]] += len(listed) - len(other)
        for one in other if len(other) < len(listed) else ():
            counts[_KINDS[_reason(one)]] += 1
        if len(other) == len(listed):
            shifted = any(len({_shift(model, one) for one in listed} - {None}) == 1 for model in models[gene])
            counts[_KINDS[2 if shifted else 3]] += len(other)
    return counts


def _reason(one: Published) -> int:
    """Why a name is not ours, of a transcript of which others are."""
    told = _NUMBERED.fullmatch(one.name.partition(":")[2])
    if told is None:
        return 5
    return 6 if told[2] in one.by_vep else 1


def _shift(model: Transcript, one: Published) -> int | None:
    """Bases by which a published name is counted from another start than ours; absent where it is another place."""
    ours, wanted = (_NUMBERED.fullmatch(text or "") for text in (named(model, one), one.name.partition(":")[2]))
    if not ours or not wanted or (ours[1], ours[3], ours[4]) != (wanted[1], wanted[3], wanted[4]):
        return None
    return int(ours[2]) - int(wanted[2])


_NUMBERED = re.compile(r"c\.(\*?)(-?\d+)([+-]\d+)?([ACGT]>[ACGT])")


class Published(NamedTuple):
    """A published name of a substitution.

    Attributes:
        gene: symbol.
        position: 0-based, on GRCh38.
        ref: on the forward strand.
        alt: on the forward strand.
        name: with RefSeq's transcript.
        moved: bases by which GRCh37 counts the place otherwise; absent where that is not told.
        by_vep: coding bases that VEP 109 has at the place, where the source tells.
    """

    gene: str
    position: int
    ref: str
    alt: str
    name: str
    moved: int | None = None
    by_vep: frozenset[str] = frozenset()


def names() -> Iterator[Published]:
    """ClinVar's."""
    with gzip.open(_NAMES, "rt") as lines:
        next(lines)
        for line in lines:
            gene, _, listed = (*line.rstrip("\n").split("\t"), "", "")[:3]
            told = [one for one in map(_GENOMIC.fullmatch, listed.split()) if one]
            here = [one for one in told if _GRCH38.get(int(one[1])) == int(one[2])]
            before = [one for one in told if _GRCH38.get(int(one[1])) != int(one[2])]
            moved = int(before[0][3]) - int(here[0][3]) if here and before else None
            for one in here[:1]:
                for name in filter(_CODING.fullmatch, listed.split()):
                    yield Published(gene, int(one[3]) - 1, one[4], one[5], name, moved)


def pathogenic(clinvar: Iterable[Published]) -> Iterator[Published]:
    """Published pathogenic variants on GRCh37, of genes of which ClinVar's names tell where the builds differ."""
    moved: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in clinvar:
        if one.moved is not None:
            moved[one.gene].append((one.position + 1 + one.moved, one.moved))
    with gzip.open(_PATHOGENIC, "rt") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            _, position, name, ref, alt, _, _, info, *_ = line.rstrip("\n").split("\t")
            gene = info.split("|")[3]
            by_vep = frozenset(entry.split("|")[13] for entry in info.split(","))
            if _CODING.fullmatch(name) and len(ref) == 1 == len(alt) and gene in moved:
                _, shift = min(moved[gene], key=lambda pair: abs(pair[0] - int(position)))
                yield Published(gene, int(position) - 1 - shift, ref, alt, name, by_vep=by_vep)


def named(transcript: Transcript, one: Published) -> str | None:
    """The c. name on a transcript; absent outside it."""
    if not transcript.start <= one.position < transcript.end:
        return None
    ref, alt = one.ref, one.alt
    if transcript.strand == -1:
        ref, alt = reverse_complement(ref), reverse_complement(alt)
    return f"c.{label(transcript, one.position)}{ref}>{alt}"


def transcripts() -> dict[str, list[Transcript]]:
    """Ensembl's coding transcripts by gene symbol, on GRCh38."""
    starts: dict[str, tuple[str, int]] = {}
    with gzip.open(_CACHE / "homo-sapiens-genes.tsv.gz", "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                contig, start, _, _, symbol, *_ = line.split("\t")
                starts.setdefault(symbol, (contig, int(start) - 1))
    models: dict[str, list[Transcript]] = defaultdict(list)
    with gzip.open(_CACHE / "homo-sapiens-gene-structures.tsv.gz", "rt") as lines:
        for line in itertools.dropwhile(lambda line: line.startswith("#"), lines):
            name, offset, _, strand, *features = line.rstrip("\n").split("\t")
            gene = name.rpartition("-")[0]
            if gene in starts and features:
                contig, first = starts[gene]
                if (one := _transcript(name, gene, contig, first + int(offset), strand, features)) is not None:
                    models[gene].append(one)
    return models


def _transcript(name: str, gene: str, contig: str, start: int, strand: str, features: list[str]) -> Transcript | None:
    """A transcript out of the cache's parts (kind, start, size less one); absent without untranslated ends."""
    parts = [tuple(map(int, part.split(";"))) for part in features]
    exons = tuple(sorted((start + first, start + first + size + 1) for kind, first, size in parts if kind == 1))
    low, high = (0, 2) if strand == "+" else (2, 0)
    before = [start + first + size + 1 for kind, first, size in parts if kind == low]
    after = [start + first for kind, first, _ in parts if kind == high]
    coding = max(before, default=exons[0][0]), min(after, default=exons[-1][1])
    if coding[0] >= coding[1]:
        return None
    turned = 1 if strand == "+" else -1
    return Transcript(name, name, gene, gene, None, "protein_coding", contig, turned, exons, coding)


if __name__ == "__main__":
    main()
