"""Whose sample goes first, and how many of one sender run at a time: the laboratory's file, and a turn for each run.

A sender is a folder of the landing zone: who may write there is the file system's word, not the sheet's. Dagster's
queue starts the run of the highest ``dagster/priority``; here that number is made of the sender's precedence and, among
equals, of a turn by start-time fair queuing (Goyal, Vin, Cheng, SIGCOMM 1996): a sender's next run begins where its
last one ends, and no earlier than where the machine is. So a thousand samples of one sender do not keep three of
another waiting, and nobody waits while there is room.

>>> queue = Queue({"ward": Sender("urgent"), "study": Sender("research", at_once=1)}, at_once=4)
>>> queue.sender_of("ward/monday.csv"), queue.sender_of("monday.csv")
('ward', '.')
>>> queue.priority("ward", 9_000) > queue.priority(".", 0) > queue.priority("study", 0)
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from engine.errors import GenomicsError
from engine.files.strict_yaml import load_yaml

SENDER, UNNAMED, PRECEDENCE = "genomics/sender", "genomics/sender_unnamed", "genomics/precedence"
"""Tags of a run: its sender, the same where the file does not name it, and the sender's precedence."""
TURN, PRIORITY = "genomics/turn", "dagster/priority"
"""Tags of a run: its turn among those of equal precedence, and what Dagster's queue sorts by."""
PRECEDENCES = ("urgent", "routine", "research")
WHOLE_ZONE = "."
"""The sender of sheets that lie in no folder of the landing zone."""
_RUN = 10_000
"""What a run takes of a sender's turns whose share is 1."""
_LEVEL = 10**12
"""Between two precedences: more than turns come to in a thousand million runs."""
_MOST_SHARE = 100


class QueueError(GenomicsError):
    """The file that says whose samples go first cannot be used."""


@dataclass(frozen=True)
class Sender:
    """What the file says of one.

    Attributes:
        precedence: one of :data:`PRECEDENCES`; nothing of a lower one is started while one of a higher one waits.
        share: how many of its runs go for one of a sender whose share is 1, 1 to 100.
        at_once: runs at a time at most; absent where there is no such limit.
    """

    precedence: str = "routine"
    share: int = 1
    at_once: int | None = None


@dataclass(frozen=True)
class Queue:
    """The file.

    Attributes:
        senders: by the name of their folder.
        at_once: runs at a time of each sender that it does not name; absent where there is no such limit.
    """

    senders: Mapping[str, Sender] = field(default_factory=dict)
    at_once: int | None = None

    def sender_of(self, sheet: str) -> str:
        """Whose a sheet is, by its path relative to the landing zone."""
        first, *below = PurePosixPath(sheet).parts
        return first if below else WHOLE_ZONE

    def step(self, sender: str) -> int:
        """What one of its runs takes of its turns."""
        return _RUN // self._told(sender).share

    def priority(self, sender: str, turn: int) -> int:
        """As Dagster's queue sorts by, the highest first."""
        level = len(PRECEDENCES) - 1 - PRECEDENCES.index(self.precedence(sender))
        return level * _LEVEL - turn

    def precedence(self, sender: str) -> str:
        """Of :data:`PRECEDENCES`."""
        return self._told(sender).precedence

    def tags(self, sender: str, turn: int) -> dict[str, str]:
        """Of a run that is asked for."""
        told = {SENDER: sender, PRECEDENCE: self.precedence(sender), TURN: str(turn)}
        told |= {PRIORITY: str(self.priority(sender, turn))}
        return told if sender in self.senders else told | {UNNAMED: sender}

    @property
    def limits(self) -> list[dict[str, Any]]:
        """``tag_concurrency_limits`` of ``dagster.yaml``."""
        named = [
            {"key": SENDER, "value": name, "limit": one.at_once} for name, one in self.senders.items() if one.at_once
        ]
        others = {"key": UNNAMED, "value": {"applyLimitPerUniqueValue": True}, "limit": self.at_once}
        return [*named, *([others] if self.at_once else [])]

    def _told(self, sender: str) -> Sender:
        return self.senders.get(sender, Sender())


def read_queue(path: Path | None) -> Queue:
    """What the file says; no precedence and no limits where there is none.

    Raises:
        QueueError: it cannot be read, or says what is not known.
    """
    if path is None:
        return Queue()
    try:
        told = load_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _refused(path, f"it cannot be read: {error}") from error
    if (
        not isinstance(told, dict)
        or not isinstance(told.get("senders", {}), dict)
        or set(told) - {"senders", "at_once"}
    ):
        raise _refused(path, "it is to have senders, at_once, or both, and nothing else")
    senders = {str(name): _sender(path, str(name), said) for name, said in told.get("senders", {}).items()}
    return Queue(senders, _number(path, "at_once", told.get("at_once")))


def _sender(path: Path, name: str, told: Any) -> Sender:
    known = [one.name for one in fields(Sender)]
    if name != WHOLE_ZONE and (PurePosixPath(name).name != name or name.startswith(".")):
        raise _refused(path, f"{name!r} is no name of a folder")
    if not isinstance(told, dict) or set(told) - set(known):
        raise _refused(path, f"of {name} can be said: {', '.join(known)}")
    precedence = told.get("precedence", Sender.precedence)
    if precedence not in PRECEDENCES:
        raise _refused(path, f"the precedence of {name} is {precedence!r}, none of {', '.join(PRECEDENCES)}")
    share = _number(path, f"share of {name}", told.get("share", Sender.share), most=_MOST_SHARE)
    return Sender(precedence, share or Sender.share, _number(path, f"at_once of {name}", told.get("at_once")))


def _number(path: Path, what: str, told: Any, *, most: int | None = None) -> int | None:
    if told is None:
        return None
    if type(told) is not int or told < 1 or (most and told > most):
        raise _refused(path, f"{what} is {told!r}, no number from 1" + (f" to {most}" if most else ""))
    return told


def _refused(path: Path, problem: str) -> QueueError:
    return QueueError(problem, file=path, remedy="write it as docs/operators-guide.md shows (Whose sample goes first)")
