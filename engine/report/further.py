"""What the report says of what was found, or not looked for, beside small variants."""

from __future__ import annotations

from engine.classify.further import Further

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
    others = "Copy number by depth and variants outside the regions studied are not examined."
    return f"Looked for beside small variants: {', '.join(further.examined)}. {others}" + (
        f" Not looked for: {missing}." if missing else ""
    )
