"""How frequent an allele is: any VCF with AC, AN and AF, alone and by population (gnomAD, 1000 Genomes).

Which field is which is told by its name: ``AF_afr`` and ``nhomalt_afr`` (gnomAD), ``AF_joint_afr`` (gnomAD's joint
files), ``AFR_AF`` (1000 Genomes). Sex, subsets and subgroups (``AF_XX``, ``AF_non_cancer_afr``, ``AF_nfe_seu``) are
not taken. An allele matches by place and bases once both are split and left-aligned.

>>> import pyarrow as pa
>>> fields = FrequencyFields({"AF": "A", "AC": "A", "AN": "1", "AF_afr": "A", "AN_afr": "1", "AF_XX": "A"})
>>> info, dot = pa.array(["AC=3,1;AN=200;AF_afr=0.05,0.01;AN_afr=40"]), pa.array(["."])
>>> told = fields.read(info, np.array([0]), dot, dot).one(0)
>>> told.frequency, told.popmax, told.populations
(0.015, 'afr', (('afr', 0.05, None, 40, None),))
>>> told.written
'POPAF=0.015;POPAC=3;POPAN=200;POPMAX=afr;POPMAXAF=0.05;POPS=afr|0.05||40|'
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import Batch, read_batches
from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.annotate.contradictions import Contradictions
from engine.annotate.edit import left_aligned
from engine.annotate.info_columns import InfoColumns, dbsnp_ids
from engine.annotate.rows import ROUNDED, Frequency
from engine.annotate.sequences import Sequence as Sequence_
from engine.annotate.sorting import IS_BASE, Sorted, anchored, first_letters, last_letters
from engine.annotate.source import Contigs
from engine.annotate.vcf_lines import encoded
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.variant_lines import HIGHEST, variant_lines
from engine.reference.contig_names import contig_aliases
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_REACH = 1_000
"""Bases by which an allele may be written elsewhere than here."""
Allele = tuple[str, int, str, str]
_MEASURES = {"AF": "frequency", "AC": "count", "AN": "number", "nhomalt": "homozygotes", "Hom": "homozygotes"}
_BY_GNOMAD = re.compile(r"(AF|AC|AN|nhomalt|Hom)_([A-Za-z]{2,9})")
_BY_1000_GENOMES = re.compile(r"([A-Z]{3})_(AF|AC|AN)")
_NO_POPULATION = frozenset(
    {"male", "female", "xx", "xy", "raw", "adj", "hom", "het", "hemi", "popmax", "grpmax", "joint", "controls"}
)
# gnomAD leaves these out of its own maximum: small, bottlenecked or mixed groups.
_NOT_FOR_THE_MAXIMUM = frozenset({"asj", "fin", "mid", "ami", "oth", "remaining"})
_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
_DECLARED = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")
# A few records of a release disagree with the assembly; more mean the other build.
_MISMATCHES_ALLOWED = 0.01


class FrequencyFields:
    """Which INFO fields of a source say what.

    Args:
        declared: Number by name of each INFO field that the header declares.
    """

    def __init__(self, declared: Mapping[str, str]) -> None:
        joint = "AF" not in declared and "AC" not in declared and any("_joint" in name for name in declared)
        plain = {name.replace("_joint", "") if joint else name: name for name in declared}
        told_by_allele = [name for name in declared if _tells_an_allele(name)]
        self._one_each = {name: declared[name] != "1" for name in told_by_allele if declared[name] in "A1"}
        self._by_allele = {name for name, number in declared.items() if number != "1"}
        self._overall = {measure: plain[name] for name, measure in _MEASURES.items() if name in plain}
        self._maximum = next((plain[name] for name in ("AF_grpmax", "AF_popmax") if name in plain), None)
        self._maximum_of = next((plain[name] for name in ("grpmax", "popmax") if name in plain), None)
        self._populations: dict[str, dict[str, str]] = {}
        for name, field in plain.items():
            if found := _population(name):
                self._populations.setdefault(found[0], {})[found[1]] = field

    @property
    def tell_frequencies(self) -> bool:
        """Whether there is an overall frequency, or the counts that make one."""
        return "frequency" in self._overall or {"count", "number"} <= set(self._overall)

    def read(
        self,
        infos: pa.Array,
        places: NDArray[np.int64],
        filters: pa.Array,
        ids: pa.Array,
        alternates: NDArray[np.int64] | None = None,
    ) -> FrequencyColumns:
        """What records say.

        Args:
            infos: INFO of each.
            places: number of the allele among each record's alternates, from 0.
            filters: FILTER.
            ids: ID.
            alternates: how many alternates each record has, one where absent.

        Raises:
            ValueError: a value is no frequency or no count, or a field has not one for each alternate.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = InfoColumns(infos)

        def text(name: str | None) -> pa.Array:
            if name is None:
                return pa.nulls(len(infos), pa.string())
            one_each = self._one_each.get(name)
            if one_each is False and alternates is not None and (alternates > 1).any():
                raise ValueError(f"the header declares one {name} for all alternates of a record")
            expected = alternates if one_each else None
            return columns.text(name, places if name in self._by_allele else None, expected)

        overall = _Measured({measure: text(name) for measure, name in self._overall.items()}, len(infos))
        populations = {
            name: _Measured({measure: text(field) for measure, field in fields.items()}, len(infos))
            for name, fields in self._populations.items()
        }
        maximum, maximum_of = text(self._maximum), text(self._maximum_of)
        if self._maximum is None:
            maximum, maximum_of = _maximum_among(populations, len(infos))
        doubts = pc.if_else(pc.equal(filters, "."), pa.scalar(None, pa.string()), filters)
        items = {
            "POPAF": overall.texts[0],
            "POPAC": overall.texts[1],
            "POPAN": overall.texts[2],
            "POPHOM": overall.texts[3],
            "POPMAX": _encoded(maximum_of),
            "POPMAXAF": maximum,
            "POPS": _joined([one.written(name) for name, one in populations.items()], ",", len(infos)),
            "POPFILTER": _encoded(doubts),
        }
        prefixed = [_Item(f"{name}=", values) for name, values in items.items()]
        return FrequencyColumns(
            {
                "frequency": overall.numbers[0],
                "frequency_count": overall.numbers[1],
                "frequency_number": overall.numbers[2],
                "frequency_homozygotes": overall.numbers[3],
                "popmax": maximum_of,
                "popmax_frequency": pc.cast(maximum, pa.float64()),
                "populations": _listed(populations, len(infos)),
                "frequency_filter": doubts,
                "rs": dbsnp_ids(ids),
                "written": _joined(prefixed, ";", len(infos)),
            }
        )


_ORDER = ("frequency", "count", "number", "homozygotes")


class _Measured:
    """Frequency, alleles counted, alleles seen at all and homozygotes: as the source writes them, and as numbers."""

    def __init__(self, texts: Mapping[str, pa.Array], count: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        nothing = pa.nulls(count, pa.string())
        self.texts = [texts.get(name, nothing) for name in _ORDER]
        self.texts[0] = _without_nan(self.texts[0])
        numbers = [pc.cast(values, pa.float64()) for values in self.texts]
        _require_shares(*numbers)
        if self.texts[0].null_count:
            self._fill_in(numbers)
        self.numbers = [numbers[0], *(pc.cast(values, pa.int32(), safe=False) for values in numbers[1:])]

    def _fill_in(self, numbers: list[pa.Array]) -> None:
        """The frequency out of the counts where the source does not write it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        known = pc.if_else(pc.greater(numbers[2], 0.0), numbers[2], pa.scalar(None, pa.float64()))
        numbers[0] = pc.coalesce(numbers[0], pc.divide(numbers[1], known))
        told = zip(self.texts[0].to_pylist(), numbers[0].to_pylist(), strict=True)
        self.texts[0] = pa.array(
            [text if text is not None or number is None else f"{number:g}" for text, number in told], pa.string()
        )

    @property
    def told(self) -> NDArray[np.bool_]:
        """Where anything is told."""
        found: NDArray[np.bool_] = np.logical_or.reduce([np.asarray(values.is_valid()) for values in self.texts])
        return found

    def written(self, name: str) -> _Item:
        """As INFO has it, absent where nothing is told."""
        import pyarrow as pa
        import pyarrow.compute as pc

        own = [place for place, values in enumerate(self.texts) if values.null_count < len(values)]
        if not own:
            return _Item("", self.texts[0])
        last = own[-1]  # what nobody tells behind it is bars alone
        told = self.told
        texts = [pc.fill_null(values, "") for values in self.texts[: last + 1]]
        text = texts[0] if last == 0 else pc.binary_join_element_wise(*texts, "|")
        text = text if told.all() else pc.if_else(pa.array(told), text, pa.scalar(None, pa.string()))
        return _Item(f"{name}|", text, "|" * (len(_ORDER) - 1 - last))


def _without_nan(frequencies: pa.Array) -> pa.Array:
    """Some programs write the frequency of an allele at a site that nobody was called at as nan: it is not known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(pc.ascii_lower(frequencies), "nan"), pa.scalar(None, pa.string()), frequencies)


def _require_shares(frequency: pa.Array, *counts: pa.Array) -> None:
    """Raise ValueError where a frequency is no share, or an allele was seen more often than any allele."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least, most = pc.min_max(frequency).as_py().values()
    if least is not None and not 0 <= least <= most <= 1:
        raise ValueError(f"a frequency is {least if least < 0 else most:g}, and not from 0 to 1")
    count, number = counts[:2]
    if any(pc.any(pc.less(values, 0.0)).as_py() for values in counts):
        raise ValueError("a count is below 0")
    if any(pc.any(pc.or_(pc.greater(one, HIGHEST), pc.not_equal(one, pc.floor(one)))).as_py() for one in counts):
        raise ValueError(f"a count is no whole number up to {HIGHEST:,}")
    if pc.any(more := pc.greater(count, number)).as_py():
        one = pc.index(more, pa.scalar(True)).as_py()
        raise ValueError(f"an allele was seen {count[one].as_py():g} times among {number[one].as_py():g}")


def _encoded(texts: pa.Array) -> pa.Array:
    import pyarrow as pa

    coded = texts.dictionary_encode()
    return pa.array([encoded(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


class _Item(NamedTuple):
    """A text of each record, absent where its values are.

    Attributes:
        before: stands before each value.
        values: of the records.
        behind: stands behind each value.
    """

    before: str
    values: pa.Array
    behind: str = ""

    def ended(self, separator: str) -> list[pa.Array | str]:
        """What is to be joined for the item with a separator behind it, and for nothing where it is absent."""
        import pyarrow.compute as pc

        if self.values.null_count == len(self.values):
            return []
        pieces = [self.before, self.values, self.behind + separator]
        return pieces if not self.values.null_count else [pc.fill_null(pc.binary_join_element_wise(*pieces, ""), "")]


def _joined(items: Sequence[_Item], separator: str, count: int) -> pa.Array:
    """Texts side by side, absent ones left out; absent where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Arrow's own way of leaving them out (null_handling="skip") drops the rows in which all are absent.
    pieces = [piece for item in items for piece in item.ended(separator)]
    if not pieces:
        return pa.nulls(count, pa.string())
    if isinstance(pieces[-1], str):  # with which every row ends
        return pc.binary_join_element_wise(*pieces[:-1], pieces[-1].removesuffix(separator), "")
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*pieces, ""), 0, -1)
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _listed(populations: Mapping[str, _Measured], count: int) -> pa.ListArray:
    """Populations of each record, those of which nothing is told left out."""
    import pyarrow as pa

    kind = arrow_schema(ANNOTATED_COLUMNS).field("populations").type
    told = np.array([one.told for one in populations.values()], np.bool_).reshape(len(populations), count).T
    record, population = np.nonzero(told)
    rows = pa.array(population * count + record)
    fields = [pa.array(list(populations), pa.string()).take(pa.array(population))]
    for place in range(len(_ORDER)):
        every = [one.numbers[place] for one in populations.values()]
        fields.append(pa.concat_arrays(every).take(rows) if every else pa.nulls(0, kind.value_type[place + 1].type))
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(told.sum(axis=1), out=offsets[1:])
    structs = pa.StructArray.from_arrays(fields, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), structs, type=kind)


def _maximum_among(populations: Mapping[str, _Measured], count: int) -> tuple[pa.Array, pa.Array]:
    """The greatest frequency, as written, and whose it is; of equal ones that of the last name."""
    import pyarrow as pa

    names = sorted((name for name in populations if name not in _NOT_FOR_THE_MAXIMUM), reverse=True)
    if not names:
        return pa.nulls(count, pa.string()), pa.nulls(count, pa.string())
    values = np.array([populations[name].numbers[0].to_numpy(zero_copy_only=False) for name in names])
    values = np.where(np.isnan(values), 0, values)
    best = values.argmax(axis=0)
    absent = values.max(axis=0) <= 0
    texts = pa.concat_arrays([populations[name].texts[0] for name in names])
    rows = pa.array(best * count + np.arange(count), mask=absent)
    return texts.take(rows), pa.array(names, pa.string()).take(pa.array(best, mask=absent))


class FrequencyColumns:
    """What a source says of some alleles, as the fields of :class:`engine.annotate.rows.Frequency` by columns.

    Args:
        arrays: by name of the field.
    """

    def __init__(self, arrays: dict[str, pa.Array]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays["written"])

    def off_their_counts(self) -> NDArray[np.bool_]:
        """Where the frequency is another than the counts make."""
        frequency, count, number = (
            self.arrays[f"frequency{name}"].to_numpy(zero_copy_only=False).astype(np.float64)
            for name in ("", "_count", "_number")
        )
        off: NDArray[np.bool_] = np.abs(frequency * number - count) > ROUNDED * number
        return off

    def one(self, row: int) -> Frequency:
        """What it says of one."""
        return self.several([row])[0]

    def several(self, rows: Sequence[int]) -> list[Frequency]:
        """What it says of some."""
        import pyarrow as pa

        indices = pa.array(rows, pa.int64())
        columns = {name: self.arrays[name].take(indices).to_pylist() for name in Frequency._fields}
        columns["populations"] = [tuple(tuple(one.values()) for one in told) for told in columns["populations"]]
        columns["written"] = [text or "" for text in columns["written"]]
        return [Frequency(*told) for told in zip(*columns.values(), strict=True)]

    def taken(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The columns with these rows; a negative number is a row of which nothing is known."""
        import pyarrow as pa

        indices = pa.array(rows, mask=rows < 0)
        columns = {name: values.take(indices) for name, values in self.arrays.items()}
        return columns | {"populations": without_nulls(columns["populations"])}


def without_nulls(lists: pa.ListArray) -> pa.ListArray:
    """Empty lists for absent ones."""
    import pyarrow as pa

    return pa.ListArray.from_arrays(lists.offsets, lists.values, type=lists.type) if lists.null_count else lists


def _tells_an_allele(name: str) -> bool:
    """Whether a field is of one allele, as AF and AC are and AN is not."""
    parts = name.split("_")
    return not {"AF", "AC"}.isdisjoint(parts)


def _population(name: str) -> tuple[str, str] | None:
    """Population and measure that a field's name tells."""
    if found := _BY_GNOMAD.fullmatch(name):
        measure, population = found[1], found[2]
    elif found := _BY_1000_GENOMES.fullmatch(name):
        population, measure = found[1], found[2]
    else:
        return None
    population = population.lower()
    return None if population in _NO_POPULATION else (population, _MEASURES[measure])


class FrequencyWindow:
    """The alleles of a source around some records.

    Args:
        contig: as in the reference.
        keys: of the alleles, see :func:`_keys`, ascending; of other alleles than substitutions of one base a hash.
        alleles: position, ref and alt of each that is no such substitution, by row.
        columns: what the source says.
    """

    def __init__(
        self,
        contig: str,
        rows: dict[tuple[int, str, str], int],
        keys: NDArray[np.int64],
        columns: FrequencyColumns | None,
    ) -> None:
        self._contig, self._rows, self._columns = contig, rows, columns
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def many(self, alleles: Sequence[Allele]) -> list[Frequency]:
        """What the source says of alleles: contig as in the reference, 1-based position, ref and alt."""
        rows = [self._row(allele) for allele in alleles]
        known = [row for row in rows if row is not None]
        told = iter(self._columns.several(known) if self._columns and known else ())
        return [Frequency() if row is None else next(told) for row in rows]

    def _row(self, allele: Allele) -> int | None:
        contig, position, ref, alt = allele
        if self._columns is None or contig != self._contig:
            return None
        row = self._rows.get((position, ref, alt))
        if row is None and len(ref) == 1 == len(alt):
            key = position * 256 + ord(alt)
            place = int(np.searchsorted(self._keys, key))
            row = int(self._order[place]) if place < len(self._keys) and self._keys[place] == key else None
        return row

    def find(self, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> NDArray[np.int64]:
        """Row of each allele, negative where it is not known."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = np.full(len(positions), -1, np.int64)
        if self._columns is None:
            return found
        if len(self._keys):
            single = np.logical_and(*(pc.binary_length(texts).to_numpy() == 1 for texts in (ref, alt)))
            keys = positions * 256 + first_letters(alt)
            places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            hit = single & (self._keys[places] == keys)
            found[hit] = self._order[places[hit]]
        if self._rows:
            near = np.flatnonzero(np.isin(positions, [position for position, _, _ in self._rows]))
            bases = (texts.take(pa.array(near)).to_pylist() for texts in (ref, alt))
            for number, *allele in zip(near.tolist(), positions[near].tolist(), *bases, strict=True):
                found[number] = self._rows.get(tuple(allele), found[number])
        return found

    def taken(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Columns of rows that :meth:`find` gave; nothing where none is known."""
        return {} if self._columns is None or not (rows >= 0).any() else self._columns.taken(rows)


class Frequencies:
    """A source of frequencies, read along with the records that are annotated.

    Args:
        source: VCF, plain, gzip or BGZF, sorted; nothing is known where it is absent.
        contigs: of the reference.

    Attributes:
        contradictions: alleles near those annotated of which several records say different things.

    Raises:
        KnowledgeError: the source is missing, damaged, or tells no frequencies.
    """

    def __init__(self, source: Path | None, contigs: Contigs) -> None:
        self._source, self._contigs = source, contigs
        self._placed = self._mismatches = 0
        self.contradictions = Contradictions()
        self._elsewhere = True
        if source is None:
            return
        self._header = list(itertools.takewhile(lambda line: line.startswith("#"), variant_lines(source)))
        self._fields = FrequencyFields(
            {found[1]: found[2] for line in self._header if (found := _DECLARED.match(line))}
        )
        if not self._fields.tell_frequencies:
            raise KnowledgeError(
                "the VCF's header declares neither AF nor AC and AN",
                file=source,
                remedy="give a VCF with allele frequencies, such as gnomAD's sites",
            )
        self._names = contig_aliases(contigs.bundle.contigs)
        self._contig = ""
        self._held: list[Batch] = []
        self._ahead: Batch | None = None
        self._passed: set[str | None] = set()
        self._begin()

    def window(self, told: Sorted) -> FrequencyWindow:
        """The source's alleles where a batch of records lies."""
        contig = told.batch.contig
        if self._source is None:
            return FrequencyWindow(contig, {}, _NO_KEYS, None)
        wanted = _Wanted(told)
        batches = self._along(contig, int(told.first.min()), int(told.end.max()))
        sequence = self._contigs.sequence(contig)
        found = [_found(batch, wanted, sequence) for batch in batches]
        try:
            return _window(sequence, found, self._fields, self.contradictions)
        except ValueError as error:
            raise KnowledgeError(
                f"the frequencies are none: {error}",
                file=self._source,
                place=f"{contig}:{int(told.first.min()):,}-{int(told.end.max()):,}",
                remedy="give the release again, as its publisher wrote it",
            ) from error

    def require_the_build(self) -> None:
        """Once all is read.

        Raises:
            ReferenceMismatchError: the source belongs to another build.
        """
        if self._source is not None and self._elsewhere:
            raise ReferenceMismatchError(
                "no record lies on a contig of the reference",
                file=self._source,
                remedy="give the frequencies of the reference's build",
            )
        if self._mismatches > _MISMATCHES_ALLOWED * self._placed:
            raise ReferenceMismatchError(
                f"REF disagrees with the reference at {self._mismatches:,} of {self._placed:,} records",
                file=self._source,
                remedy="give the frequencies of the reference's build",
            )

    def _along(self, contig: str, first: int, end: int) -> list[Batch]:
        """The source's batches that reach into a span of a contig."""
        if contig != self._contig:
            self._go_to(contig)
        self._held = [one for one in self._held if one.position[-1] >= first - _REACH]
        while self._ahead is not None and self._name(self._ahead) == contig and self._ahead.position[0] <= end + _REACH:
            self._held.append(self._ahead)
            self._look_at_the_build(self._ahead, contig)
            self._ahead = next(self._batches, None)
        return [one for one in self._held if one.position[0] <= end + _REACH and one.position[-1] >= first - _REACH]

    def _go_to(self, contig: str) -> None:
        """Read on to a contig; from the beginning where it lies behind."""
        self._contig, self._held = contig, []
        if contig in self._passed:
            self._begin()
        while self._ahead is not None and self._name(self._ahead) != contig:
            self._passed.add(self._name(self._ahead))
            self._ahead = next(self._batches, None)
        self._passed.add(contig)

    def _begin(self) -> None:
        assert self._source is not None
        self._batches = read_batches(self._source, self._header, None, with_info=True)
        self._passed = set()
        self._ahead = next(self._batches, None)

    def _name(self, batch: Batch) -> str | None:
        name = self._names.get(batch.contig)
        self._elsewhere = self._elsewhere and name is None
        return name

    def _look_at_the_build(self, batch: Batch, contig: str) -> None:
        """Compare the first base of each REF with the reference."""
        letters = self._contigs.sequence(contig).letters
        inside = batch.position <= len(letters)
        there = letters[batch.position[inside] - 1]
        self._placed += len(batch)
        self._mismatches += len(batch) - int((there == first_letters(batch.ref)[inside]).sum())


_NO_KEYS = np.zeros(0, np.int64)


class _Found(NamedTuple):
    """Alleles of a source that may be wanted, one a row.

    Attributes:
        columns: INFO, FILTER and ID of the record of each.
        places: number of the allele among the alternates of its record.
        alternates: how many the record of each has.
        keys: of substitutions of one base, position times 256 and the base; negative for others.
        others: position, ref and alt of the others, left-aligned, by row.
    """

    columns: dict[str, pa.Array]
    places: NDArray[np.int64]
    alternates: NDArray[np.int64]
    keys: NDArray[np.int64]
    others: dict[int, tuple[int, str, str]]


def _found(batch: Batch, wanted: _Wanted, sequence: Sequence_) -> _Found:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = wanted.rows(batch)
    ref, alt = batch.ref.take(pa.array(rows)), batch.alt.take(pa.array(rows))
    single = (pc.binary_length(ref).to_numpy() == 1) & (pc.binary_length(alt).to_numpy() == 1)
    letters, starts = first_letters(alt), batch.position[rows] - 1
    single &= IS_BASE[letters] & (first_letters(ref) == sequence.letters[np.minimum(starts, len(sequence.letters) - 1)])
    normal = np.flatnonzero(~single & _are_normal(starts, ref, alt, sequence))
    alleles = zip(
        (starts[normal] + 1).tolist(), *(texts.take(pa.array(normal)).to_pylist() for texts in (ref, alt)), strict=True
    )
    count = int(single.sum()) + len(normal)
    others = dict(enumerate(alleles, int(single.sum())))
    records, places = [rows[single], rows[normal]], [np.zeros(count, np.int64)]
    rest = ~single
    rest[normal] = False
    for number in np.flatnonzero(rest).tolist():
        start, bases = int(starts[number]), ref[number].as_py().upper()
        if not _IS_SEQUENCE(bases) or not sequence.bases.startswith(bases, start):
            continue
        for place, other in enumerate(alt[number].as_py().upper().split(",")):
            if _IS_SEQUENCE(other) and other != bases:
                others[count] = left_aligned(start, bases, other, sequence.bases)
                records.append(rows[number : number + 1])
                places.append(np.array([place]))
                count += 1
    taken = pa.array(np.concatenate(records))
    keys = np.concatenate([(starts[single] + 1) * 256 + letters[single], np.full(len(others), -1)])
    columns = {name: batch.columns[name].take(taken) for name in ("INFO", "FILTER", "ID")}
    alternates = 1 + np.asarray(pc.count_substring(batch.alt.take(taken), ",")).astype(np.int64)
    return _Found(columns, np.concatenate(places), alternates, keys, others)


def _are_normal(starts: NDArray[np.int64], ref: pa.Array, alt: pa.Array, sequence: Sequence_) -> NDArray[np.bool_]:
    """Which records are one insertion or deletion that cannot be moved left: it ends otherwise than it begins."""
    first = first_letters(ref)
    ends_otherwise: NDArray[np.bool_] = (last_letters(ref) != first) | (last_letters(alt) != first)
    return ends_otherwise & anchored(starts, ref, alt, sequence)


def _window(
    sequence: Sequence_, found: Sequence[_Found], fields: FrequencyFields, contradictions: Contradictions
) -> FrequencyWindow:
    """The alleles of several batches; of one that is there twice the record of more alleles called, of equal ones the
    lower frequency, which hides no rare allele.
    """
    import pyarrow as pa

    if not sum(len(one.keys) for one in found):
        return FrequencyWindow(sequence.contig, {}, _NO_KEYS, None)
    infos, filters, ids = (pa.concat_arrays([one.columns[name] for one in found]) for name in ("INFO", "FILTER", "ID"))
    places, alternates = (np.concatenate([getattr(one, name) for one in found]) for name in ("places", "alternates"))
    columns = fields.read(infos, places, filters, ids, alternates)
    keys = np.concatenate([one.keys for one in found])
    numbers = columns.arrays["frequency_number"].fill_null(0).to_numpy()
    shares = columns.arrays["frequency"].fill_null(-1).to_numpy()
    firsts = np.cumsum([0, *(len(one.keys) for one in found)])
    alleles = [
        (int(first) + row, one)
        for first, found_ in zip(firsts, found, strict=False)
        for row, one in found_.others.items()
    ]
    order = np.lexsort((-shares, numbers, keys))
    last = np.append(keys[order][1:] != keys[order][:-1], True) & (keys[order] >= 0)
    kept = order[last]
    best = np.full(len(keys), -1, np.int64)
    best[kept] = keys[kept]
    rows: dict[tuple[int, str, str], int] = {}
    known = {int(key): int(row) for key, row in zip(keys[kept], kept, strict=True)} if alleles else {}
    _compare(sequence, keys, alleles, columns, contradictions)
    for row, allele in sorted(alleles, key=lambda pair: (numbers[pair[0]], -shares[pair[0]])):
        single = known.get(allele[0] * 256 + ord(allele[2])) if len(allele[1]) == 1 == len(allele[2]) else None
        if single is None or numbers[row] > numbers[single]:
            rows[allele] = row
    return FrequencyWindow(sequence.contig, rows, best, columns)


def _compare(
    sequence: Sequence_,
    keys: NDArray[np.int64],
    alleles: Iterable[tuple[int, tuple[int, str, str]]],
    columns: FrequencyColumns,
    contradictions: Contradictions,
) -> None:
    """Tell the alleles of which several records give different numbers, or one a frequency that its counts do not make.

    Args:
        sequence: of the contig.
        keys: of each row, see :class:`FrequencyWindow`.
        alleles: rows of those without a key, with position, ref and alt.
        columns: what each row says.
        contradictions: is added to.
    """
    rows_of: dict[tuple[int, str, str], list[int]] = {}
    own = {allele[0] * 256 + ord(allele[2]) for _, allele in alleles if len(allele[1]) == 1 == len(allele[2])}
    there, counts = np.unique(keys, return_counts=True)
    off = columns.off_their_counts()
    wanted = [*own, *there[(counts > 1) & (there >= 0)].tolist(), *keys[off & (keys >= 0)].tolist()]
    for row in np.flatnonzero(np.isin(keys, wanted)).tolist() if wanted else ():
        position, base = divmod(int(keys[row]), 256)
        rows_of.setdefault((position, sequence.bases[position - 1], chr(base)), []).append(row)
    for row, allele in alleles:
        rows_of.setdefault(allele, []).append(row)
    for allele, rows in rows_of.items():
        told = columns.several(rows) if len(rows) > 1 or off[rows[0]] else []
        if off[rows].any() or len({one[:3] for one in told}) > 1:
            contradictions.add((sequence.contig, *allele), [one.said for one in told])


class _Wanted:
    """Where the alleles of a batch lie."""

    def __init__(self, told: Sorted) -> None:
        taken = np.flatnonzero(~told.is_left_out)
        self._positions = np.unique(told.batch.position[taken])
        several = taken[told.end[taken] - told.first[taken] > 1]
        order = np.argsort(told.first[several], kind="stable")
        self._starts = told.first[several][order]
        self._reach = np.maximum.accumulate(told.end[several][order])

    def rows(self, batch: Batch) -> NDArray[np.int64]:
        """Records of a source that may hold one of the alleles."""
        import pyarrow.compute as pc

        index = np.minimum(np.searchsorted(self._positions, batch.position), max(len(self._positions) - 1, 0))
        hit = self._positions[index] == batch.position if len(self._positions) else np.zeros(len(batch), np.bool_)
        if len(self._starts):
            ends = batch.position + pc.utf8_length(batch.ref).to_numpy()
            place = np.searchsorted(self._starts, ends, "left") - 1
            single = (pc.utf8_length(batch.ref).to_numpy() == 1) & (pc.utf8_length(batch.alt).to_numpy() == 1)
            hit |= (place >= 0) & (self._reach[place] >= batch.position - 1) & ~single
        return np.flatnonzero(hit)
