"""The slices of chromosome 20 that the demo works on: where they lie in both builds, and why each was chosen.

Positions are 0-based half-open. Each slice is identical in GRCh37 and GRCh38 but for its offset, which a test proves
where both sequences are at hand.
"""

from dataclasses import dataclass

CONTIG = "chr20"
CONTIG_LENGTH = 64_444_167
"""Length of chromosome 20 in GRCh38 (Genome Reference Consortium)."""


@dataclass(frozen=True)
class Slice:
    """A stretch of real sequence around one gene.

    Attributes:
        gene: symbol of the gene it was chosen for.
        start: first base in GRCh38.
        end: one past the last base in GRCh38.
        shift: GRCh38 position less GRCh37 position.
        why: the condition that the gene is known for.
    """

    gene: str
    start: int
    end: int
    shift: int
    why: str

    def __len__(self) -> int:
        return self.end - self.start


SLICES = (
    Slice("PDYN", 1_945_000, 2_032_000, 19_354, "spinocerebellar ataxia 23, dominant"),
    Slice("AVP", 3_040_000, 3_100_000, 19_354, "neurohypophyseal diabetes insipidus, dominant"),
    Slice("SLC4A11", 3_185_000, 3_248_000, 19_354, "congenital hereditary endothelial dystrophy, recessive"),
    Slice("PANK2", 3_842_000, 3_934_000, 19_353, "pantothenate kinase-associated neurodegeneration, recessive"),
    Slice("PRNP", 4_680_000, 4_732_000, 19_354, "prion diseases, dominant"),
)


def slice_at(position: int) -> Slice | None:
    """The slice that holds a 0-based GRCh38 position, None where there is none."""
    return next((piece for piece in SLICES if piece.start <= position < piece.end), None)
