"""The cohorts of studies as they are kept: each version with its members, and none that is changed afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from engine.cohort.study import Step, StudyDefinition, StudyVersion
from resources.registry.database import Database
from resources.registry.samples import utc_now
from resources.registry.tables import study_cohorts, study_members

_MANY = 500


class StudyLedger:
    """Versions of studies' cohorts.

    Args:
        database: of the registry.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self, version: StudyVersion, members: tuple[str, ...], *, announce: Callable[[StudyVersion], None]
    ) -> StudyVersion:
        """Keep a version with the next number; where the last one asks the same and has the same members, that stands.

        Args:
            version: as it was selected; number and time are given here.
            members: sample ids in order.
            announce: called with the version as it will be kept, right before the commit.
        """
        with self._database.writing() as db:
            rows = db.execute(select(study_cohorts).where(_named(version.name)).order_by(study_cohorts.c.version)).all()
            last = _version(rows[-1]) if rows else None
            if last and last.definition == version.definition and _members(db, last.name, last.version) == members:
                return last
            kept = replace(version, version=last.version + 1 if last else 1, recorded=utc_now())
            db.execute(insert(study_cohorts).values(_row(kept)))
            for start in range(0, len(members), _MANY):
                named = [
                    {"name": kept.name, "version": kept.version, "sample_id": one}
                    for one in members[start : start + _MANY]
                ]
                db.execute(insert(study_members), named)
            announce(kept)
            return kept

    def every(self, name: str | None = None) -> tuple[StudyVersion, ...]:
        """All versions, or those of one cohort, by name and number."""
        query = select(study_cohorts).order_by(study_cohorts.c.name, study_cohorts.c.version)
        with self._database.reading() as db:
            return tuple(map(_version, db.execute(query if name is None else query.where(_named(name)))))

    def members(self, name: str, version: int) -> tuple[str, ...]:
        """The members that are still there, in order."""
        with self._database.reading() as db:
            return _members(db, name, version)


def _members(db: Connection, name: str, version: int) -> tuple[str, ...]:
    of = (_named(name, study_members), study_members.c.version == version)
    query = select(study_members.c.sample_id).where(*of).order_by(study_members.c.sample_id)
    return tuple(db.execute(query).scalars())


def _named(name: str, table: Any = study_cohorts) -> Any:
    return table.c.name == name


def _row(version: StudyVersion) -> dict[str, Any]:
    definition = version.definition
    told = {name: value for name, value in vars(version).items() if name not in ("definition", "steps")}
    return told | {
        "name": definition.name,
        "purpose": definition.purpose,
        "definition": definition.criteria,
        "data_versions": dict(version.data_versions),
        "steps": [asdict(step) for step in version.steps],
    }


def _version(row: Row[Any]) -> StudyVersion:
    told = dict(row._mapping)
    criteria = {name: tuple(value) for name, value in told.pop("definition").items()}
    definition = StudyDefinition(told.pop("name"), told.pop("purpose"), **criteria)
    steps = tuple(Step(**one) for one in told.pop("steps"))
    return StudyVersion(definition, steps=steps, **told)
