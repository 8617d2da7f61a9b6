"""Which cases of the work list are asked for: by what a person chooses, or by a filter that the laboratory locked.

A locked filter stands in the file that says who comes in, under a name; nobody changes it in the portal, and its name
is in the audit log's entry of every list that was asked for by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.clinic.access import REPORT_STAGES
from portal.clinic.admission import Admitted, RefusalError
from portal.clinic.house import Row

NO_REPORT = REPORT_STAGES[-1]


@dataclass(frozen=True)
class Filters:
    """What of the work list is asked for; of an empty field everything.

    Attributes:
        state: of the sample.
        report: stage of its report, ``none`` for those without one.
        stage: the artifact that it has come to.
        q: part of sample, order, family or reason, whatever its case.
    """

    state: str = ""
    report: str = ""
    stage: str = ""
    q: str = ""

    def leave(self, row: Row) -> bool:
        """Whether a row is asked for."""
        item, text = row.item, self.q.casefold()
        told = (item.sample, item.name, row.order, item.family, item.why)
        return (
            self.state in ("", item.state)
            and self.report in ("", row.stage or NO_REPORT)
            and self.stage in ("", item.stage)
            and (not text or any(text in (one or "").casefold() for one in told))
        )


def chosen_filters(admitted: Admitted, own: Filters, locked: str) -> Filters:
    """What a person chose, or the locked filter of that name in its place; RefusalError where there is none."""
    if not locked:
        return own
    told = admitted.house.access.filters.get(locked)
    if told is None:
        raise RefusalError(404, "there is no such filter", visit=admitted.visit)
    return Filters(**told)
