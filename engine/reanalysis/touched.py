"""Whose interpretation could read something else, now that ClinVar's table differs: the touched samples.

What is not touched is said to stand without being interpreted again, so the rules err on the side of touching:

- an allele that the sample carries was told as causing disease or is now; or it hits a gene and is now called benign
  or is not any more; or it hits a gene that was asked about and is undecided;
- a substitution of several bases that the sample carries, or a part of it, changed in any way;
- neighbours that the sample carries make, together, an allele that changed in any way, whatever their phase;
- where interpretation compares alleles of a gene (``compares``), an allele told as causing disease changed in a gene in
  which the sample has an allele that is looked at.

The tables are joined by columns, so that the cost follows the difference; what neighbours make is then computed for
the few that lie where a change is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.annotate.compound import LONGEST_IN_PARTS, ONE_ALLELE_WITHIN
from engine.annotate.edit import Edit, shifted, trimmed
from engine.duckdb_paths import as_pattern
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Allele = tuple[str, int, str, str]
"""Contig without ``chr``, 1-based position, ref, alt."""
_BIN = 1024
_LONG = 32
"""Longest reference allele of a call that is looked for by its place; longer ones are few, and all looked at."""
_MOST_TOGETHER = 10
"""More calls about one change are not tried one with the other: the sample is taken for touched."""
_MARGIN = 1000
"""Bases on either side of a change that are read to see how far it can be moved; one that moves farther is tried with
every call within."""


@dataclass(frozen=True)
class Reader:
    """A sample whose interpretation reads the knowledge.

    Attributes:
        sample: sample id.
        asked: genes that its order names, by itself or by a panel.
    """

    sample: str
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Touch:
    """Why a sample is touched by a change.

    Attributes:
        sample: sample id.
        allele: ``contig-position-ref-alt`` that changed in ClinVar.
        before: classification in the earlier release, absent where it did not know the allele.
        after: in the later one.
        by: how the sample comes to read it: ``carried``, ``part``, ``together`` or ``gene``.
    """

    sample: str
    allele: str
    before: str | None
    after: str | None
    by: str

    def __str__(self) -> str:
        said = (one.replace("_", " ") if one else "unknown to ClinVar" for one in (self.before, self.after))
        how = {"carried": "", "part": ", part of a call", "together": ", made by calls together", "gene": ", same gene"}
        return f"{self.allele}{how[self.by]}: {' to '.join(said)}"


def touches(
    changes: pa.Table,
    carried: Sequence[Path],
    readers: Collection[Reader],
    bundle: ReferenceBundle,
    spans: Mapping[str, Sequence[tuple[str, int, int]]] | None = None,
) -> list[Touch]:
    """Every way in which a change touches a reader, by sample and allele.

    Args:
        changes: as :func:`engine.reanalysis.difference.clinvar_difference` tells them.
        carried: Parquet files with columns :data:`engine.reanalysis.carried.CARRIED_COLUMNS`.
        readers: those who are asked for; rows of others are passed over.
        bundle: with the reference's sequence.
        spans: of genes (:func:`engine.reanalysis.difference.gene_spans`) where interpretation compares a gene's
            alleles; absent where it does not.
    """
    import duckdb

    if not (carried and readers and len(changes)):
        return []
    with duckdb.connect() as db, _Sequences(bundle) as sequences:
        _tables(db, changes, carried, readers, sequences)
        found = [
            *_told(db, "carried", _CARRIED),
            *_told(db, "part", _PARTS),
            *_together(db, sequences),
            *(_in_genes(db, spans) if spans is not None else ()),
        ]
    return sorted(set(found), key=lambda one: (one.sample, one.allele, one.by))


class _Sequences:
    """Bases of the reference by contig without ``chr``."""

    def __init__(self, bundle: ReferenceBundle) -> None:
        import pysam

        self.names = {bare_contig(contig.name): contig.name for contig in bundle.contigs}
        self._fasta = pysam.FastaFile(str(bundle.fasta))

    def __enter__(self) -> _Sequences:
        return self

    def __exit__(self, *_: object) -> None:
        self._fasta.close()

    def bases(self, contig: str, start: int, end: int) -> str:
        """In capitals, 0-based half-open, as far as the contig goes."""
        fetched: str = self._fasta.fetch(self.names[contig], max(start, 0), end)
        return fetched.upper()


def _tables(
    db: duckdb.DuckDBPyConnection,
    changes: pa.Table,
    carried: Sequence[Path],
    readers: Collection[Reader],
    sequences: _Sequences,
) -> None:
    """What the questions are asked of: ``changes``, ``readers``, ``reaches``, ``calls`` and, of these, those near."""
    import pyarrow as pa

    asked: dict[frozenset[str], list[str]] = {}  # many have the same order
    genes = [asked.setdefault(one.asked, sorted(one.asked)) for one in readers]
    schema = pa.schema([("sample_id", pa.string()), ("asked", pa.list_(pa.string()))])
    db.register("changes", changes)
    db.register("readers", pa.table({"sample_id": [one.sample for one in readers], "asked": genes}, schema=schema))
    db.register("reaches", _reaches(db, sequences))
    files = ", ".join("'" + as_pattern(path).replace("'", "''") + "'" for path in carried)
    db.execute(f"CREATE VIEW every_call AS SELECT * FROM read_parquet([{files}])")
    db.execute(_NEAR_CALLS)


def _told(db: duckdb.DuckDBPyConnection, by: str, query: str) -> Iterator[Touch]:
    for sample, contig, position, ref, alt, before, after in db.execute(query).fetchall():
        yield Touch(sample, f"{contig}-{position}-{ref}-{alt}", before, after, by)


# By place first, so that the tables of all samples are read for the few calls that lie near a change: of ten million
# calls by fifty thousand places in 0.04 CPU s, where the other columns are read of those that are near alone. What
# makes a change together with others is, of a single substitution, an insertion or a deletion, and no substitution.
_NEAR_CALLS = f"""
CREATE TEMP TABLE places AS
SELECT position::INTEGER AS position, bool_or(is_large) AS is_large FROM (
    SELECT unnest(range(first - {_LONG} + 1, last + 2)) AS position, length(ref) != 1 OR length(alt) != 1 AS is_large
    FROM reaches
    UNION ALL SELECT unnest(range(position - {LONGEST_IN_PARTS}, position + 1)), false FROM changes
) GROUP BY position;
CREATE TEMP TABLE carried_calls AS
SELECT * FROM every_call SEMI JOIN changes USING (position) SEMI JOIN readers USING (sample_id);
CREATE TEMP TABLE near_calls AS
SELECT sample_id, contig, position, ref, alt FROM every_call SEMI JOIN (SELECT * FROM places WHERE is_large)
    USING (position) WHERE length(ref) = 1 AND length(alt) = 1
UNION ALL SELECT sample_id, contig, position, ref, alt FROM every_call SEMI JOIN places USING (position)
    WHERE (length(ref) != 1 OR length(alt) != 1) AND length(ref) <= {_LONG}
UNION ALL SELECT sample_id, contig, position, ref, alt FROM every_call WHERE length(ref) > {_LONG};
DELETE FROM near_calls WHERE sample_id NOT IN (SELECT sample_id FROM readers);
"""
_TOUCH = "sample_id, c.contig, c.position, c.ref, c.alt, c.before, c.after"
_SEVERAL = "length(s.ref) = length(s.alt) AND length(s.ref) > 1"
_CARRIED = f"""
SELECT DISTINCT {_TOUCH}
FROM carried_calls s JOIN changes c USING (contig, position, ref, alt) JOIN readers USING (sample_id)
WHERE told OR {_SEVERAL} OR looked_at OR (hit AND (benign_changed OR (undecided AND list_has_any(genes, asked))))
"""
_PARTS = f"""
SELECT DISTINCT {_TOUCH}
FROM (SELECT * FROM near_calls s WHERE {_SEVERAL} AND length(s.ref) <= {LONGEST_IN_PARTS}) s
JOIN changes c
  ON c.contig = s.contig AND c.position BETWEEN s.position AND s.position + {LONGEST_IN_PARTS}
 AND length(c.ref) = length(c.alt)
 AND substr(s.ref, c.position - s.position + 1, length(c.ref)) = c.ref
 AND substr(s.alt, c.position - s.position + 1, length(c.alt)) = c.alt
"""


def _in_genes(db: duckdb.DuckDBPyConnection, spans: Mapping[str, Sequence[tuple[str, int, int]]]) -> Iterator[Touch]:
    """Changes of what is told in a gene that the sample has something to be looked at in."""
    import pyarrow as pa

    rows = [(gene, *place) for gene, places in spans.items() for place in places]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (("gene", pa.string()), ("contig", pa.string()), ("start", pa.int64()), ("stop", pa.int64()))
    db.register(
        "spans", pa.table([pa.array(v, t) for v, (_, t) in zip(columns, types, strict=True)], [n for n, _ in types])
    )
    yield from _told(db, "gene", _GENES)


# Each condition by itself, so that parts of the tables in which none holds are passed over: ten million calls take 0.01
# CPU s, where both conditions at once take 0.09.
_GENES = f"""
WITH compared AS MATERIALIZED (
    SELECT DISTINCT gene, c.contig, c.position, c.ref, c.alt, c.before, c.after
    FROM changes c JOIN spans ON spans.contig = c.contig AND c.position BETWEEN spans.start - 1 AND spans.stop + 1
    WHERE c.told
), looked AS (
    SELECT DISTINCT sample_id, unnest(genes) AS gene, asked, looked_at FROM (
        SELECT sample_id, genes, looked_at FROM every_call WHERE looked_at
        UNION ALL SELECT sample_id, genes, looked_at FROM every_call WHERE hit AND NOT looked_at
    ) JOIN readers USING (sample_id)
)
SELECT DISTINCT {_TOUCH}
FROM looked JOIN compared c USING (gene) WHERE looked_at OR list_contains(asked, gene)
"""


def _together(db: duckdb.DuckDBPyConnection, sequences: _Sequences) -> Iterator[Touch]:
    """Calls of a sample that make, together, an allele that changed."""
    ordered = db.execute(_NEAR).fetchall()
    for (sample, *named), near in itertools.groupby(ordered, key=lambda row: row[:7]):
        contig, position, ref, alt, before, after = named
        calls = [(row[7], row[8], row[9]) for row in near]
        if _make((contig, position, ref, alt), calls, sequences.bases):
            yield Touch(sample, f"{contig}-{position}-{ref}-{alt}", before, after, "together")


def _reaches(db: duckdb.DuckDBPyConnection, sequences: _Sequences) -> pa.Table:
    """For each change from where to where calls may lie that make it: wherever it may be written, and around."""
    import pyarrow as pa

    rows = db.execute("SELECT contig, position, ref, alt FROM changes").fetchall()
    kept = [row for row in rows if row[0] in sequences.names and _is_sequence(row[2]) and _is_sequence(row[3])]
    ends = [_end_of(row, sequences.bases) + ONE_ALLELE_WITHIN for row in kept]
    starts = [position - 1 - ONE_ALLELE_WITHIN for _, position, _, _ in kept]
    columns = list(zip(*kept, strict=True)) or [(), (), (), ()]
    types = (pa.string(), pa.int32(), pa.string(), pa.string())
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pa.table(
        [*arrays, pa.array(starts, pa.int64()), pa.array(ends, pa.int64())],
        ["contig", "position", "ref", "alt", "first", "last"],
    )


def _is_sequence(text: str) -> bool:
    return bool(text) and set(text) <= set("ACGTN")


def _end_of(allele: Allele, bases: Callable[[str, int, int], str]) -> int:
    """One past the last base that the allele replaces, wherever it is written."""
    contig, position, ref, alt = allele
    if len(ref) == len(alt):
        return position - 1 + len(ref)
    start = max(position - 1 - 1, 0)
    edit = trimmed(position - 1 - start, ref, alt)
    moved = shifted(edit, bases(contig, start, position - 1 + len(ref) + _MARGIN), strand=1)
    return start + max(edit.end, moved.end)


# Two substitutions are never one: a single substitution is made by an insertion beside a deletion alone.
_NEAR = f"""
WITH binned AS MATERIALIZED (
    SELECT *, unnest(range(first // {_BIN} - 1, last // {_BIN} + 1)) AS place FROM reaches
), near AS (
    SELECT s.sample_id, b.contig, b.position, b.ref, b.alt,
           s.position AS called_at, s.ref AS called_ref, s.alt AS called_alt
    FROM near_calls s JOIN binned b
      ON s.contig = b.contig AND s.position // {_BIN} = b.place
     AND s.position - 1 <= b.last AND s.position - 1 + length(s.ref) >= b.first
    WHERE length(b.ref) != 1 OR length(b.alt) != 1 OR length(s.ref) != length(s.alt)
    QUALIFY count(*) OVER (PARTITION BY s.sample_id, b.contig, b.position, b.ref, b.alt) > 1
)
SELECT sample_id, near.contig, near.position, near.ref, near.alt, before, after, called_at, called_ref, called_alt
FROM near JOIN changes USING (contig, position, ref, alt)
ORDER BY ALL
"""


def _make(allele: Allele, calls: Sequence[tuple[int, str, str]], bases: Callable[[str, int, int], str]) -> bool:
    """Whether two or more of the calls change the sequence as the allele does."""
    calls = [one for one in calls if _is_sequence(one[2])]
    if len(calls) > _MOST_TOGETHER:
        return True
    contig, position, ref, alt = allele
    first = max(min(position, *(at for at, _, _ in calls)) - 1, 0) if calls else 0
    last = max([position - 1 + len(ref), *(at - 1 + len(called) for at, called, _ in calls)])
    sequence = bases(contig, first, last)
    wanted = _changed(sequence, [trimmed(position - 1 - first, ref, alt)])
    edits = [trimmed(at - 1 - first, called_ref, called_alt) for at, called_ref, called_alt in calls]
    sizes = range(2, len(edits) + 1)
    return any(_changed(sequence, chosen) == wanted for size in sizes for chosen in itertools.combinations(edits, size))


def _changed(sequence: str, edits: Iterable[Edit]) -> str | None:
    """The sequence with the edits made; absent where two of them replace the same bases."""
    made, reached = "", 0
    for edit in sorted(edits):
        if edit.start < reached:
            return None
        made += sequence[reached : edit.start] + edit.alt
        reached = edit.end
    return made + sequence[reached:]
