"""What a sample's gVCF says at every base, as rows: variant records as they are, reference blocks by bands of quality.

From these rows a joint genotype is made (:mod:`engine.cohort.rejoined`): who does not carry an allele is reference only
where a block says so. A gVCF's own blocks are a hundred times as many as its calls. Neighbours of one band of genotype
quality (:data:`engine.cohort.columns.REFERENCE_BANDS`) are therefore one row with the least certain of each value, as
GATK's ReblockGVCF and GVS join them. What was looked at without a read is a row as well: GATK's QUAL counts on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.call.gvcf import GvcfColumns, gvcf_columns
from engine.cohort.columns import BIN, REF_BLOCK_COLUMNS, REFERENCE_BANDS, VARIANT_RECORD_COLUMNS, typed_table
from engine.errors import ReferenceMismatchError
from engine.reference.bundle import ReferenceBundle
from engine.reference.reference_bases import ReferenceBases
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_LIKELIHOODS = np.frombuffer(b"PL", np.uint8)
_DIPLOID = 2
_MOST = np.iinfo(np.int32).max


def evidence_of(gvcf: Path, sample: str) -> dict[str, pa.Table]:
    """The tables ``ref_blocks`` and ``variant_records`` of one sample, each sorted as the file is.

    Args:
        gvcf: the sample's gVCF, sorted.
        sample: sample id.

    Raises:
        VariantFileError: the file is damaged, or a line is not VCF.
    """
    evidence = Evidence(sample)
    for columns in gvcf_columns(gvcf):
        evidence.add(columns)
    return evidence.tables()


class Evidence:
    """What :func:`evidence_of` gives, gathered while a sample's records are walked for something else, too."""

    def __init__(self, sample: str) -> None:
        self._sample, self._schema = sample, arrow_schema(REF_BLOCK_COLUMNS, bare=True)
        self._blocks: list[pa.Table] = [self._schema.empty_table()]
        self._records: list[tuple[object, ...]] = []

    def add(self, columns: GvcfColumns) -> None:
        """Take the next records of the file."""
        self._blocks.append(_blocks(columns, self._sample, self._schema))
        self._records += _records(columns, self._sample)

    def tables(self) -> dict[str, pa.Table]:
        """The tables by name."""
        import pyarrow as pa

        return {
            "ref_blocks": pa.concat_tables(self._blocks).combine_chunks(),
            "variant_records": typed_table(self._records, VARIANT_RECORD_COLUMNS),
        }


def require_of_reference(gvcf: Path, sample: str, evidence: Mapping[str, pa.Table], reference: ReferenceBundle) -> None:
    """Compare contigs, ends and first bases of a gVCF's records with the reference's.

    Args:
        gvcf: the file, for errors.
        sample: sample id.
        evidence: its tables, as :func:`evidence_of` made them.
        reference: what it is to be of.

    Raises:
        ReferenceMismatchError: a contig is not in the reference, a record ends behind it, or REF is another base.
    """
    with ReferenceBases(reference.fasta) as bases:
        for contig, start, end, base in _places(evidence):
            length = reference.contig_lengths.get(contig)
            if length is None or int(end.max()) > length:
                problem = "has no such contig" if length is None else f"has {length:,} bases there"
                raise ReferenceMismatchError(
                    f"the gVCF is of another reference: {reference.name} {problem}",
                    sample=sample,
                    file=gvcf,
                    place=f"{contig}:{int(start[end.argmax()]) + 1:,}",
                    remedy="call the sample with this deployment's reference",
                )
            for row in _others(reference.fasta, contig, start, base):
                bases.require(contig, int(start[row]), chr(base[row]), file=gvcf, sample=sample)


def _places(
    evidence: Mapping[str, pa.Table],
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """By contig the starts, 0-based, ends and first letters of all rows."""
    import pyarrow.compute as pc

    blocks, records = evidence["ref_blocks"], evidence["variant_records"]
    starts = (blocks["start"], pc.subtract(records["position"], 1))
    ends = (blocks["end"], pc.add(starts[1], pc.cast(pc.utf8_length(records["ref"]), "int32")))
    for rows, start, end in zip((blocks, records), starts, ends, strict=True):
        letters = pc.unique(rows["ref"]).to_pylist()
        codes = np.array([ord(letter[0]) for letter in letters], np.int64)
        base = codes[pc.index_in(rows["ref"], pc.unique(rows["ref"])).to_numpy()] if letters else codes
        for contig in pc.unique(rows["contig"]).to_pylist():
            here = pc.equal(rows["contig"], contig).to_numpy()
            yield contig, start.to_numpy()[here], end.to_numpy()[here], base[here]


def _others(fasta: Path, contig: str, start: NDArray[np.int64], base: NDArray[np.int64]) -> Iterator[int]:
    """Rows whose first letter is another than the reference's, as far as the file goes."""
    import pysam

    with pysam.FastaFile(str(fasta)) as opened:
        sequence = np.frombuffer(opened.fetch(contig).upper().encode(), np.uint8)
    there = start < sequence.size
    yield from np.flatnonzero(there)[sequence[start[there]] != base[there]].tolist()


def _records(columns: GvcfColumns, sample: str) -> Iterator[tuple[object, ...]]:
    for row in np.flatnonzero(columns.is_variant).tolist():
        contig, position, _, ref, alts, _, _, _, keys, values = columns.fields(row)
        call = dict(zip(keys.split(":"), values.split(":"), strict=False))
        place = (sample, contig, int(position) // BIN, int(position), ref.upper(), alts)
        numbers = (_whole(call, "GQ"), _whole(call, "DP"))
        yield (*place, call.get("GT", "./."), *numbers, _told(call, "AD"), _told(call, "PL"))


def _told(call: Mapping[str, str], key: str) -> str | None:
    value = call.get(key, ".")
    return None if "." in value.split(",") else value


def _whole(call: Mapping[str, str], key: str) -> int | None:
    value = _told(call, key)
    return None if value is None else int(value)


def _blocks(columns: GvcfColumns, sample: str, schema: pa.Schema) -> pa.Table:
    """Reference blocks of consecutive records, neighbours of one band joined."""
    import pyarrow as pa

    from engine.call.gvcf_kernels import read_bases_and_likelihoods

    is_block = ~columns.is_variant
    lines = columns.line[is_block]
    said = np.empty((lines.size, 4), np.int64)
    read_bases_and_likelihoods(np.frombuffer(columns.text, np.uint8), lines, _LIKELIHOODS, said)
    bases, likelihoods = said[:, 0], said[:, 1:]
    start, end = columns.start[is_block], columns.end[is_block]
    quality, depth, copies = columns.genotype_quality[is_block], columns.depth[is_block], columns.alleles[is_block]
    band = np.searchsorted(REFERENCE_BANDS, quality, side="right")
    same = [values[1:] == values[:-1] for values in (band, depth == 0, copies, (likelihoods >= 0).sum(axis=1))]
    goes_on = np.logical_and.reduce([start[1:] == end[:-1], *same])
    first = np.flatnonzero(np.concatenate([np.ones(min(lines.size, 1), bool), ~goes_on]))
    if not first.size:
        return schema.empty_table()

    def least(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(np.minimum.reduceat(values, first))

    told = [least(likelihoods[:, number]) for number in range(3)]
    is_diploid = copies[first] == _DIPLOID
    het, alt = np.where(is_diploid, told[1], -1), np.where(is_diploid, told[2], told[1])
    numbers = (start[first] // BIN, start[first], end[np.append(first[1:], lines.size) - 1])
    values = (copies[first], least(quality), least(depth), told[0], het, alt)
    arrays = [pa.repeat(text, first.size) for text in (sample, columns.contig)]
    arrays += [pa.array(one) for one in numbers]
    arrays += [pa.array(list(map(chr, range(128)))).take(pa.array(bases[first]))]
    arrays += [pa.array(np.minimum(one, _MOST), mask=one < 0) for one in values]
    return pa.table([array.cast(field.type) for array, field in zip(arrays, schema, strict=True)], schema=schema)
