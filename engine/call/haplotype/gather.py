"""Shards of one sample, called on different machines, put together: the bytes that one run would have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from engine.call.gvcf import gvcf_columns
from engine.errors import VariantFileError
from engine.files.bgzf import BgzfWriter
from engine.files.calls_index import index_calls
from engine.files.compressed import file_kind
from engine.files.index_fit import require_index_fits
from engine.files.text import text_pieces


def gather(shards: Sequence[Path], output: Path, *, index: bool = True) -> int:
    """Put shards together, in the order given; returns the number of records.

    Args:
        shards: files of one sample, reference and emission, each of consecutive stretches
            (:mod:`engine.call.haplotype.windows.plan`), in the order of the reference.
        output: the file to write, bgzip.
        index: write a tabix index beside it.

    Raises:
        VariantFileError: a shard is damaged, of another sample or reference than the first, or out of order.
    """
    header: list[bytes] = []
    order: dict[bytes, int] = {}
    last = (-1, -1)
    records = 0
    with BgzfWriter(output) as writer:
        for shard in shards:
            told: list[bytes] = []
            first = True
            contigs = _contigs_of_records(shard)
            for line in _lines(shard):
                if line.startswith(b"#"):
                    told.append(line)
                    continue
                if first:
                    if not header:
                        header, order = told, _contig_order(told)
                        writer.write(b"".join(header))
                    _require_same(told, header, shard)
                    _require_order(contigs, order, shard)
                    _require_behind(_place(line, order), last, shard)
                    first = False
                writer.write(line)
                records += 1
                place = line
            if first:
                _require_may_be_empty(told, shard)
            else:
                last = _place(place, order)
    if index:
        index_calls(output)
    return records


def _lines(shard: Path) -> Iterator[bytes]:
    for piece in text_pieces(shard, error=VariantFileError):
        yield from piece.splitlines(keepends=True)


def _contigs_of_records(shard: Path) -> list[bytes]:
    """Every line is a record, and each contig's are in order; the lines themselves are copied unread."""
    if file_kind(shard, error=VariantFileError) == "BGZF":
        require_index_fits(shard, error=VariantFileError)
    return [contig.encode() for contig, _ in groupby(columns.contig for columns in gvcf_columns(shard))]


def _require_order(contigs: Sequence[bytes], order: Mapping[bytes, int], shard: Path) -> None:
    """The contigs are those of the header, each once, in its order."""
    before = -1
    for contig in contigs:
        if order.get(contig, -1) <= before:
            raise VariantFileError(
                f"records of {contig.decode(errors='replace')[:60]!r} stand where the header's order has none",
                file=shard,
                remedy="call this shard again",
            )
        before = order[contig]


def _require_may_be_empty(told: Sequence[bytes], shard: Path) -> None:
    """A shard of variants alone may hold none, one of a gVCF holds blocks at least."""
    if not told or any(line.startswith(b"##ALT=<ID=NON_REF,") for line in told):
        raise VariantFileError("the shard holds no record", file=shard, remedy="call this shard again")


def _contig_order(header: Sequence[bytes]) -> dict[bytes, int]:
    ids = [line.partition(b"ID=")[2].partition(b",")[0] for line in header if line.startswith(b"##contig=")]
    return {name: number for number, name in enumerate(ids)}


def _require_same(told: Sequence[bytes], header: Sequence[bytes], shard: Path) -> None:
    if told != header:
        raise VariantFileError(
            "the header differs from that of the first shard",
            file=shard,
            remedy="give shards of one sample, called with one version against one reference",
        )


def _require_behind(place: tuple[int, int], last: tuple[int, int], shard: Path) -> None:
    if place <= last:
        raise VariantFileError(
            "the shard does not lie behind the one given before it",
            file=shard,
            remedy="give each shard once, in the order of the reference",
        )


def _place(line: bytes, order: dict[bytes, int]) -> tuple[int, int]:
    contig, position = line.split(b"\t", 2)[:2]
    return order.get(contig, -1), int(position)
