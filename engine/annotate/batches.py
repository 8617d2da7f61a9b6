"""A VCF read by columns: some ten thousand records at a time, on one contig, as arrays over the text they stand in.

Everything that is no plain record is judged line by line as elsewhere (:mod:`engine.files.variant_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.annotate.texts import letters, offsets
from engine.errors import VariantFileError
from engine.files.compressed import COPY_AGAIN
from engine.files.info_keys import with_repeated_keys
from engine.files.variant_lines import HIGHEST, record_problem, variant_lines, variant_pieces, variant_records

if TYPE_CHECKING:
    import pyarrow as pa

FIXED = 8
"""Columns that every record has; FORMAT and the samples follow."""
_PIECE = 1 << 21
_LOOKED_AT = re.compile(rb"[\t;]END=|[\t;][^\t;=\n]* ")
# A genotype may begin with the phase of its first allele (VCF 4.4, section 1.6.2), which htslib does not read.
_PREFIXED = re.compile(rb"(?<=\t)[/|][0-9.]+(?:[/|][0-9.]+)*(?=[:\t\n])")
_BY_ALLELE = re.compile(r"##INFO=<ID=([A-Za-z_][\w.]*),Number=A,", re.ASCII)
_TAB, _LINE_END, _COMMA = 9, 10, 44
_SMALL = ord("a")
_IS_BASE = np.zeros(256, np.bool_)
_IS_BASE[np.frombuffer(b"ACGTN", np.uint8)] = True
_POWERS = 10 ** np.arange(1, 18)


@dataclass(frozen=True)
class Batch:
    """Records that follow each other on one contig.

    Attributes:
        contig: its name.
        text: the lines; offsets are into it.
        starts: of the lines.
        tabs: behind each column of each line, shape (records, columns); the last is the line's end.
        position: POS, 1-based.
        ref: REF of each.
        alt: ALT of each, alternates joined by comma.
        columns: Arrow arrays by name: ID, QUAL, FILTER and, as they are wanted, INFO, FORMAT and SAMPLE.
        sample_column: number of the sample's column, from 0; absent where no sample is asked for.
    """

    contig: str
    text: bytes
    starts: NDArray[np.int64]
    tabs: NDArray[np.int64]
    position: NDArray[np.int64]
    ref: pa.Array
    alt: pa.Array
    columns: dict[str, pa.Array]
    sample_column: int | None

    def __len__(self) -> int:
        return len(self.starts)

    def fields(self, number: int) -> list[str]:
        """Columns of a record; of the samples' only the one that was asked for."""
        fields = self.text[self.starts[number] : self.tabs[number, -1]].decode().split("\t")
        return fields if self.sample_column is None else [*fields[: FIXED + 1], fields[self.sample_column]]

    def take(self, part: slice) -> Batch:
        """A part of the records."""
        columns = {name: column[part.start : part.stop] for name, column in self.columns.items()}
        return Batch(
            self.contig, self.text, self.starts[part], self.tabs[part], self.position[part],
            self.ref[part.start : part.stop], self.alt[part.start : part.stop], columns, self.sample_column,
        )  # fmt: skip

    def by_place(self) -> Batch:
        """The records sorted by place: callers write indels a few bases behind their neighbours now and then."""
        import pyarrow as pa

        if (np.diff(self.position) >= 0).all():
            return self
        order = np.argsort(self.position, kind="stable")
        rows = pa.array(order)
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Batch(
            self.contig, self.text, self.starts[order], self.tabs[order], self.position[order],
            self.ref.take(rows), self.alt.take(rows), columns, self.sample_column,
        )  # fmt: skip


def read_header(vcf: Path) -> list[str]:
    """The header's lines, each with its line end."""
    return list(takewhile(lambda line: line.startswith("#"), variant_lines(vcf)))


def read_batches(
    vcf: Path, header: list[str], sample_column: int | None, *, with_info: bool = False, again: bool = False
) -> Iterator[Batch]:
    """All records, in the order of the file.

    Args:
        vcf: plain, gzip or BGZF.
        header: as :func:`read_header` gives it.
        sample_column: number of the column, from 0, of the sample whose calls are wanted.
        with_info: whether INFO is wanted as a column, too.
        again: whether all of it was read before, and found sound.

    Raises:
        VariantFileError: the file is damaged, a line is no record, or the records are not sorted.
    """
    columns = len(header[-1].split("\t"))
    by_allele = None if with_info else _fields_by_allele(header)
    before: tuple[str, int] = ("", 0)
    finished: set[str] = set()
    for piece in variant_pieces(vcf, _PIECE):
        text = _records(piece)
        if not text:
            continue
        for batch in _by_contig(_Piece(vcf, text, columns, sample_column, by_allele, with_info, again)):
            if batch.contig != before[0]:
                finished.add(before[0])
            _require_sorted(vcf, batch, before, finished)
            before = batch.contig, int(batch.position[-1])
            yield batch


def _fields_by_allele(header: list[str]) -> re.Pattern[bytes] | None:
    """Finds the fields of INFO that have one value for each alternate allele; absent where none is declared so."""
    names = [found[1] for line in header if (found := _BY_ALLELE.match(line))]
    return re.compile(rf"(?:^|;)({'|'.join(map(re.escape, names))})=([^;]*)".encode()) if names else None


def _without_prefix(found: re.Match[bytes]) -> bytes:
    """A genotype without the phase of its first allele, which is that of the others or makes the whole unphased: of
    ``|0/1`` nobody knows which haplotype has the 1."""
    genotype = found[0][1:]
    return genotype.replace(b"|", b"/") if b"/" in found[0] else genotype


def _records(piece: bytes) -> bytes:
    """The lines of a piece that are no header, with line ends as Unix has them."""
    if b"\r" in piece:
        piece = piece.replace(b"\r\n", b"\n")
    if piece.startswith(b"#"):
        at = 0
        while piece[at : at + 1] == b"#":
            at = piece.index(b"\n", at) + 1
        piece = piece[at:]
    if b"\t/" in piece or b"\t|" in piece:
        piece = _PREFIXED.sub(_without_prefix, piece)
    if b"\n\n" in piece or piece.startswith(b"\n"):
        piece = b"".join(line + b"\n" for line in piece.split(b"\n") if line.strip())
    return piece


class _Piece:
    """Some text as columns."""

    def __init__(
        self,
        vcf: Path,
        text: bytes,
        columns: int,
        sample_column: int | None,
        by_allele: re.Pattern[bytes] | None,
        with_info: bool,
        again: bool,
    ) -> None:
        self.vcf, self.text, self.sample_column, self._by_allele = vcf, text, sample_column, by_allele
        letters = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(letters == _LINE_END)
        tabs = np.flatnonzero(letters == _TAB)
        self.starts = np.concatenate([[0], ends[:-1] + 1])
        if len(tabs) != len(ends) * (columns - 1):
            raise self._not_a_vcf()
        self.tabs = np.concatenate([tabs.reshape(len(ends), columns - 1), ends[:, None]], axis=1)
        if (self.tabs[:, 0] <= self.starts).any() or (np.diff(self.tabs[:, :FIXED], axis=1) <= 1).any():
            raise self._not_a_vcf()
        self.columns = self._read(columns, with_info)
        if len(lower := self._in_lower_case()):
            self.text = _with_upper_alleles(text, self.tabs[lower])
            self.columns = self._read(columns, with_info)
        if not again:
            self._judge()

    def _read(self, columns: int, with_info: bool) -> pa.Table:
        import pyarrow as pa
        import pyarrow.csv as csv

        wanted: dict[str, Any] = {
            "CHROM": pa.dictionary(pa.int32(), pa.string()),
            "POS": pa.int64(),
            **dict.fromkeys(("ID", "REF", "ALT", "QUAL", "FILTER", *(["INFO"] if with_info else [])), pa.string()),
        }
        names = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *map(str, range(FIXED, columns))]
        if self.sample_column is not None:
            names[FIXED], names[self.sample_column] = "FORMAT", "SAMPLE"
            wanted |= {"FORMAT": pa.dictionary(pa.int32(), pa.string()), "SAMPLE": pa.string()}
        try:
            table = csv.read_csv(
                pa.BufferReader(self.text),
                read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(self.text), 1)),
                parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
                convert_options=csv.ConvertOptions(
                    column_types=wanted, include_columns=list(wanted), strings_can_be_null=False, check_utf8=False
                ),
            )
        except pa.ArrowInvalid:
            raise self._not_a_vcf() from None
        return table.combine_chunks()

    def _in_lower_case(self) -> NDArray[np.int64]:
        """Records with bases in small letters, which mean the same (VCF 4.3, section 1.6.1)."""
        import pyarrow.compute as pc

        alleles = [self.columns[name] for name in ("REF", "ALT")]
        if not any((letters(texts.chunk(0)) >= _SMALL).any() for texts in alleles):
            return np.zeros(0, np.int64)
        any_small = [pc.match_substring_regex(texts, "[acgtn]") for texts in alleles]
        bases = pc.match_substring_regex(alleles[1], "^[ACGTNacgtn,*]+$")
        return np.flatnonzero(np.asarray(pc.and_(pc.or_(*any_small), bases)))

    def _judge(self) -> None:
        """Look closer at every record that is not plain."""
        import pyarrow.compute as pc

        plain = np.asarray(pc.match_substring_regex(self.columns["QUAL"], r"^(\.|[0-9]+(\.[0-9]+)?)$")).copy()
        for name in ("REF", "ALT"):
            plain &= _are_bases(self.columns[name].chunk(0))
        places = self.columns["POS"].to_numpy()
        digits = self.tabs[:, 1] - self.tabs[:, 0] - 1
        plain &= (np.searchsorted(_POWERS, places, "right") + 1 == digits) & (places <= HIGHEST)
        plain[np.searchsorted(self.starts, _told_in_info(self.text), "right") - 1] = False
        plain[with_repeated_keys(self.text, self.tabs[:, FIXED - 2] + 1, self.tabs[:, FIXED - 1])] = False
        for number in np.flatnonzero(~plain):
            line = self.text[self.starts[number] : self.tabs[number, -1]].decode()
            if record_problem(line.split("\t"), self.tabs.shape[1], may_change_nothing=True):
                raise self._not_a_vcf()

        self._require_filters()
        if self._by_allele is not None:
            self._require_values_by_allele(self._by_allele)

    def _require_values_by_allele(self, fields: re.Pattern[bytes]) -> None:
        """A field with one value for each alternate allele has as many: else one would be told of another's allele."""
        commas = np.flatnonzero(np.frombuffer(self.text, np.uint8) == _COMMA)
        rows = np.searchsorted(self.starts, commas, "right") - 1
        inside = (commas > self.tabs[rows, 3]) & (commas < self.tabs[rows, FIXED - 1])
        for number in np.unique(rows[inside]).tolist():
            alternates = 1 + self.text.count(b",", self.tabs[number, 3], self.tabs[number, 4])
            info = self.text[self.tabs[number, FIXED - 2] + 1 : self.tabs[number, FIXED - 1]]
            for name, values in fields.findall(info):
                if values not in (b".", b"") and values.count(b",") + 1 != alternates:
                    contig, position = self.columns["CHROM"][number].as_py(), self.columns["POS"][number].as_py()
                    raise VariantFileError(
                        f"{name.decode()} in INFO has {values.count(b',') + 1} values"
                        f" ({values[:40].decode(errors='replace')}) for {alternates} alternate alleles",
                        file=self.vcf,
                        place=f"{contig}:{position:,}",
                        remedy="correct the field, or leave it out (bcftools annotate -x INFO/NAME)",
                    )

    def _require_filters(self) -> None:
        """A name of a filter holds no space: readers would take it for two."""
        import pyarrow.compute as pc

        spaced = pc.match_substring(self.columns["FILTER"], " ")
        if not pc.any(spaced).as_py():
            return
        number = int(np.flatnonzero(np.asarray(spaced))[0])
        contig, position, name = (self.columns[column][number].as_py() for column in ("CHROM", "POS", "FILTER"))
        raise VariantFileError(
            f"FILTER {name!r} holds a space, which VCF does not allow",
            file=self.vcf,
            place=f"{contig}:{position:,}",
            remedy="rename the filter, in the header and in the records",
        )

    def _not_a_vcf(self) -> VariantFileError:
        """What is wrong, found line by line."""
        try:
            for _ in variant_records(self.vcf, may_change_nothing=True):
                pass
        except VariantFileError as error:
            return error
        return VariantFileError("the file's columns cannot be told apart", file=self.vcf, remedy=COPY_AGAIN)


def _are_bases(texts: pa.Array) -> NDArray[np.bool_]:
    """Whether each of some texts, none of which is empty, is of bases alone."""
    places = offsets(texts)
    others = np.flatnonzero(~_IS_BASE[letters(texts)]) + places[0]
    found = np.ones(len(texts), np.bool_)
    found[np.searchsorted(places, others, "right") - 1] = False
    return found


def _with_upper_alleles(text: bytes, tabs: NDArray[np.int64]) -> bytes:
    """The text with REF and ALT of some records in capitals, whose tabs are given."""
    changed = bytearray(text)
    for start, end in zip(tabs[:, 2].tolist(), tabs[:, 4].tolist(), strict=True):
        changed[start:end] = changed[start:end].upper()
    return bytes(changed)


def _told_in_info(text: bytes) -> list[int]:
    """Where the text says END, or holds a space before any equals sign, as a name in INFO must not."""
    return [found.start() for found in _LOOKED_AT.finditer(text)] if b"END=" in text or b" " in text else []


def _by_contig(piece: _Piece) -> Iterator[Batch]:
    contigs = piece.columns["CHROM"].chunk(0)
    names, indices = contigs.dictionary.to_pylist(), contigs.indices.to_numpy()
    borders = [0, *(np.flatnonzero(np.diff(indices)) + 1).tolist(), len(indices)]
    columns = {name: piece.columns[name].chunk(0) for name in piece.columns.column_names}
    ref, alt = columns.pop("REF"), columns.pop("ALT")
    position = columns.pop("POS").to_numpy()
    del columns["CHROM"]
    for first, last in pairwise(borders):
        whole = Batch(
            names[indices[first]], piece.text, piece.starts, piece.tabs, position, ref, alt, columns,
            piece.sample_column,
        )  # fmt: skip
        yield whole.take(slice(first, last)).by_place()


def _require_sorted(vcf: Path, batch: Batch, before: tuple[str, int], finished: set[str]) -> None:
    first = int(batch.position[0])
    if batch.contig in finished or (batch.contig == before[0] and first < before[1]):
        raise VariantFileError(
            "the records are not sorted by place",
            file=vcf,
            place=f"{batch.contig}:{first:,}",
            remedy="sort the file (bcftools sort)",
        )
