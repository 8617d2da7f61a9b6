"""What the portal stands on: the deployment's services, who may come in, who is in, and the list of cases."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

from engine.errors import GenomicsError
from engine.ops.report import clinical_report
from engine.reads.registration import RegisteredSample
from engine.receipt import Receipt
from portal.clinic.access import Access
from portal.clinic.rights import Case, Person, is_own
from portal.clinic.visits import TokenVisits, Visits
from resources.api_tokens import ApiTokens
from resources.environment import Resources
from resources.sample_runs import Runs
from resources.work_list import WorkItem, work_list

_FRESH_SECONDS, _STALE_SECONDS = 3.0, 30.0


@dataclass(frozen=True)
class Row:
    """A case in the work list.

    Attributes:
        item: where the sample stands.
        case: what decides who may see it.
        order: id of the order, absent where there is none.
        stage: of its report: draft, reviewed or signed; absent while there is none.
        status: of its report, as FHIR has it.
        version: of its report, 0 while there is none.
    """

    item: WorkItem
    case: Case
    order: str | None
    stage: str | None = None
    status: str | None = None
    version: int = 0

    @property
    def awaits_amendment(self) -> bool:
        """Whether what was signed is said otherwise now, and nobody has signed that."""
        return self.version > 1 and self.stage != "signed"


@dataclass
class House:
    """One deployment's portal.

    Attributes:
        platform: its services.
        access: who may come in.
        open_runs: opens Dagster's runs.
        visits: who is in.
        token_visits: programs that ask by a token.
        submitting: held while a sheet is put into the landing zone.
        tries: when somebody at an address tried to sign in lately.
    """

    platform: Resources
    access: Access
    open_runs: Callable[[], AbstractContextManager[Runs | None]]
    visits: Visits = field(default_factory=Visits)
    token_visits: TokenVisits = field(default_factory=TokenVisits)
    submitting: threading.Lock = field(default_factory=threading.Lock)
    tries: dict[str, deque[float]] = field(default_factory=dict)
    _rows: tuple[Row, ...] = ()
    _looked: float = 0.0
    _read: str = ""
    _looking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def has_demo_login(self) -> bool:
        """Whether the demo's people may come in: no provider is named, and the server answers this machine alone."""
        settings = self.platform.settings
        return self.access.provider is None and _is_loopback(settings.web_listen) and not settings.web_origins

    @property
    def tokens(self) -> ApiTokens:
        """The tokens by which programs ask."""
        return ApiTokens(self.platform.audit)

    def case_of(self, sample: RegisteredSample) -> Case:
        """What decides who may see a sample's case."""
        person = sample.person
        return Case(sample.sample_id, self.access.teams_of(order=person.order_id, family=person.family_id))

    def sample(self, name: str) -> RegisteredSample | None:
        """The sample of that id, absent where there is none."""
        try:
            return self.platform.registry.sample(name)
        except GenomicsError:
            return None

    def standing(self, sample: str) -> WorkItem:
        """Where one sample stands now."""
        with self.open_runs() as runs:
            (item,) = work_list(self.platform, runs, [sample])
        return item

    def rows(self, person: Person, *, at_once: bool = False) -> list[Row]:
        """The cases that are a person's.

        Args:
            person: who asks.
            at_once: however old the list is, which is then read again meanwhile; otherwise half a minute at most.
        """
        return [row for row in self._all(at_once=at_once) if is_own(person, row.case)]

    @property
    def read(self) -> str:
        """When the list was read, UTC, ISO 8601 to the second."""
        return self._read

    @property
    def is_being_read(self) -> bool:
        """Whether a newer list is about to be there."""
        return self._looking.locked()

    def prepare(self) -> None:
        """Read the list meanwhile, for somebody who is about to come in."""
        if time.monotonic() - self._looked > _FRESH_SECONDS or not self._looked:
            self._look_meanwhile()

    def read_list(self) -> None:
        """Read the list of cases now, unless it is fresh."""
        self._all(at_once=False)

    def forget(self) -> None:
        """What was done just now is to be seen at once."""
        self._looked = 0.0

    def _all(self, *, at_once: bool) -> tuple[Row, ...]:
        age = time.monotonic() - self._looked
        if not self._looked or (age > _STALE_SECONDS and not at_once):
            with self._looking:
                if not self._looked or time.monotonic() - self._looked > _FRESH_SECONDS:
                    self._look()
        elif age > _FRESH_SECONDS:
            self._look_meanwhile()
        return self._rows

    def _look_meanwhile(self) -> None:
        if self._looking.acquire(blocking=False):
            threading.Thread(target=self._look_and_release, daemon=True).start()

    def _look_and_release(self) -> None:
        try:
            self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        with self.open_runs() as runs:
            items = work_list(self.platform, runs)
        samples = {sample.sample_id: sample for sample in self.platform.registry.samples()}
        self._rows = tuple(self.row(item, samples.get(item.sample)) for item in items)
        self._looked, self._read = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")

    def row(self, item: WorkItem, sample: RegisteredSample | None) -> Row:
        """A sample of the work list with its case and its report."""
        if sample is None:  # a sheet was refused: nobody has registered it
            return Row(item, Case(item.sample), None)
        receipt = _page_of(self.platform, item.sample)
        case, order = self.case_of(sample), sample.person.order_id
        if receipt is None:
            return Row(item, case, order)
        told = receipt.measures
        return Row(item, case, order, str(told["stage"]), str(told["status"]), int(str(told["version"])))


def _page_of(platform: Resources, sample: str) -> Receipt | None:
    try:
        return platform.lake.receipt(clinical_report.name, sample)
    except GenomicsError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
