"""Population frequencies as knowledge: any VCF with AC, AN and AF, as a table by normalised allele, sorted by place.

Which field says what is told by :class:`engine.annotate.frequencies.FrequencyFields`; what a frequency speaks for or
against is the business of :mod:`engine.acmg`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.annotate.allele_table import ALLELE, Key, Placed, Rows, VcfSource, read_alleles, said_of, write_alleles
from engine.annotate.columns import POPULATION
from engine.annotate.contradictions import Contradictions
from engine.annotate.frequencies import FrequencyFields
from engine.annotate.rows import ROUNDED, Frequency
from engine.errors import KnowledgeError
from engine.reference.bundle import Contig
from engine.tables import Column, struct_of

if TYPE_CHECKING:
    import pyarrow as pa

FREQUENCIES = "frequencies.parquet"
FREQUENCY_COLUMNS = (
    *ALLELE,
    Column("frequency", "DOUBLE", "Share of all alleles", "fraction", minimum=0, maximum=1),
    Column("count", "INTEGER", "How often the allele was seen", "alleles", minimum=0),
    Column("frequency_number", "INTEGER", "Alleles that were called at the site", "alleles", minimum=0),
    Column("frequency_homozygotes", "INTEGER", "People with two copies", "people", minimum=0),
    Column("popmax", "VARCHAR", "Population in which it is most frequent; absent where the source tells of none"),
    Column("popmax_frequency", "DOUBLE", "Its frequency there", "fraction", minimum=0, maximum=1),
    Column("popmax_count", "INTEGER", "How often it was seen there", "alleles", minimum=0),
    Column("popmax_number", "INTEGER", "Alleles that were called there", "alleles", minimum=0),
    Column("populations", f"{struct_of(POPULATION)}[]", "The same by population"),
    Column("filter", "VARCHAR", "FILTER of the source: PASS, or why it doubts the frequency"),
    Column("rs", "VARCHAR", "dbSNP id; absent where the source has none"),
)
_DECLARED = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")
_TOLD = re.compile(r"^##(?:fileDate|source|VERSION|dbSNP_BUILD_ID)=(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class FrequencyMeasures(Placed):
    """What a table of frequencies holds.

    Attributes:
        largest: the most alleles called at any site.
        contradictions: alleles of which several records give different numbers, or one a frequency that is not that of
            its counts.
        contradiction_examples: the first of them, in words.
        release: date or name, empty where neither the declaration nor the file tells.
        licence: as declared, empty where it is not.
    """

    largest: int
    contradictions: int
    contradiction_examples: list[str]
    release: str
    licence: str


def build_frequencies(
    source: Path, fasta: Path, contigs: Sequence[Contig], folder: Path, *, release: str | None, licence: str | None
) -> FrequencyMeasures:
    """Write :data:`FREQUENCIES`, alleles normalised against the reference and sorted by place, into ``folder``.

    Args:
        source: VCF (plain, gzip or bgzip), sorted, of the reference's build; contigs with or without ``chr``.
        fasta: the reference, with index.
        contigs: of the reference.
        folder: for the table.
        release: the source's date or name, absent where the file is to tell (``##fileDate``, ``##source``).
        licence: under which it may be used.

    Raises:
        KnowledgeError: the source is missing, damaged, unsorted, or tells no frequencies.
        ReferenceMismatchError: it belongs to another build.
    """
    vcf = VcfSource(source)
    fields = FrequencyFields({found[1]: found[2] for line in vcf.head.splitlines() if (found := _DECLARED.match(line))})
    if not fields.tell_frequencies:
        raise KnowledgeError(
            "the VCF's header declares neither AF nor AC and AN",
            file=source,
            remedy="give a VCF with allele frequencies, such as gnomAD's sites",
        )
    release = release or told_release(vcf)
    values = _Values(fields, source)
    placed = write_alleles(
        vcf,
        fasta,
        contigs,
        folder / FREQUENCIES,
        FREQUENCY_COLUMNS[len(ALLELE) :],
        values.arrays,
        lambda: {"release": release, "licence": licence or "", "largest": str(values.largest)},
    )
    return FrequencyMeasures(
        **vars(placed),
        largest=values.largest,
        contradictions=values.contradictions.count,
        contradiction_examples=values.contradictions.examples,
        release=release,
        licence=licence or "",
    )


def told_release(vcf: VcfSource) -> str:
    """What a VCF's header says of its date, source or version, empty where it says nothing."""
    told = _TOLD.search(vcf.head)
    return told[1].strip() if told else ""


class _Values:
    """Makes the values of rows, and keeps the most alleles called at any site and what contradicts itself."""

    def __init__(self, fields: FrequencyFields, source: Path) -> None:
        self._fields, self._source = fields, source
        self.largest = 0
        self.contradictions = Contradictions()
        self._before: tuple[Key, Frequency] | None = None

    def arrays(self, rows: Rows) -> list[pa.Array]:
        """The columns behind the allele's."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = np.array([row[4] for row in rows])
        info, filters, ids, alternates = (list(kept) for kept in zip(*(row[5] for row in rows), strict=True))
        try:
            infos, doubts, names = (pa.array(kept, pa.string()) for kept in (info, filters, ids))
            told = self._fields.read(infos, numbers, doubts, names, np.array(alternates)).arrays
        except ValueError as error:
            first, last = rows[0], rows[-1]
            raise KnowledgeError(
                f"the frequencies are none: {error}",
                file=self._source,
                place=f"{first[0]}:{first[1]:,} to {last[0]}:{last[1]:,}",
                remedy="copy the file again and compare its md5",
            ) from None
        self._compare(rows, told)
        count, called = _of_the_population(told["populations"], told["popmax"])
        self.largest = max(self.largest, pc.max(told["frequency_number"]).as_py() or 0)
        arrays = [told[f"frequency{name}"] for name in ("", "_count", "_number", "_homozygotes")]
        arrays += [told["popmax"], told["popmax_frequency"], count, called]
        return [*arrays, told["populations"], told["frequency_filter"], told["rs"]]

    def _compare(self, rows: Rows, told: Mapping[str, pa.Array]) -> None:
        """Look at the alleles that are there again: rows come by place and allele."""
        keys = [row[:4] for row in rows]
        numbers = [told[f"frequency{name}"] for name in ("", "_count", "_number")]
        frequency, count, number = (one.to_numpy(zero_copy_only=False).astype(np.float64) for one in numbers)
        off = np.abs(frequency * number - count) > ROUNDED * number
        for at in np.flatnonzero(off).tolist():
            self.contradictions.add(keys[at], [Frequency(*(one[at].as_py() for one in numbers)).said])
        again = [at for at in range(1, len(keys)) if keys[at] == keys[at - 1]]
        places = sorted({0, *again, *(at - 1 for at in again)})
        said = dict(zip(places, zip(*(one.take(places).to_pylist() for one in numbers), strict=True), strict=True))
        pairs = [(keys[at], Frequency(*said[at - 1]), Frequency(*said[at])) for at in again]
        if self._before is not None and self._before[0] == keys[0]:
            pairs.insert(0, (keys[0], self._before[1], Frequency(*said[0])))
        for allele, one, other in pairs:
            if one != other:
                self.contradictions.add(allele, [one.said, other.said])
        self._before = keys[-1], Frequency(*(one[-1].as_py() for one in numbers))


def _of_the_population(populations: pa.ListArray, wanted: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Alleles seen and called in one population of each record, absent where it has none of that name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parents, members = pc.list_parent_indices(populations), populations.flatten()
    hit = pc.fill_null(pc.equal(members.field("population"), wanted.take(parents)), False)
    rows = parents.filter(hit).to_numpy()
    found: list[pa.Array] = []
    for name in ("count", "frequency_number"):
        values = members.field(name).filter(hit)
        place = np.full(len(populations), -1, np.int64)
        place[rows] = np.arange(len(rows))
        found.append(values.take(pa.array(place, mask=place < 0)))
    return found[0], found[1]


@dataclass(frozen=True)
class FrequencySource:
    """What a table says of itself.

    Attributes:
        release: date or name of the source.
        licence: under which it may be used.
        largest: the most alleles called at any site.
    """

    release: str
    licence: str
    largest: int


def read_source(table: Path) -> FrequencySource:
    """What a table that :func:`build_frequencies` wrote says of itself."""
    told = said_of(table)
    return FrequencySource(told.get("release", ""), told.get("licence", ""), int(told.get("largest", "0")))


def read_frequencies(table: Path, alleles: Iterable[Key]) -> dict[Key, Mapping[str, Any]]:
    """The rows of some alleles; of one that the source has twice the row of more alleles called, of equal ones the
    lower frequency.
    """
    return read_alleles(table, alleles, order="frequency_number NULLS FIRST, frequency DESC NULLS FIRST")
