"""What the report says of what was found, or not looked for, beside small variants."""

from __future__ import annotations

from engine.classify.further import REPEAT_EXPANSIONS, SMN1_COPIES, Further

UNEXAMINED = (
    "Copy number changes, repeat expansions, rearrangements and variants outside the regions studied are not examined."
)
"""Where nothing beside small variants was looked for."""


def headlines(further: Further) -> list[str]:
    """Each finding in one line, with what it means."""
    return [f"{one.headline}. {one.sentence.rstrip('.')}" for one in further.findings]


def limit(further: Further) -> str:
    """In one sentence what was not examined, and why as far as something beside it was."""
    if not further.examined:
        return UNEXAMINED
    missing = "; ".join(f"{what} ({why})" for what, why in further.not_examined)
    named = [what for what in (REPEAT_EXPANSIONS, SMN1_COPIES) if what in further.examined]
    sentences = [
        f"Looked for beside small variants: {', '.join(further.examined)}.",
        f"Of {' and '.join(named)} nothing is told in genes that the order does not name." if named else "",
        "Variants outside the regions studied are not examined.",
        f"Not looked for: {missing}." if missing else "",
    ]
    return " ".join(filter(None, sentences))
