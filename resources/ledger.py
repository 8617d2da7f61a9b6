"""The audit log as the ledger of receipts and overrides: what was published, and what a person let through.

Each publication is an entry with the sha256 of its receipt, each override one with the digest of its row, so that a
receipt that was edited or put back to an earlier one, and an override that nobody gave, are found. The last receipt of
an artifact and the overrides found good are noted under a seal (:mod:`resources.seals`), so that a gate need not read
the log; where the note is missing or disagrees, the log is read and decides.

An artifact is published in this order: entry, receipt, note, and an entry that it is done. A process killed after the
first entry leaves the earlier receipt in force, on which the note agrees; that the publication was abandoned is written
down by the next one that makes the artifact, or when intents without outcome are settled (:mod:`resources.recovery`).

A log that has never heard of receipts (of the first release, or begun anew) adopts those that are there, once: one
entry for each, and one that says so. From then on a receipt that the log does not know is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from engine.errors import GateError, LakeError
from engine.receipt import Receipt, canonical_json
from resources.audit import NOT_DONE, AuditEntry, AuditEvent, AuditLog
from resources.registry import Override
from resources.seals import Seals

PUBLISHED = "artifact published"
ADOPTED = "receipt adopted"
ABANDONED = "publication abandoned"
ADOPTION = "lake adopted"
OVERRIDDEN = "gate override"
_OF_RECEIPTS = (PUBLISHED, ADOPTED, ABANDONED)
_WHO = "lake"
_ROW_AFTER_ENTRY = timedelta(minutes=5)
"""An override's row is written after its entry, at the latest when the registry's lock was waited for."""


@dataclass(frozen=True)
class Written:
    """A receipt as it lies in the lake.

    Attributes:
        receipt: what it says.
        text: its text, byte by byte.
    """

    receipt: Receipt
    text: str

    @property
    def digest(self) -> str:
        """sha256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def key(self) -> str:
        """Name of the artifact among all."""
        return artifact_key(self.receipt.asset, self.receipt.sample)


def artifact_key(asset: str, sample: str | None) -> str:
    """One name for an artifact of a sample, or of none; as a path it is below ``samples`` or ``shared``."""
    return f"samples/{sample}/{asset}" if sample else f"shared/{asset}"


class Ledger:
    """The receipts and overrides that one audit log tells of."""

    def __init__(self, audit: AuditLog) -> None:
        self.audit = audit
        self.seals = Seals(audit.path.parent / "seals")

    @contextmanager
    def publishing(self, written: Written) -> Iterator[None]:
        """Write down that a receipt is about to take force, let it, and note that it did."""
        event = _event(PUBLISHED, written)
        with self.audit.do(event.who, event.what, event.sample, event.details):
            yield
            self.seal(written)

    def seal(self, written: Written) -> None:
        """Note that a receipt is in force."""
        self.seals.write(f"receipts/{written.key}", {"receipt": written.digest})

    def abandon(self, asset: str, sample: str | None, digest: str) -> None:
        """Write down that the publication of a receipt was not finished, if it is the last one written down."""
        told = self.publications(asset, sample)
        if _last(told) == digest:
            details = {"asset": asset, "receipt": digest, "entries": [told[-1].number, told[-1].number]}
            self.audit.record(_WHO, ABANDONED, sample, details)

    def check(self, written: Written) -> None:
        """Compare a receipt with the ledger.

        Raises:
            LakeError: it is not the one that was published last.
        """
        if self.is_sealed(written):
            return
        receipt = written.receipt
        if problem := self.audit.missing() or what_is_wrong(written, self.publications(receipt.asset, receipt.sample)):
            raise LakeError(
                problem,
                sample=receipt.sample,
                remedy=f"find out who changed the lake; then restore the receipt from a backup, or materialize "
                f"{receipt.asset} again with recompute",
            )
        self.seal(written)

    def is_sealed(self, written: Written) -> bool:
        """Whether this receipt was noted to be in force."""
        return self.seals.read(f"receipts/{written.key}").get("receipt") == written.digest

    def has_adopted(self) -> bool:
        """Whether the log knows of receipts."""
        if self.seals.read("adoption").get("adopted"):
            return True
        known = any(entry.event.what == ADOPTION for entry in self.audit.entries_about(None))
        if known:
            self.seals.write("adoption", {"adopted": True})
        return known

    def adopt(self, receipts: Iterable[tuple[Written, Sequence[str]]]) -> None:
        """Take the receipts of a lake that the log has never heard of as they are, in one writing.

        Args:
            receipts: those in force, each with the digests of its artifact's history.
        """
        events = [_event(ADOPTED, written, history=list(history)) for written, history in receipts]
        self.audit.record_all([*events, AuditEvent(_WHO, ADOPTION, None, {"receipts": len(events)})])
        self.seals.write("adoption", {"adopted": True})

    def check_override(self, override: Override) -> None:
        """Compare an override's row with the ledger.

        Raises:
            GateError: no entry says that it was given.
        """
        name, digest = f"overrides/{override.sample}", row_digest(override)
        sealed = self.seals.read(name)
        if digest in sealed:
            return
        if not any(_gave(entry, override) for entry in self.overrides(override.sample)):
            raise GateError(
                unknown_override(override),
                sample=override.sample,
                remedy="find out who wrote to the registry's database; an override is given with: genomics override",
            )
        self.seals.write(name, {**sealed, digest: True})

    def assets(self, sample: str | None) -> set[str]:
        """Assets of a sample, or of those that belong to none, of which the log knows a receipt."""
        told = (entry.event for entry in self.audit.entries_about(sample))
        return {str(event.details.get("asset")) for event in told if event.what in (PUBLISHED, ADOPTED)}

    def publications(self, asset: str, sample: str | None) -> list[AuditEntry]:
        """What the log says of the receipts of an artifact, oldest first."""
        told = [entry for entry in self.audit.entries_about(sample) if entry.event.what in _OF_RECEIPTS]
        return [entry for entry in told if entry.event.details.get("asset") == asset]

    def overrides(self, sample: str) -> list[AuditEntry]:
        """What the log says of a sample's overrides, oldest first; not of those that did not come to be."""
        told = list(self.audit.entries_about(sample))
        undone = {number for entry in told if entry.event.what == NOT_DONE for number in entry.of}
        return [entry for entry in told if entry.event.what == OVERRIDDEN and entry.number not in undone]


def override_details(override: Override) -> dict[str, str]:
    """What an override's entry holds of its row; who gave it is the entry's person."""
    said = {name: value for name, value in asdict(override).items() if name not in ("sample", "person")}
    return {**said, "row": row_digest(override)}


def row_digest(override: Override) -> str:
    """sha256 of an override's row, hex."""
    return hashlib.sha256(canonical_json(asdict(override)).encode()).hexdigest()


def unknown_override(override: Override) -> str:
    """What is wrong where no entry says that an override was given."""
    return (
        f"the registry holds an override of {override.asset}.{override.check} by {override.person!r}, "
        f"{override.recorded}, that the audit log does not know"
    )


def what_is_wrong(written: Written, entries: Iterable[AuditEntry]) -> str | None:
    """What a receipt's own entries say against it; nothing where it is the one published last.

    Args:
        written: the receipt in force.
        entries: what the log says of its artifact, oldest first.
    """
    named = f"the receipt of {written.receipt.asset}"
    told = list(entries)
    if _last(told) == written.digest:
        return None
    if not told:
        return f"{named} is not in the audit log: nobody published it"
    earlier = [entry for entry in told if entry.event.details.get("receipt") == written.digest]
    if earlier:
        return f"{named} was put back to an earlier one, of {earlier[-1].when}; the last is of {told[-1].when}"
    return f"{named} was changed: it is not the one that the audit log knows, of {told[-1].when}"


def unknown_overrides(entries: Iterable[AuditEntry], overrides: Iterable[Override]) -> Iterator[Override]:
    """Rows that no entry says were given."""
    told = list(entries)
    return (row for row in overrides if not any(_gave(entry, row) for entry in told))


def missing_overrides(entries: Iterable[AuditEntry], overrides: Iterable[Override]) -> Iterator[AuditEntry]:
    """Entries of overrides whose row is gone from the registry."""
    rows = list(overrides)
    for entry in entries:
        if not any(_gave(entry, row) for row in rows):
            yield entry


def _gave(entry: AuditEntry, override: Override) -> bool:
    """Whether an entry is that of an override: the same words, and the very row.

    Entries of earlier releases came before their row and could not hold its time, so that it must follow soon.
    """
    details = entry.event.details
    said = (entry.event.sample, entry.event.who, *(details.get(name) for name in _DETAILS))
    row = (override.sample, override.person, *(getattr(override, name) for name in _DETAILS))
    if "recorded" in details:
        return said == row and details.get("row") == row_digest(override)
    bound = details.get("row") in (None, _content_digest(override))  # the first release wrote no digest
    return said == row and bound and _follows(override.recorded, entry.when)


_DETAILS = ("asset", "check", "data_version", "reason")


def _follows(recorded: str, written: str) -> bool:
    try:
        waited = datetime.fromisoformat(recorded) - datetime.fromisoformat(written)
    except (ValueError, TypeError):
        return False
    return abs(waited) <= _ROW_AFTER_ENTRY


def _content_digest(override: Override) -> str:
    said = {name: value for name, value in asdict(override).items() if name != "recorded"}
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def _last(entries: Iterable[AuditEntry]) -> str | None:
    """The receipt published last, abandoned ones left out."""
    receipts: list[str] = []
    for entry in entries:
        digest = str(entry.event.details.get("receipt"))
        if entry.event.what != ABANDONED:
            receipts.append(digest)
        elif receipts and receipts[-1] == digest:
            receipts.pop()
    return receipts[-1] if receipts else None


def _event(what: str, written: Written, **details: object) -> AuditEvent:
    receipt = written.receipt
    said = {"asset": receipt.asset, "data_version": receipt.data_version, "receipt": written.digest}
    return AuditEvent(_WHO, what, receipt.sample, said | details)
