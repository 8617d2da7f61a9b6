"""What a source says of one allele and contradicts: counted, with the first alleles in words.

>>> told = Contradictions()
>>> told.add(("17", 5, "C", "T"), ["variation 3 Pathogenic", "variation 9 Benign"])
>>> told.count, told.examples
(1, ['17:5 C>T: variation 3 Pathogenic; variation 9 Benign'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

EXAMPLES = 5
"""So many are told in words."""
_LONGEST_ALLELE = 20
_REMEMBERED = 1_000_000
"""Alleles that are known again; a source in which more contradict each other is no longer counted exactly."""

Allele = tuple[str, int, str, str]
"""Contig, 1-based position, ref and alt."""


def contradictions_told(source: str, count: int, examples: Sequence[str]) -> str:
    """A warning in one line; ``source`` as people name it, the rest as of :class:`Contradictions`."""
    return (
        f"of {count:,} alleles {source} says different things; the record that counts most is taken, and of equal ones"
        f" the more careful: {' | '.join(examples)}{' | ...' if count > len(examples) else ''}"
    )


@dataclass
class Contradictions:
    """Alleles of which the records of a source say different things.

    Attributes:
        count: of such alleles.
        examples: the first five: place, alleles and what each record says.
    """

    examples: list[str] = field(default_factory=list)
    count: int = 0
    _seen: set[Allele] = field(default_factory=set)

    def add(self, allele: Allele, said: Sequence[str]) -> None:
        """Take an allele into account, once.

        Args:
            allele: that several records speak of.
            said: by each of them.
        """
        if allele in self._seen:
            return
        self.count += 1
        if len(self._seen) < _REMEMBERED:
            self._seen.add(allele)
        if len(self.examples) < EXAMPLES:
            contig, position, ref, alt = allele
            change = f"{ref[:_LONGEST_ALLELE]}>{alt[:_LONGEST_ALLELE]}"
            self.examples.append(f"{contig}:{position:,} {change}: {'; '.join(said)}")
