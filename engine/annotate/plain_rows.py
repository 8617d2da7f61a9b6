"""Rows and VCF lines of plain records, many at a time: what :class:`engine.annotate.annotator.Annotator` says of one.

Plain records are those of :mod:`engine.annotate.sorting`. The two say the same of every plain record; a test holds them
against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import FIXED, Batch
from engine.annotate.clinvar import ClinvarMatch
from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.annotate.frequencies import FrequencyWindow
from engine.annotate.hgvs import describe, genomic_hgvs, variant_type
from engine.annotate.known_alleles import KnownOnContig
from engine.annotate.normalise import ORIGINAL
from engine.annotate.places import PlacedHit, Places, Stretch
from engine.annotate.rows import ClinvarPart, clinvar_part
from engine.annotate.sorting import Indel, Sequence, Sorted
from engine.annotate.terms import INTERGENIC, term
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
_OTHER_STRAND = str.maketrans("ACGT", "TGCA")


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
        numberings: each way in which the bases are counted, and whether against the genome.
        called: INFO's item of the consequence caller.
        consequence: INFO's items between HGVSG and HGVSC.
    """

    fields: tuple[str | None, ...]
    hits: tuple[_HitText, ...]
    numberings: tuple[tuple[Callable[[int], str], bool], ...]
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
    places = {hit.numbering: place for place, hit in enumerate(stretch.numberings)}
    return _StretchText(
        fields,
        tuple(_hit_text(hit, places[hit.numbering]) for hit in stretch.hits),
        tuple((hit.label, hit.transcript.strand == -1) for hit in stretch.numberings),
        called_by_place(stretch, start),
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
        lines: of the VCF.
        table: with the columns of :data:`engine.annotate.columns.ANNOTATED_COLUMNS`; absent where none is wanted.
        named: how many have a genomic name.
        consequences: how many have each representative consequence.
        clinvar: what ClinVar says of those that it knows.
        frequent: how many the frequencies know.
    """

    positions: NDArray[np.int64]
    lines: list[bytes]
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
        alleles = _Normalised(told, self._sequence.bases)
        batch = told.batch
        names = self._genomic(alleles)
        placed = self._placed(alleles)
        beside = _Knowledge(alleles, clinvar, frequencies, batch)
        lines = _Lines(batch, strip).of(alleles, names, placed, beside)
        return PlainRows(
            alleles.positions,
            lines,
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
        inside = np.flatnonzero(np.array([bool(kind.hits) for kind in kinds], np.bool_)[places]).tolist()
        texts = [kinds[place] for place in places.tolist()]
        return _Placed(
            kinds, places, texts, inside, self._changes(alleles, texts, inside), (alleles.anchors, alleles.ends)
        )

    def _text(self, number: int, anchor: int) -> _StretchText:
        found = self._texts.get(number)
        if found is None:
            found = self._texts[number] = _text_of(self._places.stretch(anchor, number), anchor)
        return found

    def _genomic(self, alleles: _Normalised) -> list[str | None]:
        if self._accession is None:
            return [None] * len(alleles.records)
        before = genomic_hgvs(self._accession, "")
        return [before + change for change in alleles.genomic]

    def _changes(self, alleles: _Normalised, texts: list[_StretchText], inside: list[int]) -> list[list[str]]:
        """Of the records inside genes the change on the transcripts, one for each numbering."""
        bases, indels, anchors = self._sequence.bases, alleles.indels, alleles.anchors.tolist()
        changes = []
        for row in inside:
            indel = indels[row]
            if indel is None:
                position, forward = anchors[row], f"{alleles.ref[row]}>{alleles.alt[row]}"
                reverse = forward.translate(_OTHER_STRAND)
                changes.append(
                    [label(position) + (reverse if turned else forward) for label, turned in texts[row].numberings]
                )
            else:
                changes.append(
                    [
                        describe(indel.left, bases, label, -1) if turned else describe(indel.right, bases, label)
                        for label, turned in texts[row].numberings
                    ]
                )
        return changes

    def _table(
        self,
        batch: Batch,
        alleles: _Normalised,
        names: list[str | None],
        placed: _Placed,
        calls: dict[str, pa.Array],
        beside: _Knowledge,
    ) -> pa.Table:
        import pyarrow as pa

        schema = arrow_schema(ANNOTATED_COLUMNS)
        count = len(alleles.records)
        records = pa.array(alleles.records)
        bare = self._bare
        columns: dict[str, Any] = {
            "sample_id": _repeated(self._sample or "", count),
            "allele": [
                f"{bare}-{position}-{ref}-{alt}"
                for position, ref, alt in zip(alleles.positions.tolist(), alleles.ref, alleles.alt, strict=True)
            ],
            "contig": _repeated(batch.contig, count),
            "position": alleles.positions,
            "ref": alleles.ref,
            "alt": alleles.alt,
            "original": alleles.original,
            "qual": _qualities(batch.columns["QUAL"].take(records)),
            "filter": batch.columns["FILTER"].take(records),
            "ref_matches": _repeated(True, count),
            "variant_type": alleles.kinds,
            "hgvs_g": names,
            **{name: values.take(records) for name, values in calls.items()},
            **placed.representatives(),
            "consequences": placed.listed(schema.field("consequences").type),
            **beside.columns(schema),
        }
        arrays = [_array(columns.get(field.name), field.type, count) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)


class _Normalised:
    """The plain records of a batch in their normal form, in the order of their places.

    Attributes:
        records: number of each in the batch.
        positions: 1-based.
        ref: REF.
        alt: ALT.
        anchors: 0-based base by which the stretch is found, where the change begins.
        ends: one past the last base that is replaced.
        indels: the two extreme forms, absent of a substitution.
        genomic: the change in HGVS's words.
        kinds: what kind of change it is.
        original: what the caller wrote, where that was another form.
    """

    def __init__(self, told: Sorted, bases: str) -> None:
        batch = told.batch
        records = np.flatnonzero(told.is_plain)
        positions = batch.position[records].copy()
        taken = records.tolist()
        ref, alt = (texts.take(records).to_pylist() for texts in (batch.ref, batch.alt))
        indels: list[Indel | None] = [told.indels.get(number) for number in taken]
        original: list[str | None] = [None] * len(taken)
        anchors = positions - 1
        ends = positions.copy()
        for row, indel in enumerate(indels):
            if indel is None:
                continue
            normal = indel.alleles(bases)
            if normal != (positions[row], ref[row], alt[row]):
                original[row] = f"{batch.contig}|{positions[row]}|{ref[row]}|{alt[row]}"
            positions[row], ref[row], alt[row] = normal
            anchors[row], ends[row] = indel.left.start, indel.left.end
        if (np.diff(positions) < 0).any():
            order = np.argsort(positions, kind="stable")
            records, positions, anchors, ends = records[order], positions[order], anchors[order], ends[order]
            ref, alt, indels, original = (
                [values[row] for row in order.tolist()] for values in (ref, alt, indels, original)
            )
        self.records, self.positions, self.anchors, self.ends = records, positions, anchors, ends
        self.ref, self.alt, self.indels, self.original = ref, alt, indels, original
        self.genomic = [
            f"{position}{one}>{other}" if indel is None else describe(indel.right, bases)
            for position, one, other, indel in zip(positions.tolist(), ref, alt, indels, strict=True)
        ]
        self.kinds = [
            "SNV" if indel is None else variant_type(change) for indel, change in zip(indels, self.genomic, strict=True)
        ]


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
            found[name] = _sparse({row: getattr(one, field) for row, one in self.clinvar.items()}, count, schema, name)
        rs = [found["rs"], *([self.frequencies["rs"]] if self.frequencies else []), _ids_of_dbsnp(self._ids)]
        return found | self.frequencies | {"rs": _first_known(*rs)}


def _first_known(*columns: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.coalesce(*columns)


def _ids_of_dbsnp(ids: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.struct_field(pc.extract_regex(ids, r"(?:^|;)(?P<rs>rs[0-9]+)(?:;|$)"), [0])


def _sparse(values: dict[int, Any], count: int, schema: pa.Schema, name: str) -> pa.Array:
    """A column of which few rows are known."""
    import pyarrow as pa

    kind = schema.field(name).type
    if not values:
        return pa.nulls(count, kind)
    known = pa.array(list(values.values()), kind)
    places = np.zeros(count, np.int64)
    mask = np.ones(count, np.bool_)
    rows = np.fromiter(values, np.int64, len(values))
    places[rows], mask[rows] = np.arange(len(values)), False
    return known.take(pa.array(places, mask=mask))


class _Lines:
    """Lines of the VCF: the input's text, with ours at the end of INFO."""

    def __init__(self, batch: Batch, strip: frozenset[str]) -> None:
        self._batch, self._strip = batch, strip

    def of(
        self,
        alleles: _Normalised,
        names: list[str | None],
        placed: _Placed,
        beside: _Knowledge,
    ) -> list[bytes]:
        """The lines of the rows."""
        heads, tails = self._heads(alleles), self._tails(alleles.records)
        nothing = f"CONSEQUENCE={INTERGENIC}"
        infos = [nothing if name is None else f"HGVSG={name};{nothing}" for name in names]
        for row, change in zip(placed.inside, placed.changes, strict=True):
            infos[row] = _info(alleles.alt[row], names[row], placed.texts[row], change)
        for row, original in enumerate(alleles.original):
            if original:
                called, semicolon, rest = infos[row].partition(";ANN=")
                told = f"{ORIGINAL}={original}"
                infos[row] = f"{called};{told}{semicolon}{rest}" if semicolon else f"{told};{infos[row]}"
        for row, known in beside.clinvar.items():
            infos[row] += "".join(f";{item}" for item in clinvar_items(clinvar_part(known)))
        if beside.frequencies:
            for row, told in enumerate(beside.frequencies["written"].to_pylist()):
                if told:
                    infos[row] += f";{told}"
        return [head + info.encode() + tail for head, info, tail in zip(heads, infos, tails, strict=True)]

    def _heads(self, alleles: _Normalised) -> list[bytes]:
        """Everything up to where our fields begin."""
        batch, records = self._batch, alleles.records
        text = batch.text
        starts = batch.starts[records].tolist()
        info_starts, info_ends = (batch.tabs[records, column].tolist() for column in (6, 7))
        heads = [
            text[start:end] + b";" if text[info + 1 : end] != b"." else text[start : info + 1]
            for start, info, end in zip(starts, info_starts, info_ends, strict=True)
        ]
        if self._strip:
            heads = [self._stripped(head) for head in heads]
        for row, original in enumerate(alleles.original):
            if original is not None:
                fields = heads[row].split(b"\t")
                fields[1] = b"%d" % alleles.positions[row]
                fields[3], fields[4] = alleles.ref[row].encode(), alleles.alt[row].encode()
                heads[row] = b"\t".join(fields)
        return heads

    def _stripped(self, head: bytes) -> bytes:
        before, _, info = head.rpartition(b"\t")
        kept = [one for one in info.split(b";") if one and one.partition(b"=")[0].decode() not in self._strip]
        return before + b"\t" + b"".join(one + b";" for one in kept)

    def _tails(self, records: NDArray[np.int64]) -> list[bytes]:
        """What stands behind INFO: FORMAT and the sample's column, or whatever there is."""
        batch = self._batch
        text = batch.text
        ends = batch.tabs[records, FIXED - 1].tolist()
        lasts = (batch.tabs[records, -1] + 1).tolist()
        column = batch.sample_column
        if column is None or column == batch.tabs.shape[1] - 1 == FIXED + 1:
            return [text[end:last] for end, last in zip(ends, lasts, strict=True)]
        formats = batch.tabs[records, FIXED].tolist()
        starts, stops = (batch.tabs[records, place].tolist() for place in (column - 1, column))
        return [
            text[end:middle] + text[start:stop] + b"\n"
            for end, middle, start, stop in zip(ends, formats, starts, stops, strict=True)
        ]


def _info(alt: str, name: str | None, text: _StretchText, change: list[str]) -> str:
    """INFO's items of a record inside a gene."""
    told = ",".join([f"{alt}{before}{change[place]}||||||" for _, before, _, place, _ in text.hits])
    genomic = f";HGVSG={name}" if name else ""
    first = text.hits[0]
    return f"{text.called};ANN={told}{genomic};{text.consequence};HGVSC={first.named}{change[first.numbering]}"


def _repeated(value: object, count: int) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(value), count)


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


class _Placed:
    """Records with the stretches that they lie in.

    Attributes:
        kinds: the stretches, once each.
        places: number of each record's stretch among them.
        texts: the stretch of each record.
        inside: the records that lie in a gene.
        changes: of each of these the change, by numbering.
        spans: start and end of what each record replaces.
    """

    def __init__(
        self,
        kinds: list[_StretchText],
        places: NDArray[np.int64],
        texts: list[_StretchText],
        inside: list[int],
        changes: list[list[str]],
        spans: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:
        self.kinds, self.places, self.texts, self.inside, self.changes = kinds, places, texts, inside, changes
        self._spans = spans

    def consequences(self) -> Counter[str]:
        """How many records have each representative consequence."""
        counts: Counter[str] = Counter()
        for kind, count in zip(self.kinds, np.bincount(self.places, minlength=len(self.kinds)).tolist(), strict=True):
            counts[kind.fields[5] or ""] += count
        return counts

    def representatives(self) -> dict[str, Any]:
        """Columns of the representative consequence, its c. name among them."""
        import pyarrow as pa

        indices = pa.array(self.places, pa.int32())
        fields: list[Any] = list(zip(*(kind.fields for kind in self.kinds), strict=True)) or [()] * len(_REPRESENTATIVE)
        columns: dict[str, Any] = {
            name: pa.array(values, pa.string()).take(indices)
            for name, values in zip(_REPRESENTATIVE, fields, strict=True)
        }
        named: list[str | None] = [None] * len(self.texts)
        for row, change in zip(self.inside, self.changes, strict=True):
            hit = self.texts[row].hits[0]
            named[row] = hit.named + change[hit.numbering]
        nothing = -_FAR, _FAR
        between = np.array([one.hits[0].between if one.hits else nothing for one in self.kinds], np.int64)
        columns["splice_distance"] = _splice_distances(between.reshape(-1, 2)[self.places], *self._spans)
        return columns | {"hgvs_c": named, "hgvs_p": pa.nulls(len(self.texts), pa.string())}

    def listed(self, kind: pa.DataType) -> pa.ListArray:
        """Every transcript's consequence, as lists."""
        import pyarrow as pa

        hits = [hit for one in self.kinds for hit in one.hits]
        counts = np.array([len(one.hits) for one in self.kinds], np.int64)
        firsts, own = np.cumsum(counts) - counts, counts[self.places]
        offsets = np.zeros(len(self.places) + 1, np.int32)
        np.cumsum(own, out=offsets[1:])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], own)
        chosen = np.repeat(firsts[self.places], own) + within
        indices = pa.array(chosen)
        fields = list(zip(*(hit.fields for hit in hits), strict=True)) or [()] * len(_OF_A_HIT)
        arrays = [pa.array(values, pa.string()).take(indices) for values in fields]
        named = [
            hit.named + change[hit.numbering]
            for row, change in zip(self.inside, self.changes, strict=True)
            for hit in self.texts[row].hits
        ]
        between = np.array([hit.between for hit in hits], np.int64).reshape(-1, 2)[chosen]
        arrays.append(_splice_distances(between, *(np.repeat(places, own) for places in self._spans)))
        arrays += [pa.array(named, pa.string()), pa.nulls(len(named), pa.string())]
        structs = pa.StructArray.from_arrays(arrays, fields=list(kind.value_type))
        return pa.ListArray.from_arrays(pa.array(offsets), structs, type=kind)


def _splice_distances(between: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Array:
    """What :meth:`engine.annotate.gene_model.Transcript.splice_distance` says of changes between two borders."""
    import pyarrow as pa

    bases = ends > starts
    distances = np.minimum(starts - between[:, 0], between[:, 1] - ends) + bases
    return pa.array(distances.astype(np.int64), pa.int64(), mask=distances > _FAR // 2).cast(pa.int32())
