"""Rows and VCF lines of plain records, many at a time: what :class:`engine.annotate.annotator.Annotator` says of one.

Plain records are those of :mod:`engine.annotate.sorting`. The two say the same of every plain record; a test holds them
against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import FIXED, Batch
from engine.annotate.clinvar import ClinvarMatch
from engine.annotate.columns import ANNOTATED_COLUMNS, PREDICTIONS
from engine.annotate.edit import reverse_complement
from engine.annotate.frequencies import FrequencyWindow
from engine.annotate.hgvs import genomic_hgvs, variant_type
from engine.annotate.indels import Indels
from engine.annotate.info_columns import dbsnp_ids
from engine.annotate.known_alleles import KnownOnContig
from engine.annotate.normalise import ORIGINAL
from engine.annotate.places import Numbering, PlacedHit, Places, Stretch
from engine.annotate.rows import ClinvarPart, clinvar_part
from engine.annotate.sequences import Sequence
from engine.annotate.sorting import Sorted, first_letters
from engine.annotate.table_file import coded_schema
from engine.annotate.terms import INTERGENIC, term
from engine.annotate.texts import offsets
from engine.annotate.vcf_lines import clinvar_items, encoded
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_REPRESENTATIVE = (
    "gene", "gene_id", "hgnc_id", "transcript", "representative_by", "consequence", "impact", "exon", "intron",
)  # fmt: skip
_OF_A_HIT = ("gene", "gene_id", "transcript", "biotype", "consequence", "impact", "exon", "intron")
_FAR = 1 << 40
"""Place of a border that is not there."""
_BASES = "ACGT"
_CODES = np.zeros(256, np.int64)
_CODES[np.frombuffer(_BASES.encode(), np.uint8)] = np.arange(4)
_SUBSTITUTIONS = [f"{one}>{other}" for one in _BASES for other in _BASES]
_OTHER_STRAND = str.maketrans(_BASES, _BASES[::-1])
_CHANGES = [*_SUBSTITUTIONS, "del", "dup", "ins"]
_TURNED = [one.translate(_OTHER_STRAND) for one in _SUBSTITUTIONS] + _CHANGES[len(_SUBSTITUTIONS) :]
_KINDS = [variant_type(one) for one in _CHANGES]
_DEL, _DUP, _INS = (_CHANGES.index(one) for one in ("del", "dup", "ins"))


class _HitText(NamedTuple):
    """What is written of a hit, but for the change.

    Attributes:
        fields: columns of the table before the names.
        before: of its ANN entry what stands between allele and change.
        named: the transcript with the kind of its names.
        numbering: which of the stretch's numberings is its own.
        between: borders between exon and intron on either side, far away where there is none.
    """

    fields: tuple[str | None, ...]
    before: str
    named: str
    numbering: int
    between: tuple[int, int]


class _StretchText(NamedTuple):
    """What is written of a stretch, but for the changes.

    Attributes:
        fields: columns of the representative consequence, but for its names.
        hits: the representative first.
        numberings: each way in which the bases are counted.
        called: INFO's item of the consequence caller, with a semicolon behind it.
        consequence: INFO's items between HGVSG and HGVSC.
    """

    fields: tuple[str | None, ...]
    hits: tuple[_HitText, ...]
    numberings: tuple[Numbering, ...]
    called: str
    consequence: str


def _text_of(stretch: Stretch, start: int) -> _StretchText:
    if not stretch.hits:
        nothing = (None, None, None, None, None, INTERGENIC, term(INTERGENIC).impact, None, None)
        return _StretchText(nothing, (), (), "", f"CONSEQUENCE={INTERGENIC}")
    first = stretch.hits[0]
    transcript = first.transcript
    consequence = "&".join(first.terms)
    fields = (
        transcript.gene, transcript.gene_id, transcript.hgnc_id, transcript.name,
        transcript.standing or "longest_coding_sequence", consequence, term(first.terms[0]).impact, *first.numbered,
    )  # fmt: skip
    places = {numbering: place for place, numbering in enumerate(stretch.numberings)}
    return _StretchText(
        fields,
        tuple(_hit_text(hit, places[hit.numbering]) for hit in stretch.hits),
        stretch.numberings,
        called_by_place(stretch, start) + ";",
        f"GENE={encoded(transcript.gene)};CONSEQUENCE={encoded(consequence)}",
    )


def _hit_text(hit: PlacedHit, numbering: int) -> _HitText:
    transcript = hit.transcript
    consequence, impact = "&".join(hit.terms), term(hit.terms[0]).impact
    kind = "n" if transcript.coding is None else "c"
    fields = (
        transcript.gene,
        transcript.gene_id,
        transcript.name,
        transcript.biotype,
        consequence,
        impact,
        *hit.numbered,
    )
    rank = hit.numbered[0] or hit.numbered[1] or ""
    before = (
        f"|{consequence}|{impact}|{encoded(transcript.gene)}|{transcript.gene_id}|transcript|{transcript.name}"
        f"|{transcript.biotype}|{rank}|{kind}."
    )
    left, right = hit.between
    between = -_FAR if left is None else left, _FAR if right is None else right
    return _HitText(fields, before, f"{transcript.name}:{kind}.", numbering, between)


def called_by_place(stretch: Stretch, start: int) -> str:
    """BCSQ, as ``bcftools csq`` writes it of a stretch."""
    exons: list[str] = []
    rest: list[str] = []
    for hit in sorted(stretch.hits, key=lambda hit: (hit.transcript.start, hit.transcript.end)):
        one = hit.transcript
        if one.coding is None:
            rest.append(f"non_coding|{one.gene}|{one.id}|{one.biotype}")
        elif one.exon_number(start, start + 1) is None:
            rest.append(f"intron|{one.gene}||{one.biotype}")
        else:
            name = hit.terms[0].removesuffix("_variant").replace("UTR", "utr")
            exons.append(f"{name}|{one.gene}|{one.id}|{one.biotype}")
    return "BCSQ=" + ",".join(dict.fromkeys([*exons, *rest]))


@dataclass
class PlainRows:
    """Plain records as rows of the table and as lines.

    Attributes:
        positions: 1-based, ascending.
        ends: 0-based, one past the last base of REF.
        lines: of the VCF, as binary.
        table: with the columns of :data:`engine.annotate.columns.ANNOTATED_COLUMNS`, coded
            (:func:`engine.annotate.table_file.coded_schema`); absent where none is wanted.
        named: how many have a genomic name.
        consequences: how many have each representative consequence.
        clinvar: what ClinVar says of those that it knows.
        frequent: how many the frequencies know.
    """

    positions: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: pa.Array
    table: pa.Table | None
    named: int
    consequences: Counter[str]
    clinvar: list[ClinvarMatch]
    frequent: int


class PlainAnnotator:
    """Writes the plain records of one contig.

    Args:
        sample: whose calls they are; absent where there are none.
        sequence: of the contig.
        bare: the contig's name without ``chr``.
        accession: RefSeq's, absent where it has none.
        places: of the contig.
    """

    def __init__(
        self, sample: str | None, sequence: Sequence, bare: str, accession: str | None, places: Places
    ) -> None:
        self._sample, self._sequence, self._bare = sample, sequence, bare
        self._accession, self._places = accession, places
        self._texts: dict[int, _StretchText] = {}
        self._schema = coded_schema(arrow_schema(ANNOTATED_COLUMNS))

    def rows(
        self,
        told: Sorted,
        calls: dict[str, pa.Array],
        clinvar: KnownOnContig,
        frequencies: FrequencyWindow,
        *,
        strip: frozenset[str],
        with_table: bool,
    ) -> PlainRows:
        """The rows of a batch.

        Args:
            told: the batch, sorted out.
            calls: of all its records.
            clinvar: what ClinVar knows on the contig.
            frequencies: of the alleles of the batch.
            strip: INFO fields of the input that are ours to write.
            with_table: whether rows are wanted, too.
        """
        alleles = _Normalised(told, self._sequence)
        batch = told.batch
        names = self._genomic(alleles)
        placed = self._placed(alleles)
        beside = _Knowledge(alleles, clinvar, frequencies, batch)
        return PlainRows(
            alleles.positions,
            alleles.positions - 1 + np.diff(offsets(alleles.ref)),
            _Lines(batch, strip).of(alleles, names, placed, beside),
            self._table(batch, alleles, names, placed, calls, beside) if with_table else None,
            0 if self._accession is None else len(names),
            placed.consequences(),
            list(beside.clinvar.values()),
            beside.frequent,
        )

    def _placed(self, alleles: _Normalised) -> _Placed:
        """The stretches that the records lie in, and the changes on their transcripts."""
        numbers, firsts, places = np.unique(
            self._places.numbers(alleles.anchors), return_index=True, return_inverse=True
        )
        anchors = alleles.anchors[firsts].tolist()
        kinds = [self._text(number, anchor) for number, anchor in zip(numbers.tolist(), anchors, strict=True)]
        return _Placed(kinds, places, alleles)

    def _text(self, number: int, anchor: int) -> _StretchText:
        found = self._texts.get(number)
        if found is None:
            found = self._texts[number] = _text_of(self._places.stretch(anchor, number), anchor)
        return found

    def _genomic(self, alleles: _Normalised) -> pa.Array:
        import pyarrow as pa

        if self._accession is None:
            return pa.nulls(len(alleles.records), pa.string())
        change = alleles.forward
        first, last = (_numbers(places + 1) for places in (change.first, change.last))
        return _joined(genomic_hgvs(self._accession, ""), first, change.to(last), change.what)

    def _table(
        self,
        batch: Batch,
        alleles: _Normalised,
        names: pa.Array,
        placed: _Placed,
        calls: dict[str, pa.Array],
        beside: _Knowledge,
    ) -> pa.Table:
        import pyarrow as pa

        schema, count = self._schema, len(alleles.records)
        records = pa.array(alleles.records)
        columns: dict[str, Any] = {
            "sample_id": _repeated(self._sample or "", count),
            "allele": _joined(f"{self._bare}-", _numbers(alleles.positions), "-", alleles.ref, "-", alleles.alt),
            "contig": _repeated(batch.contig, count),
            "position": alleles.positions,
            "ref": alleles.ref,
            "alt": alleles.alt,
            "original": _sparse(alleles.original, count, pa.string()),
            "qual": _qualities(batch.columns["QUAL"].take(records)),
            "filter": batch.columns["FILTER"].take(records),
            "ref_matches": _repeated(True, count),
            "variant_type": alleles.kinds,
            "hgvs_g": names,
            **{name: values.take(records) for name, values in calls.items()},
            **placed.representatives(),
            "consequences": placed.listed(schema.field("consequences").type),
            PREDICTIONS.name: pa.nulls(count, schema.field(PREDICTIONS.name).type),
            **beside.columns(schema),
        }
        arrays = [_array(columns.get(field.name), field.type, count) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)


class _Change(NamedTuple):
    """What records change, in one direction of the genome.

    Attributes:
        first: 0-based first base that a name tells, in this direction.
        last: the last.
        what: follows them in the name.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    what: pa.Array

    def to(self, last: pa.Array) -> pa.Array:
        """What is written between the first base and the change: an underscore and the last base, if it is another.

        Args:
            last: the last base of each, as it is written.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if (self.first == self.last).all():
            return pa.repeat(pa.scalar(""), len(last))
        return pc.if_else(pa.array(self.first == self.last), "", _joined("_", last))

    def taken(self, rows: NDArray[np.int64]) -> _Change:
        """Of some records."""
        import pyarrow as pa

        return _Change(self.first[rows], self.last[rows], self.what.take(pa.array(rows)))


class _Normalised:
    """The plain records of a batch in their normal form, in the order of their places.

    Attributes:
        records: number of each in the batch.
        positions: 1-based.
        ref: REF.
        alt: ALT.
        anchors: 0-based base by which the stretch is found, where the change begins.
        ends: one past the last base that is replaced.
        forward: the changes along the genome.
        reverse: the changes on the other strand.
        kinds: what kind of change it is.
        original: by row what the caller wrote, where that was another form.
    """

    def __init__(self, told: Sorted, sequence: Sequence) -> None:
        import pyarrow as pa

        batch = told.batch
        records = np.flatnonzero(told.is_plain)
        positions = batch.position[records]
        indels = told.indels.taken(np.flatnonzero(told.is_plain[told.indels.numbers]))
        rows = np.searchsorted(records, indels.numbers)
        positions[rows] = indels.left
        if (np.diff(positions) < 0).any():
            order = np.argsort(positions, kind="stable")
            records, positions, rows = records[order], positions[order], np.argsort(order)[rows]
        moved = _moved(batch, indels, rows, sequence.bases)
        self.records, self.positions = records, positions
        ref, alt = (texts.take(pa.array(records)) for texts in (batch.ref, batch.alt))
        self.ref = _replaced(ref, {row: new[1] for row, (new, _) in moved.items()})
        self.alt = _replaced(alt, {row: new[2] for row, (new, _) in moved.items()})
        self.original = {row: "|".join(map(str, (batch.contig, *old))) for row, (_, old) in moved.items()}
        self.anchors, self.ends = positions - 1, positions.copy()
        self.anchors[rows], self.ends[rows] = indels.left, indels.left + indels.replaced
        codes = 4 * _CODES[first_letters(self.ref)] + _CODES[first_letters(self.alt)]
        codes[rows] = np.where(indels.inserts, np.where(indels.repeats, _DUP, _INS), _DEL)
        inserted = np.flatnonzero(indels.inserts & ~indels.repeats).tolist()
        there = rows[inserted].tolist()
        forward = [f"ins{indels.alt(place, rightmost=True)}" for place in inserted]
        reverse = [f"ins{reverse_complement(indels.alt(place))}" for place in inserted]
        what = _texts(_CHANGES).take(pa.array(codes)), _texts(_TURNED).take(pa.array(codes))
        self.forward = _Change(*self._along(rows, indels), _replaced(what[0], dict(zip(there, forward, strict=True))))
        self.reverse = _Change(*self._against(rows, indels), _replaced(what[1], dict(zip(there, reverse, strict=True))))
        self.kinds = _coded(_KINDS).take(pa.array(codes))

    def _along(self, rows: NDArray[np.int64], indels: Indels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last base that names tell along the genome, of the rightmost form."""
        first, last = self.anchors.copy(), self.anchors.copy()
        first[rows] = np.where(indels.inserts, indels.right - np.where(indels.repeats, indels.sizes, 1), indels.right)
        last[rows] = np.where(
            indels.inserts, indels.right - indels.repeats.astype(np.int64), indels.right + indels.sizes - 1
        )
        return first, last

    def _against(self, rows: NDArray[np.int64], indels: Indels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same on the other strand, of the leftmost form."""
        first, last = self.anchors.copy(), self.anchors.copy()
        first[rows] = np.where(indels.inserts & ~indels.repeats, indels.left, indels.left + indels.sizes - 1)
        last[rows] = indels.left - (indels.inserts & ~indels.repeats)
        return first, last


_Called = tuple[int, str, str]
"""Position (1-based), ref and alt of a record."""


def _moved(batch: Batch, indels: Indels, rows: NDArray[np.int64], bases: str) -> dict[int, tuple[_Called, _Called]]:
    """By row, in which form an insertion or deletion is told and in which it was called, where these are two."""
    places = np.flatnonzero(~indels.is_normal)
    numbers = indels.numbers[places]
    texts = (alleles.take(_rows(numbers)).to_pylist() for alleles in (batch.ref, batch.alt))
    called = zip(batch.position[numbers].tolist(), *texts, strict=True)
    told = (indels.alleles(place, bases) for place in places.tolist())
    pairs = zip(rows[places].tolist(), told, called, strict=True)
    return {row: (new, old) for row, new, old in pairs if new != old}


class _Knowledge:
    """What ClinVar and the frequencies know of rows."""

    def __init__(
        self, alleles: _Normalised, clinvar: KnownOnContig, frequencies: FrequencyWindow, batch: Batch
    ) -> None:
        wanted = alleles.positions, alleles.ref, alleles.alt
        self.clinvar = clinvar.matches(*wanted)
        rows = frequencies.find(*wanted)
        self.frequencies = frequencies.taken(rows)
        self.frequent = int((rows >= 0).sum())
        self._ids = batch.columns["ID"].take(alleles.records)

    def columns(self, schema: pa.Schema) -> dict[str, Any]:
        """Columns of the table."""
        count = len(self._ids)
        found: dict[str, Any] = {}
        for name in ClinvarPart._fields:
            field = name.removeprefix("clinvar_")
            known = {row: getattr(one, field) for row, one in self.clinvar.items()}
            found[name] = _sparse(known, count, schema.field(name).type)
        rs = [found["rs"], *([self.frequencies["rs"]] if self.frequencies else []), dbsnp_ids(self._ids)]
        return found | self.frequencies | {"rs": _first_known(*rs)}


def _first_known(*columns: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.coalesce(*columns)


def _sparse(values: dict[int, Any], count: int, kind: pa.DataType) -> pa.Array:
    """A column of which few rows are known."""
    import pyarrow as pa

    if not values:
        return pa.nulls(count, kind)
    known = pa.array(list(values.values()), kind)
    places = np.zeros(count, np.int64)
    mask = np.ones(count, np.bool_)
    rows = np.fromiter(values, np.int64, len(values))
    places[rows], mask[rows] = np.arange(len(values)), False
    return known.take(pa.array(places, mask=mask))


def _replaced(texts: pa.Array, others: dict[int, str]) -> pa.Array:
    """A column of which a few rows are others."""
    import pyarrow.compute as pc

    return pc.coalesce(_sparse(others, len(texts), texts.type), texts) if others else texts


def _joined(*texts: pa.Array | str) -> pa.Array:
    """Texts side by side."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*texts, "")


def _where(rows: NDArray[np.bool_], text: str) -> list[pa.Array | str]:
    """What is to be joined for a text that some rows have; of rows that are all alike no column is made."""
    if rows.all():
        return [text]
    return [_texts(["", text]).take(_rows(rows.astype(np.int8)))] if rows.any() else []


def _numbers(values: NDArray[np.int64]) -> pa.Array:
    """Whole numbers as texts."""
    import pyarrow as pa

    return pa.array(values).cast(pa.string())


def _item(before: str, texts: pa.Array, after: str = "") -> list[pa.Array | str]:
    """What is to be joined for an item of INFO; nothing where its value is absent."""
    import pyarrow.compute as pc

    if texts.null_count == len(texts):
        return []
    if not texts.null_count:
        return [before, texts, after]
    return [pc.fill_null(_joined(before, texts, after) if before or after else texts, "")]


class _Lines:
    """Lines of the VCF: the input's text, with ours at the end of INFO."""

    def __init__(self, batch: Batch, strip: frozenset[str]) -> None:
        self._batch, self._strip = batch, strip

    def of(self, alleles: _Normalised, names: pa.Array, placed: _Placed, beside: _Knowledge) -> pa.Array:
        """The lines of the rows."""
        import pyarrow as pa

        count = len(alleles.records)
        known = {
            row: "".join(f";{item}" for item in clinvar_items(clinvar_part(one))) for row, one in beside.clinvar.items()
        }
        lines = _joined(
            *self._heads(alleles),
            placed.called,
            *_item(f"{ORIGINAL}=", _sparse(alleles.original, count, pa.string()), ";"),
            *placed.annotations,
            *_item("HGVSG=", names, ";"),
            placed.consequence,
            *_item(";HGVSC=", placed.hgvs_c),
            *_item("", _sparse(known, count, pa.string())),
            *(_item(";", beside.frequencies["written"]) if beside.frequencies else ()),
            *self._tails(alleles.records),
        )
        return lines.cast(pa.binary())

    def _heads(self, alleles: _Normalised) -> list[pa.Array | str]:
        """Everything up to where our fields begin, in pieces."""
        batch, records = self._batch, alleles.records
        letters = np.frombuffer(batch.text, np.uint8)
        starts, info, ends = batch.starts[records], batch.tabs[records, 6] + 1, batch.tabs[records, 7]
        nothing = (ends == info + 1) & (letters[info] == ord("."))
        heads = self._pieces(starts, np.where(nothing, info, ends))
        ended = _where(~nothing, ";")
        if self._strip:
            heads, ended = _texts([self._stripped(head) for head in _joined(heads, *ended).to_pylist()]), []
        moved = {}
        for row in alleles.original:
            fields = heads[row].as_py().split("\t")
            fields[1] = str(alleles.positions[row])
            fields[3], fields[4] = alleles.ref[row].as_py(), alleles.alt[row].as_py()
            moved[row] = "\t".join(fields)
        return [_replaced(heads, moved), *ended]

    def _stripped(self, head: str) -> str:
        before, _, info = head.rpartition("\t")
        kept = [one for one in info.split(";") if one and one.partition("=")[0] not in self._strip]
        return before + "\t" + "".join(one + ";" for one in kept)

    def _tails(self, records: NDArray[np.int64]) -> list[pa.Array | str]:
        """What stands behind INFO: FORMAT and the sample's column, or whatever there is."""
        batch = self._batch
        ends, column = batch.tabs[records, FIXED - 1], batch.sample_column
        if column is None or column == batch.tabs.shape[1] - 1 == FIXED + 1:
            return [self._pieces(ends, batch.tabs[records, -1] + 1)]
        before, behind = (batch.tabs[records, place] for place in (column - 1, column))
        return [self._pieces(ends, batch.tabs[records, FIXED]), self._pieces(before, behind), "\n"]

    def _pieces(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Array:
        """Pieces of the text, one of each of some lines; what lies between them is passed over."""
        import pyarrow as pa

        if not len(starts):
            return pa.array([], pa.string())
        order = np.argsort(starts, kind="stable")
        offsets = np.stack([starts[order], ends[order]], axis=1).astype(np.int32)
        buffers = pa.py_buffer(offsets), pa.py_buffer(self._batch.text)
        pieces = pa.StringArray.from_buffers(2 * len(starts) - 1, *buffers)
        return pieces.take(pa.array(2 * np.argsort(order)))


def _repeated(value: object, count: int) -> pa.Array:
    import pyarrow as pa

    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), _texts([value]))
    return pa.repeat(pa.scalar(value), count)


def _coded(values: Sequence_[str | None]) -> pa.DictionaryArray:
    """Texts, each once, and which of them each value is: taken again and again, no text is copied."""
    return _texts(values).dictionary_encode()


def _qualities(texts: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.if_else(pc.equal(texts, "."), pa.scalar(None, pa.string()), texts), pa.float64())


def _array(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    import pyarrow as pa

    if values is None:
        structs = pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
        return _empty_lists(kind, count) if structs else pa.nulls(count, kind)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values if values.type == kind else values.cast(kind)
    return pa.array(values, kind)


def _empty_lists(kind: pa.DataType, count: int) -> pa.ListArray:
    import pyarrow as pa

    offsets = pa.array(np.zeros(count + 1, np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array([], kind.value_type), type=kind)


class _Spread:
    """What belongs to the stretches of records: several things to some, none to others; flat, record by record.

    Args:
        counts: of the things of each stretch, which follow each other.
        places: number of each record's stretch.

    Attributes:
        offsets: first thing of each record, shape (records + 1,).
        rows: record of each thing.
        chosen: number of each thing among those of all stretches.
    """

    def __init__(self, counts: Sequence_[int], places: NDArray[np.int64]) -> None:
        many = np.array(counts, np.int64)
        own = many[places]
        self.offsets = np.zeros(len(places) + 1, np.int32)
        np.cumsum(own, out=self.offsets[1:])
        self.rows = np.repeat(np.arange(len(places)), own)
        firsts = np.cumsum(many) - many
        self.chosen = np.arange(self.offsets[-1]) - self.offsets[self.rows] + firsts[places[self.rows]]


class _Placed:
    """Records with the stretches that they lie in.

    Args:
        kinds: the stretches, once each.
        places: number of each record's stretch among them.
        alleles: the records.

    Attributes:
        called: INFO's item of the consequence caller.
        consequence: INFO's items of the consequence.
        annotations: INFO's ANN, with a semicolon behind it; empty between genes. In pieces, to be joined.
        hgvs_c: name on the representative transcript.
    """

    def __init__(self, kinds: list[_StretchText], places: NDArray[np.int64], alleles: _Normalised) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._kinds, self._places, self._spans = kinds, places, (alleles.anchors, alleles.ends)
        self._stretches = pa.array(places)
        self._hits = [hit for kind in kinds for hit in kind.hits]
        self._spread = spread = _Spread([len(kind.hits) for kind in kinds], places)
        chosen = pa.array(spread.chosen)
        changes = self._changes(alleles, spread)
        self._names = _joined(_texts([hit.named for hit in self._hits]).take(chosen), changes)
        before = _texts([hit.before for hit in self._hits]).take(chosen)
        entries = _joined(alleles.alt.take(pa.array(spread.rows)), before, changes, "||||||")
        inside = np.diff(spread.offsets) > 0
        self.hgvs_c = self._names.take(pa.array(spread.offsets[:-1], mask=~inside))
        listed = pc.binary_join(pa.ListArray.from_arrays(pa.array(spread.offsets), entries), ",")
        self.annotations = [*_where(inside, "ANN="), listed, *_where(inside, ";")]
        self.called = _texts([kind.called for kind in kinds]).take(self._stretches)
        self.consequence = _texts([kind.consequence for kind in kinds]).take(self._stretches)

    def _changes(self, alleles: _Normalised, hits: _Spread) -> pa.Array:
        """The change on the transcript of each hit; once for all whose bases are counted alike."""
        import pyarrow as pa

        numberings = [numbering for kind in self._kinds for numbering in kind.numberings]
        spread = _Spread([len(kind.numberings) for kind in self._kinds], self._places)
        turned = np.array([one.turned for one in numberings], np.bool_)[spread.chosen]
        forward, reverse = (change.taken(spread.rows) for change in (alleles.forward, alleles.reverse))
        change = _Change(
            np.where(turned, reverse.first, forward.first),
            np.where(turned, reverse.last, forward.last),
            _chosen(turned, reverse.what, forward.what),
        )
        first, last = (_labels(numberings, spread.chosen, places) for places in (change.first, change.last))
        told = _joined(first, change.to(last), change.what)
        own = np.array([hit.numbering for hit in self._hits], np.int64)[hits.chosen]
        return told.take(pa.array(spread.offsets[hits.rows] + own))

    def consequences(self) -> Counter[str]:
        """How many records have each representative consequence."""
        counts: Counter[str] = Counter()
        told = np.bincount(self._places, minlength=len(self._kinds)).tolist()
        for kind, count in zip(self._kinds, told, strict=True):
            counts[kind.fields[5] or ""] += count
        return counts

    def representatives(self) -> dict[str, Any]:
        """Columns of the representative consequence, its c. name among them."""
        import pyarrow as pa

        fields: list[Any] = list(zip(*(kind.fields for kind in self._kinds), strict=True))
        columns: dict[str, Any] = {
            name: _coded(values).take(self._stretches)
            for name, values in zip(_REPRESENTATIVE, fields or [()] * len(_REPRESENTATIVE), strict=True)
        }
        nothing = -_FAR, _FAR
        between = np.array([one.hits[0].between if one.hits else nothing for one in self._kinds], np.int64)
        columns["splice_distance"] = _splice_distances(between.reshape(-1, 2)[self._places], *self._spans)
        return columns | {"hgvs_c": self.hgvs_c, "hgvs_p": pa.nulls(len(self._places), pa.string())}

    def listed(self, kind: pa.DataType) -> pa.ListArray:
        """Every transcript's consequence, as lists."""
        import pyarrow as pa

        spread = self._spread
        chosen = pa.array(spread.chosen)
        fields: list[Any] = list(zip(*(hit.fields for hit in self._hits), strict=True)) or [()] * len(_OF_A_HIT)
        arrays = [_coded(values).take(chosen) for values in fields]
        between = np.array([hit.between for hit in self._hits], np.int64).reshape(-1, 2)[spread.chosen]
        arrays.append(_splice_distances(between, *(places[spread.rows] for places in self._spans)))
        arrays += [self._names, pa.nulls(len(self._names), pa.string())]
        structs = pa.StructArray.from_arrays(arrays, fields=list(kind.value_type))
        return pa.ListArray.from_arrays(pa.array(spread.offsets), structs, type=kind)


def _labels(numberings: list[Numbering], chosen: NDArray[np.int64], positions: NDArray[np.int64]) -> pa.Array:
    """What :meth:`engine.annotate.places.Numbering.label` says of positions, each by its numbering."""
    base, step, after, middle = (
        np.array([getattr(one, name) for one in numberings], np.int64)[chosen]
        for name in ("base", "step", "after", "middle")
    )
    behind = 2 * positions > middle
    left, right = _texts([one.left for one in numberings]), _texts([one.right for one in numberings])
    return _joined(
        _chosen(behind, right.take(_rows(chosen)), left.take(_rows(chosen))),
        _numbers(np.where(behind, after - positions, base + step * positions)),
    )


def _chosen(which: NDArray[np.bool_], one: pa.Array, other: pa.Array) -> pa.Array:
    """The first where it is chosen, else the other."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(which), one, other)


def _texts(values: Sequence_[str | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.string())


def _rows(numbers: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(numbers)


def _splice_distances(between: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Array:
    """What :meth:`engine.annotate.gene_model.Transcript.splice_distance` says of changes between two borders."""
    import pyarrow as pa

    bases = ends > starts
    distances = np.minimum(starts - between[:, 0], between[:, 1] - ends) + bases
    return pa.array(distances.astype(np.int64), pa.int64(), mask=distances > _FAR // 2).cast(pa.int32())
