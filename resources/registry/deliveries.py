"""What was sent to whom: one row for each content and destination, of whole reports and of the resources in them.

A report's row says how its delivery goes. A resource's row says that the destination has it in that content; the one
that was sent last tells what lies there now, so that what has not changed is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from resources.registry.database import Database
from resources.registry.samples import among, find_sample, note, select_in, utc_now
from resources.registry.tables import deliveries

REPORT, MESSAGE = "fhir_bundle", "hl7v2_message"
REPORTS = (REPORT, MESSAGE)
"""The documents that are a whole report; any other is a resource by its place on the server."""


class DeliveryState(StrEnum):
    """How a delivery goes."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class DeliveryRecord:
    """A report on its way.

    Attributes:
        sample: sample id.
        document: one of :data:`REPORTS`.
        destination: base URL of the server, or where messages go.
        content: sha256 of what is sent.
        state: how it goes.
        attempts: how often it was tried.
        response: what was answered last, absent while nothing was.
        recorded: UTC time of the last change, ISO 8601.
    """

    sample: str
    document: str
    destination: str
    content: str
    state: DeliveryState
    attempts: int
    response: str | None
    recorded: str


_COLUMNS = [
    deliveries.c.sample_id.label("sample"),
    *(deliveries.c[name] for name in ("document", "destination", "content", "state")),
    *(deliveries.c[name] for name in ("attempts", "response", "recorded")),
]


class Deliveries:
    """The ledger of deliveries.

    Args:
        database: of the registry.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, sample: str, destination: str, content: str, document: str = REPORT) -> None:
        """Write down that a report is to be sent; once, however often it is asked."""
        with self._database.writing() as db:
            find_sample(db, sample)
            if not db.execute(select(deliveries.c.number).where(_same(document, destination, content))).first():
                _insert(db, sample, document, destination, content, DeliveryState.WAITING, 0)

    def tried(
        self,
        sample: str,
        destination: str,
        content: str,
        state: DeliveryState,
        response: str | None = None,
        document: str = REPORT,
    ) -> None:
        """Write down how an attempt at a report ended."""
        values = {"state": state, "response": response, "recorded": utc_now()}
        with self._database.writing() as db:
            asked = _same(document, destination, content)
            db.execute(update(deliveries).where(asked).values(values | {"attempts": deliveries.c.attempts + 1}))
            note(db, sample, f"report {state}", destination=destination, content=content)

    def have(self, destination: str, places: Iterable[str]) -> dict[str, str]:
        """Content by place of the resources that a destination has, of those asked for."""
        at = deliveries.c.destination == destination
        query = select(deliveries.c.document, deliveries.c.content, deliveries.c.recorded)
        with self._database.reading() as db:
            rows = list(select_in(db, query.where(at, among(deliveries.c.document)), sorted(places)))
        return {row.document: row.content for row in sorted(rows, key=lambda row: str(row.recorded))}

    def places_of(self, sample: str, destination: str) -> set[str]:
        """Places of every resource that a destination took of a sample."""
        at = and_(deliveries.c.sample_id == sample, deliveries.c.destination == destination)
        query = select(deliveries.c.document).where(at, deliveries.c.document.not_in(REPORTS)).distinct()
        with self._database.reading() as db:
            return {str(row.document) for row in db.execute(query)}

    def keep(self, sample: str, destination: str, contents: Mapping[str, str]) -> None:
        """Write down that a destination has resources now, by place."""
        with self._database.writing() as db:
            for place, content in contents.items():
                changed = db.execute(
                    update(deliveries)
                    .where(_same(place, destination, content))
                    .values(recorded=utc_now(), attempts=deliveries.c.attempts + 1)
                )
                if changed.rowcount == 0:
                    _insert(db, sample, place, destination, content, DeliveryState.SENT, 1)

    def arrived(self, sample: str, destination: str, document: str) -> str | None:
        """Content of the report that a destination took last, absent where it took none."""
        of_sample = and_(deliveries.c.sample_id == sample, deliveries.c.destination == destination)
        sent = and_(deliveries.c.document == document, deliveries.c.state == DeliveryState.SENT)
        last = select(deliveries.c.content).where(of_sample, sent).order_by(deliveries.c.recorded.desc())
        with self._database.reading() as db:
            found = db.execute(last.limit(1)).first()
        return str(found.content) if found else None

    def reports(self, *states: DeliveryState, sample: str | None = None) -> tuple[DeliveryRecord, ...]:
        """Reports in the order in which they were asked for, those of some states or of one sample."""
        query = select(*_COLUMNS).where(deliveries.c.document.in_(REPORTS)).order_by(deliveries.c.number)
        if states:
            query = query.where(deliveries.c.state.in_(states))
        if sample is not None:
            query = query.where(deliveries.c.sample_id == sample)
        with self._database.reading() as db:
            rows = [dict(row._mapping) for row in db.execute(query)]
        return tuple(DeliveryRecord(**(row | {"state": DeliveryState(row["state"])})) for row in rows)

    def dead_letters(self) -> tuple[DeliveryRecord, ...]:
        """Of each sample and destination what was asked for last, where it was refused or failed."""
        last = select(func.max(deliveries.c.number)).where(deliveries.c.document.in_(REPORTS))
        last = last.group_by(deliveries.c.sample_id, deliveries.c.destination)
        states = (DeliveryState.REFUSED, DeliveryState.FAILED)
        query = select(*_COLUMNS).where(deliveries.c.number.in_(last), deliveries.c.state.in_(states))
        with self._database.reading() as db:
            rows = [dict(row._mapping) for row in db.execute(query.order_by(deliveries.c.number))]
        return tuple(DeliveryRecord(**(row | {"state": DeliveryState(row["state"])})) for row in rows)


def _same(document: str, destination: str, content: str) -> ColumnElement[bool]:
    return and_(
        deliveries.c.document == document,
        deliveries.c.destination == destination,
        deliveries.c.content == content,
    )


def _insert(
    db: Connection, sample: str, document: str, destination: str, content: str, state: DeliveryState, attempts: int
) -> None:
    row = {"sample_id": sample, "document": document, "destination": destination, "content": content}
    db.execute(insert(deliveries).values(row | {"state": state, "attempts": attempts, "recorded": utc_now()}))
