"""Matching two call sets by the haplotypes they make: the most calls of both sides that tell the same two sequences.

Calls are replayed on the reference from left to right, each side's on two copies. A call may be left out; a
heterozygous one may go on either copy. What has been written so far must agree between the sides, and at the end
nothing may be left over. Among all ways the one that keeps most calls wins: calls kept are true positives.
Source: the path search of vcfeval (Cleary and others 2015), with hap.py's primitive calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.compare.variants import Edit, Unit

MAX_STATES = 4_000
_TRUTH, _QUERY = 0, 1


class _State(NamedTuple):
    """How far both sides have written both copies; what happened before does not matter.

    Attributes:
        reached: reference position up to which each side's copies are written: truth 1, 2, query 1, 2.
        leads: for each copy which side is ahead, and by which bases.
        kept: bit 1 if a truth call, bit 2 if a query call was kept since both sides last agreed.
    """

    reached: tuple[int, int, int, int]
    leads: tuple[tuple[int, str], tuple[int, str]]
    kept: int


class _Score(NamedTuple):
    """Calls kept, in all and as bits of either side."""

    total: int
    truth: int
    query: int


class Match(NamedTuple):
    """Which calls of either side agree.

    Attributes:
        truth: for each truth unit, whether it was found.
        query: for each query unit, whether it is true.
        complete: all ways were looked at; else only the most promising.
    """

    truth: list[bool]
    query: list[bool]
    complete: bool


def match(truth: Sequence[Unit], query: Sequence[Unit], sequence: str, offset: int, end: int) -> Match:
    """Match the units of one neighbourhood.

    Args:
        truth: units in any order.
        query: likewise.
        sequence: reference bases from ``offset`` on.
        offset: reference position of the first base of ``sequence``.
        end: reference position at which both sides must agree, beyond every unit's stretch.
    """
    events = sorted(
        [(min(unit.edits), _TRUTH, number, unit) for number, unit in enumerate(truth)]
        + [(min(unit.edits), _QUERY, number, unit) for number, unit in enumerate(query)],
        key=lambda event: event[:3],
    )
    start = events[0][0].start if events else end
    states = {_State((start,) * 4, ((_TRUTH, ""), (_TRUTH, "")), 0): _Score(0, 0, 0)}
    complete = True
    for edit, side, number, unit in events:
        advanced = _advanced(states, edit.start, sequence, offset)
        states = {}
        for state, score in advanced.items():
            _keep_best(states, state, score)
            gained = _Score(
                score.total + 1,
                score.truth | (side == _TRUTH) << number,
                score.query | (side == _QUERY) << number,
            )
            for orientation in _orientations(unit, state):
                kept = _applied(state, side, orientation, sequence, offset)
                if kept is not None:
                    _keep_best(states, kept, gained)
        if len(states) > MAX_STATES:
            complete = False
            ranked = sorted(states.items(), key=lambda item: -item[1].total)
            states = dict(ranked[:MAX_STATES])
    final = _advanced(states, end, sequence, offset)
    agreed = [score for state, score in final.items() if _agree(state) and not state.kept]
    best = max(agreed, key=lambda score: score.total)
    return Match(
        [bool(best.truth >> number & 1) for number in range(len(truth))],
        [bool(best.query >> number & 1) for number in range(len(query))],
        complete,
    )


def _keep_best(states: dict[_State, _Score], state: _State, score: _Score) -> None:
    known = states.get(state)
    if known is None or score.total > known.total:
        states[state] = score


def _agree(state: _State) -> bool:
    return len(set(state.reached)) == 1 and not any(bases for _, bases in state.leads)


def _advanced(states: dict[_State, _Score], position: int, sequence: str, offset: int) -> dict[_State, _Score]:
    """Write the reference up to ``position`` everywhere; states whose sides then differ are gone."""
    advanced: dict[_State, _Score] = {}
    for state, score in states.items():
        moved: _State | None = state
        for place in range(4):
            if moved is not None and moved.reached[place] < position:
                moved = _written(moved, place, position, "", sequence, offset)
        if moved is None:
            continue
        if _agree(moved):
            if moved.kept in (1, 2):  # calls of one side that undo each other are not confirmed by the other
                continue
            moved = moved._replace(kept=0)
        _keep_best(advanced, moved, score)
    return advanced


def _written(
    state: _State, place: int, upto: int, alt: str, sequence: str, offset: int, end: int | None = None
) -> _State | None:
    """Write reference up to ``upto`` and then ``alt`` on one copy of one side; ``None`` if the sides then differ."""
    side, copy = divmod(place, 2)
    bases = sequence[state.reached[place] - offset : upto - offset] + alt
    lead = _compared(state.leads[copy], side, bases)
    if lead is None:
        return None
    reached = list(state.reached)
    reached[place] = upto if end is None else end
    leads = (lead, state.leads[1]) if copy == 0 else (state.leads[0], lead)
    return state._replace(reached=(reached[0], reached[1], reached[2], reached[3]), leads=leads)


def _compared(lead: tuple[int, str], side: int, bases: str) -> tuple[int, str] | None:
    ahead, pending = lead
    if not pending or ahead == side:
        return (side, pending + bases) if pending + bases else (_TRUTH, "")
    shared = min(len(pending), len(bases))
    if pending[:shared] != bases[:shared]:
        return None
    if len(pending) > shared:
        return ahead, pending[shared:]
    return (side, bases[shared:]) if len(bases) > shared else (_TRUTH, "")


def _orientations(unit: Unit, state: _State) -> list[tuple[Edit | None, Edit | None]]:
    """The ways to put a unit on two copies; one where they are alike."""
    copies = unit.copies
    same_copies = state.reached[::2] == state.reached[1::2] and state.leads[0] == state.leads[1]
    if copies[0] == copies[1] or same_copies:
        return [copies]
    return [copies, (copies[1], copies[0])]


def _applied(
    state: _State, side: int, copies: tuple[Edit | None, Edit | None], sequence: str, offset: int
) -> _State | None:
    moved: _State | None = state
    for copy, edit in enumerate(copies):
        if edit is None or moved is None:
            continue
        place = 2 * side + copy
        if moved.reached[place] > edit.start:
            return None
        moved = _written(moved, place, edit.start, edit.alt, sequence, offset, edit.end)
    return None if moved is None else moved._replace(kept=moved.kept | (1 << side))
