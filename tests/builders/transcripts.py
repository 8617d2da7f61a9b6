"""Random genes on random sequence, on either strand, for properties that hold of all."""

import random

from engine.annotate.edit import reverse_complement
from engine.annotate.gene_model import Transcript

_STOPS = ("TAA", "TAG", "TGA")


def random_gene(seed: int, alphabet: str = "ACGT") -> tuple[Transcript, str]:
    """A transcript of two to four exons whose coding sequence runs from ATG to a stop, and the contig it lies on.

    A small alphabet gives repeats, in which variants can be written at several places.
    """
    rng = random.Random(seed)
    codons = ["ATG", *(_codon(rng, alphabet) for _ in range(rng.randint(8, 25))), rng.choice(_STOPS)]
    before = "".join(rng.choices(alphabet, k=rng.randint(3, 9)))
    after = "".join(rng.choices(alphabet, k=rng.randint(12, 30)))
    message = before + "".join(codons) + after
    cuts = sorted(rng.sample(range(2, len(message) - 2), rng.randint(1, 3)))
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    contig, spans = "".join(rng.choices("ACGT", k=20)), []
    for piece in pieces:
        spans.append((len(contig), len(contig) + len(piece)))
        contig += piece + "".join(rng.choices(alphabet, k=rng.randint(6, 15)))
    first = _place(spans, len(before))
    last = _place(spans, len(message) - len(after) - 1)
    strand = rng.choice((1, -1))
    if strand == -1:
        contig = reverse_complement(contig)
        spans = [(len(contig) - end, len(contig) - start) for start, end in reversed(spans)]
        first, last = len(contig) - 1 - last, len(contig) - 1 - first
    gene = Transcript("T1.1", "T1", "GENE", "G1", None, "protein_coding", "1", strand, tuple(spans), (first, last + 1))
    return gene, contig


def _codon(rng: random.Random, alphabet: str) -> str:
    while (codon := "".join(rng.choices(alphabet, k=3))) in _STOPS:
        pass
    return codon


def _place(spans: list[tuple[int, int]], base: int) -> int:
    """Genomic position of a transcript base on the forward strand."""
    for start, end in spans:
        if base < end - start:
            return start + base
        base -= end - start
    raise AssertionError
