"""A sample's calls by columns: what :mod:`engine.annotate.calls` reads record by record, for many records at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.annotate.calls import allele_copies, read_number

if TYPE_CHECKING:
    import pyarrow as pa


class CallColumns:
    """Fields of :class:`engine.annotate.calls.Call` as Arrow arrays, in its order.

    Args:
        keys: FORMAT of each record, as a dictionary.
        values: the sample's column.

    Attributes:
        copies: of the alternate allele, as numbers.
        arrays: by name of the field.
    """

    def __init__(self, keys: pa.DictionaryArray, values: pa.Array) -> None:
        import pyarrow as pa

        indices = keys.indices.to_numpy()
        groups = np.unique(indices)
        parts, rows = [], []
        for group in groups:
            own = np.flatnonzero(indices == group)
            rows.append(own)
            chosen = values if len(groups) == 1 else values.take(pa.array(own))
            parts.append(_group(keys.dictionary[int(group)].as_py().split(":"), chosen))
        if len(parts) == 1:
            self.arrays = parts[0]
        else:
            order = pa.array(np.argsort(np.concatenate(rows), kind="stable"))
            self.arrays = {
                name: pa.concat_arrays([part[name] for part in parts]).take(order)
                for name in (parts[0] if parts else ())
            }
        self.copies: NDArray[np.int64] = (
            self.arrays["copies"].to_numpy().astype(np.int64) if parts else np.zeros(0, np.int64)
        )


def _group(keys: Sequence[str], values: pa.Array) -> dict[str, pa.Array]:
    """Records of one FORMAT."""
    fields = _Fields(keys, values)
    genotype = fields.text("GT", ".")
    carrying = _Genotypes(genotype)
    ref_depth, alt_depth = fields.depths()
    phase_set, haplotypes = _phase(fields, carrying, len(values))
    return {
        "genotype": genotype,
        "copies": carrying.copies,
        "ploidy": carrying.ploidy,
        "phase_set": phase_set,
        "haplotypes": haplotypes,
        "depth": fields.number("DP"),
        "ref_depth": ref_depth,
        "alt_depth": alt_depth,
        "informative_depth": _sum(ref_depth, alt_depth),
        "genotype_quality": fields.number("GQ"),
    }


def _sum(one: pa.Array, other: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.add(one, other)


class _Fields:
    """The sample's values by key; trailing ones may be left out."""

    def __init__(self, keys: Sequence[str], values: pa.Array) -> None:
        import pyarrow.compute as pc

        self._count = len(values)
        self._places = {key: place for place, key in enumerate(keys)}
        split = pc.split_pattern(values, ":")
        self._values = split.values
        self._offsets = split.offsets.to_numpy().astype(np.int64)
        self._lengths = np.diff(self._offsets)

    def text(self, key: str, absent: str | None = None) -> pa.Array:
        """Values of a key."""
        import pyarrow as pa
        import pyarrow.compute as pc

        place = self._places.get(key)
        if place is None:
            return pa.array([absent] * self._count, pa.string()) if absent else pa.nulls(self._count, pa.string())
        found = self._values.take(pa.array(self._offsets[:-1] + place, mask=self._lengths <= place))
        return pc.fill_null(found, absent) if absent else found

    def number(self, key: str) -> pa.Array:
        """Values of a key as whole numbers."""
        import pyarrow as pa

        return pa.nulls(self._count, pa.int32()) if key not in self._places else _numbers(self.text(key))

    def depths(self) -> tuple[pa.Array, pa.Array]:
        """Reads of reference and alternate allele: AD, else freebayes' RO and AO."""
        import pyarrow as pa
        import pyarrow.compute as pc

        others = self.number("RO"), self.number("AO")
        if "AD" not in self._places:
            return others
        split = pc.split_pattern(self.text("AD", ""), ",")
        offsets = split.offsets.to_numpy().astype(np.int64)
        pairs = np.diff(offsets) == 2
        found = [_numbers(split.values.take(pa.array(offsets[:-1] + place, mask=~pairs))) for place in (0, 1)]
        if pairs.all():
            return found[0], found[1]
        two = pa.array(pairs)
        return pc.if_else(two, found[0], others[0]), pc.if_else(two, found[1], others[1])


def _numbers(texts: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    absent = pc.or_(pc.equal(texts, "."), pc.equal(texts, ""))
    known = pc.if_else(absent, pa.scalar(None, pa.string()), texts)
    try:
        return pc.cast(known, pa.int32())
    except pa.ArrowInvalid:  # some caller writes numbers with a fraction
        return pa.array([None if text is None else read_number(text) for text in known.to_pylist()], pa.int32())


class _Genotypes:
    """Copies, ploidy and haplotypes of each genotype, read once for each that there is."""

    def __init__(self, genotype: pa.Array) -> None:
        import pyarrow as pa

        coded = genotype.dictionary_encode()
        told = [allele_copies(text) for text in coded.dictionary.to_pylist()]
        self.copies, self.ploidy = (
            pa.array([one[place] for one in told], pa.int8()).take(coded.indices) for place in (0, 1)
        )
        self.haplotypes = pa.array([one[2] for one in told], pa.list_(pa.int8())).take(coded.indices)


def _phase(fields: _Fields, carrying: _Genotypes, count: int) -> tuple[pa.Array, pa.Array]:
    """Phase set and haplotypes: by GT and PS, else by GATK's PGT and PID."""
    import pyarrow as pa
    import pyarrow.compute as pc

    phased = carrying.haplotypes.is_valid()
    named = fields.text("PS", ".")
    phase_set = pc.if_else(phased, pc.if_else(pc.equal(named, "."), "contig", named), pa.scalar(None, pa.string()))
    if not pc.any(pc.equal(pc.match_substring(fields.text("PGT", "."), "|"), True)).as_py():
        return phase_set, carrying.haplotypes
    named, genotype = fields.text("PID", "."), fields.text("PGT", ".")
    by_gatk = pc.and_(pc.invert(phased), pc.and_(pc.not_equal(named, "."), pc.match_substring(genotype, "|")))
    haplotypes = _Genotypes(genotype).haplotypes
    both = pa.concat_arrays([carrying.haplotypes, haplotypes])
    rows = np.arange(count) + np.where(np.asarray(by_gatk), count, 0)
    return pc.if_else(by_gatk, named, phase_set), both.take(pa.array(rows))
