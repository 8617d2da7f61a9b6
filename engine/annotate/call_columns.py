"""A sample's calls by columns: what :mod:`engine.annotate.calls` reads record by record, for many records at once.

A call whose values are not what their keys say is told, wherever its record lies; what is read record by record later
has passed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.annotate.calls import AS_GATK_WRITES, allele_copies, read_number
from engine.files.variant_lines import HIGHEST

if TYPE_CHECKING:
    import pyarrow as pa


class CallError(ValueError):
    """A call is not sound.

    Attributes:
        row: number of its record.
    """

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row = row


class CallColumns:
    """Fields of :class:`engine.annotate.calls.Call` as Arrow arrays, in its order.

    Args:
        keys: FORMAT of each record, as a dictionary.
        values: the sample's column.
        alleles: how many each record has, REF among them; absent where AD need not have as many values.
        whole: keys whose values the header declares to be whole numbers.

    Attributes:
        copies: of the alternate allele, as numbers.
        arrays: by name of the field.
        allele_reads: reads of all alleles (AD) of each record, absent where they are not told.

    Raises:
        CallError: a call has no GT, more values than keys, or a value that is no number of its kind.
    """

    def __init__(
        self,
        keys: pa.DictionaryArray,
        values: pa.Array,
        alleles: NDArray[np.int64] | None = None,
        whole: frozenset[str] = frozenset(),
    ) -> None:
        import pyarrow as pa

        indices = keys.indices.to_numpy()
        groups = np.unique(indices)
        parts, rows = [], []
        for group in groups:
            own = np.flatnonzero(indices == group)
            rows.append(own)
            chosen = values if len(groups) == 1 else values.take(pa.array(own))
            own_keys = keys.dictionary[int(group)].as_py().split(":")
            try:
                parts.append(_group(_Fields(own_keys, chosen, whole), None if alleles is None else alleles[own]))
            except CallError as problem:
                raise CallError(int(own[problem.row]), str(problem)) from None
        if len(parts) == 1:
            self.arrays = parts[0]
        else:
            order = pa.array(np.argsort(np.concatenate(rows), kind="stable"))
            self.arrays = {
                name: pa.concat_arrays([part[name] for part in parts]).take(order)
                for name in (parts[0] if parts else ())
            }
        self.allele_reads: pa.Array = self.arrays.pop("allele_reads", pa.nulls(0, pa.int64()))
        self.copies: NDArray[np.int64] = (
            self.arrays["copies"].to_numpy().astype(np.int64) if parts else np.zeros(0, np.int64)
        )


def _group(fields: _Fields, alleles: NDArray[np.int64] | None) -> dict[str, pa.Array]:
    """Records of one FORMAT."""
    fields.require_allele_depths(alleles)
    genotype = fields.text("GT", ".")
    carrying = _Genotypes(genotype)
    ref_depth, alt_depth = fields.depths()
    phase_set, haplotypes = _phase(fields, carrying)
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
        "allele_reads": fields.allele_reads(),
        "genotype_quality": fields.number("GQ"),
    }


def _sum(one: pa.Array, other: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.add(one, other)


class _Fields:
    """The sample's values by key; trailing ones may be left out."""

    def __init__(self, keys: Sequence[str], values: pa.Array, whole: frozenset[str]) -> None:
        import pyarrow.compute as pc

        self.count, self._whole = len(values), whole
        self._places = {key: place for place, key in enumerate(keys)}
        split = pc.split_pattern(values, ":")
        self._values = split.values
        self._offsets = split.offsets.to_numpy().astype(np.int64)
        self._lengths = np.diff(self._offsets)
        if "GT" not in self._places or len(self._places) < len(keys):
            what = "has no GT" if "GT" not in self._places else "names a key twice"
            raise CallError(0, f"FORMAT {':'.join(keys)[:40]!r} {what}")
        if len(long := np.flatnonzero(self._lengths > len(keys))):
            row = int(long[0])
            raise CallError(row, f"{self._lengths[row]} values stand for the {len(keys)} keys of FORMAT")

    def require_allele_depths(self, alleles: NDArray[np.int64] | None) -> None:
        """AD is whole numbers, as many as the record has alleles where that is known."""
        import pyarrow.compute as pc

        if "AD" not in self._places:
            return
        texts = self.text("AD", ".")
        counts = np.asarray(pc.count_substring(texts, ",")).astype(np.int64) + 1
        told = ~np.isin(counts, (1, 2))
        if alleles is not None:
            told |= counts != alleles
        for row in np.flatnonzero(told).tolist():
            values = texts[row].as_py().split(",")
            if alleles is not None and len(values) != alleles[row] and values not in (["."], [""]):
                raise CallError(row, f"AD has {len(values)} values, of {alleles[row]} alleles")
            for value in values:
                self._number(row, "AD", value)

    def text(self, key: str, absent: str | None = None) -> pa.Array:
        """Values of a key."""
        import pyarrow as pa
        import pyarrow.compute as pc

        place = self._places.get(key)
        if place is None:
            return pa.array([absent] * self.count, pa.string()) if absent else pa.nulls(self.count, pa.string())
        found = self._values.take(pa.array(self._offsets[:-1] + place, mask=self._lengths <= place))
        return pc.fill_null(found, absent) if absent else found

    def number(self, key: str) -> pa.Array:
        """Values of a key as whole numbers."""
        import pyarrow as pa

        return pa.nulls(self.count, pa.int32()) if key not in self._places else self._numbers(key, self.text(key))

    def depths(self) -> tuple[pa.Array, pa.Array]:
        """Reads of reference and alternate allele: AD, else freebayes' RO and AO."""
        import pyarrow as pa
        import pyarrow.compute as pc

        others = self.number("RO"), self._of_one_allele("AO")
        if "AD" not in self._places:
            return others
        split = pc.split_pattern(self.text("AD", ""), ",")
        offsets = split.offsets.to_numpy().astype(np.int64)
        pairs = np.diff(offsets) == 2
        found = [
            self._numbers("AD", split.values.take(pa.array(offsets[:-1] + place, mask=~pairs))) for place in (0, 1)
        ]
        if pairs.all():
            return found[0], found[1]
        two = pa.array(pairs)
        return pc.if_else(two, found[0], others[0]), pc.if_else(two, found[1], others[1])

    def allele_reads(self) -> pa.Array:
        """Reads of all alleles, absent where AD does not tell each."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if "AD" not in self._places:
            return pa.nulls(self.count, pa.int64())
        texts = self.text("AD", ".")
        split = pc.split_pattern(texts, ",")
        numbers = pc.cast(pc.replace_substring_regex(split.values, "^[^0-9]*$|\\..*", "0"), pa.int64())
        sums = np.add.reduceat(numbers.to_numpy(), split.offsets.to_numpy()[:-1].astype(np.int64))
        told = pc.match_substring_regex(texts, "^[0-9]+(,[0-9]+)*$")
        return pc.if_else(told, pa.array(sums), pa.scalar(None, pa.int64()))

    def _of_one_allele(self, key: str) -> pa.Array:
        """Values of a key that has one for each alternate allele, where there is one of these."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = self.text(key)
        several = pc.fill_null(pc.match_substring(texts, ","), False)
        for row in np.flatnonzero(np.asarray(several)).tolist():
            for value in texts[row].as_py().split(","):
                self._number(row, key, value)
        return self._numbers(key, pc.if_else(several, pa.scalar(None, pa.string()), texts))

    def _numbers(self, key: str, texts: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        absent = pc.or_(pc.equal(texts, "."), pc.equal(texts, ""))
        known = pc.if_else(absent, pa.scalar(None, pa.string()), texts)
        try:
            numbers = pc.cast(known, pa.int32())
        except pa.ArrowInvalid:  # some caller writes numbers with a fraction
            numbers = None
        if numbers is None or (pc.min(numbers).as_py() or 0) < 0:
            rows = enumerate(known.to_pylist())
            return pa.array([None if text is None else self._number(row, key, text) for row, text in rows], pa.int32())
        return numbers

    def _number(self, row: int, key: str, text: str) -> int | None:
        """A count or quality; its text is quoted where it is none."""
        try:
            number = read_number(text)
        except (ValueError, OverflowError):
            number = -1
        if number is not None and not 0 <= number <= HIGHEST:
            raise CallError(row, f"{key} {text[:20]!r} is no number from 0 to {HIGHEST:,}")
        if number is not None and key in self._whole and not text.isdigit():
            raise CallError(row, f"{key} {text[:20]!r} is no whole number, as which the header declares it")
        return number


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
        self.spelt = pa.array([str(one[2]) for one in told], pa.string()).take(coded.indices)


def _phase(fields: _Fields, carrying: _Genotypes) -> tuple[pa.Array, pa.Array]:
    """Phase set and haplotypes, by the same rules as :func:`engine.annotate.calls.read_call`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    phased = carrying.haplotypes.is_valid()
    own = fields.text("PS", ".")
    phase_set = pc.if_else(phased, pc.if_else(pc.equal(own, "."), "contig", own), pa.scalar(None, pa.string()))
    if not pc.any(pc.equal(pc.match_substring(fields.text("PGT", "."), "|"), True)).as_py():
        return phase_set, carrying.haplotypes
    named, genotype = fields.text("PID", "."), fields.text("PGT", ".")
    told, others = pc.and_(pc.not_equal(named, "."), pc.match_substring(genotype, "|")), _Genotypes(genotype)
    by_gatk = pc.and_(pc.invert(phased), told)
    is_one_set = pc.and_(told, pc.equal(pc.replace_substring_regex(named, "_.*", ""), own))
    differ = pc.and_(pc.equal(carrying.copies, 1), pc.not_equal(carrying.spelt, others.spelt))
    contradicted = np.asarray(pc.and_(phased, pc.and_(is_one_set, differ)))
    as_gatk_writes = np.asarray(pc.equal(carrying.spelt, str(AS_GATK_WRITES)))
    unknown = contradicted & ~as_gatk_writes
    both = pa.concat_arrays([carrying.haplotypes, others.haplotypes])
    by_pgt = np.asarray(by_gatk) | (contradicted & as_gatk_writes)
    rows = np.arange(fields.count) + np.where(by_pgt, fields.count, 0)
    phase_set = pc.if_else(pa.array(unknown), pa.scalar(None, pa.string()), pc.if_else(by_gatk, named, phase_set))
    return phase_set, both.take(pa.array(rows, mask=unknown))
