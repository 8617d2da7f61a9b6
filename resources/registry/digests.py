"""Whose a verified FASTQ file is: no file is taken for two samples that take part."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from engine.errors import FastqError
from engine.reads.file_digests import FileDigests
from resources.registry.samples import among, select_in, utc_now
from resources.registry.tables import digests, reads, samples

_OWNERS = select(digests, samples.c.withdrawn).join(samples).where(among(digests.c.sha256))


def refuse_repeated(sample_id: str, files: Sequence[FileDigests]) -> None:
    """FastqError where two files of a sample are the same."""
    first: dict[str, FileDigests] = {}
    for file in files:
        other = first.setdefault(file.sha256, file)
        if other is not file:
            raise _same_file(sample_id, file, f"read {other.mate} of lane {other.lane}")


def keep_digests(db: Connection, sample_id: str, files: Sequence[FileDigests]) -> None:
    """Keep the files' digests; FastqError where another sample that takes part has one of the files."""
    owners = {row.sha256: row for row in select_in(db, _OWNERS, [file.sha256 for file in files])}
    for file in files:
        owner = owners.get(file.sha256)
        if owner and owner.sample_id != sample_id and owner.withdrawn is None:
            other = f"read {owner.mate} of lane {owner.lane} of sample {owner.sample_id}"
            raise _same_file(sample_id, file, other)
    rows = [
        {"sha256": file.sha256, "sample_id": sample_id, "lane": file.lane, "mate": file.mate, "recorded": utc_now()}
        for file in files
    ]
    if rows:
        db.execute(delete(digests).where(digests.c.sha256.in_(owners)))
        db.execute(insert(digests), rows)
        db.execute(
            update(reads)
            .where(reads.c.sample_id == sample_id, reads.c.lane == bindparam("of"), reads.c.mate == bindparam("end"))
            .values(sha256=bindparam("digest")),
            [{"digest": file.sha256, "of": file.lane, "end": file.mate} for file in files],
        )


def _same_file(sample_id: str, file: FileDigests, other: str) -> FastqError:
    return FastqError(
        f"the same lane twice: the file has the content of {other}",
        sample=sample_id,
        file=file.path,
        place=f"read {file.mate} of lane {file.lane}",
        remedy="give each lane once; if the other sample was registered by mistake, withdraw it",
    )
