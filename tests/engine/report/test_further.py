"""What a report says of the rest of the genome: what was looked for, what not and why, and what only where asked."""

from __future__ import annotations

from engine.classify.further import REPEAT_EXPANSIONS, SMN1_COPIES, Further
from engine.report.further import UNEXAMINED, limit
from engine.structural.events import BY_DEPTH, BY_JUNCTIONS

EXOME = "targets were sequenced"


def test_what_was_looked_for_is_never_called_unexamined() -> None:
    told = limit(Further((), (BY_JUNCTIONS, BY_DEPTH)))
    assert told == (
        "Looked for beside small variants: structural variants, copy number by depth. Variants outside the regions "
        "studied are not examined."
    )
    assert limit(Further()) == UNEXAMINED


def test_what_was_not_looked_for_is_named_with_the_reason() -> None:
    told = limit(Further((), (BY_JUNCTIONS,), ((BY_DEPTH, EXOME), (SMN1_COPIES, EXOME))))
    assert told.endswith(
        "Not looked for: copy number by depth (targets were sequenced); copies of SMN1 (targets were sequenced)."
    )


def test_what_is_told_only_in_genes_of_the_order_is_said_to_be() -> None:
    both = limit(Further((), (REPEAT_EXPANSIONS, SMN1_COPIES)))
    assert "Of repeat expansions and copies of SMN1 nothing is told in genes that the order does not name." in both
    assert "nothing is told in genes" not in limit(Further((), (BY_JUNCTIONS,)))
