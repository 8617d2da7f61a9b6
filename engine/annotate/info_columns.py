"""INFO fields of many records by columns.

Records of one source mostly hold the same fields in the same order; their values then are pieces of the text at known
places. Where they do not, each field is looked for.

>>> import pyarrow as pa
>>> InfoColumns(pa.array(["AF=0.1;AC=3", "AF=.;AC=4", "X;AC=5"])).text("AC").to_pylist()
['3', '4', '5']
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.annotate.texts import letters

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_SHAPES = 8
_FAR = (1 << 31) - 1
_ABSENT = (".", "", "NA")


class InfoColumns:
    """INFO of some records.

    Args:
        infos: INFO of each.
    """

    def __init__(self, infos: pa.Array) -> None:
        import pyarrow.compute as pc

        self._infos = infos
        self._has_several = b"," in letters(infos).tobytes()
        split = pc.split_pattern(infos, ";")
        self._items = split.values
        self._offsets = split.offsets.to_numpy().astype(np.int64)
        self._shapes: list[tuple[NDArray[np.int64], dict[str, pa.Array]]] = []
        rest = np.arange(len(infos))
        while len(rest) and len(self._shapes) < _MOST_SHAPES:
            keys = self._keys(int(rest[0]))
            alike, items = self._alike(rest, keys)
            self._shapes.append((rest[alike], items))
            rest = rest[~alike]
        self._rest = rest
        self._order = np.argsort(np.concatenate([*(rows for rows, _ in self._shapes), rest]), kind="stable")

    def text(
        self, name: str, places: NDArray[np.int64] | None = None, expected: NDArray[np.int64] | None = None
    ) -> pa.Array:
        """Values of a field, absent where a record lacks it or has a dot.

        Args:
            name: of the field.
            places: number of the allele, from 0, of each record, where there is a value for each allele.
            expected: how many values each record must have, or a dot; as many as it likes where absent.

        Raises:
            ValueError: a record has another number of values than expected.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = [_values(items.get(name), len(name) + 1, len(rows)) for rows, items in self._shapes]
        if len(self._rest):
            pattern = rf"(?:^|;){re.escape(name)}=(?P<value>[^;]*)"
            parts.append(pc.struct_field(pc.extract_regex(self._infos.take(pa.array(self._rest)), pattern), [0]))
        found = parts[0] if len(parts) == 1 else pa.concat_arrays(parts).take(pa.array(self._order))
        if expected is not None and (self._has_several or (expected > 1).any()):
            _require_as_many(name, found, expected)
        if places is not None and (self._has_several or places.any()):
            found = _of_the_allele(found, places)
        absent = pc.is_in(found, value_set=_absent())
        return pc.if_else(absent, pa.scalar(None, pa.string()), found) if pc.any(absent).as_py() else found

    def _keys(self, record: int) -> list[str]:
        items = self._items[int(self._offsets[record]) : int(self._offsets[record + 1])].to_pylist()
        return [item.partition("=")[0] for item in items]

    def _alike(self, rows: NDArray[np.int64], keys: list[str]) -> tuple[NDArray[np.bool_], dict[str, pa.Array]]:
        """Which of the records have these fields in this order, and the fields of those that have, by key."""
        import pyarrow as pa
        import pyarrow.compute as pc

        alike: NDArray[np.bool_] = self._offsets[rows + 1] - self._offsets[rows] == len(keys)
        starts = np.where(alike, self._offsets[rows], self._offsets[rows[0]])
        items = [(key, self._items.take(pa.array(starts + place))) for place, key in enumerate(keys)]
        for key, texts in items:
            alike &= np.asarray(pc.or_(pc.starts_with(texts, f"{key}="), pc.equal(texts, key)))
        return alike, {key: texts if alike.all() else texts.filter(pa.array(alike)) for key, texts in items}


def _require_as_many(name: str, texts: pa.Array, expected: NDArray[np.int64]) -> None:
    import pyarrow.compute as pc

    counts = np.asarray(pc.fill_null(pc.count_substring(texts, ","), -1)).astype(np.int64) + 1
    wrong = np.flatnonzero((counts != expected) & (counts > 0) & ~np.asarray(pc.is_in(texts, value_set=_absent())))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(f"{name} has {counts[row]} values ({texts[row].as_py()[:40]}) for {expected[row]} alternates")


def _absent() -> pa.Array:
    import pyarrow as pa

    return pa.array(_ABSENT)


def dbsnp_ids(ids: pa.Array) -> pa.Array:
    """The first of dbSNP's ids among those of each record, absent where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if b"rs" not in letters(ids).tobytes():
        return pa.nulls(len(ids), pa.string())
    return pc.struct_field(pc.extract_regex(ids, r"(?:^|;)(?P<rs>rs[0-9]+)(?:;|$)"), [0])


def _values(items: pa.Array | None, before: int, count: int) -> pa.Array:
    """What stands behind the names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if items is None:
        return pa.nulls(count, pa.string())
    # By bytes: names are ASCII, and to count letters takes five times as long.
    return pc.binary_slice(items.view(pa.binary()), before, _FAR).view(pa.string())


def _of_the_allele(texts: pa.Array, places: NDArray[np.int64]) -> pa.Array:
    """Of values for each allele the one asked for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not places.any() and not pc.any(pc.match_substring(texts, ",")).as_py():
        return texts
    split = pc.split_pattern(pc.fill_null(texts, ""), ",")
    offsets = split.offsets.to_numpy().astype(np.int64)
    missing = np.diff(offsets) <= places
    return split.values.take(pa.array(np.where(missing, 0, offsets[:-1] + places), mask=missing))
