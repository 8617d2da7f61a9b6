"""How large a panel of normals is: the other samples beside which copies of targets are told."""

from __future__ import annotations

from typing import Final

PANELS: Final = (10, 20, 40)
"""Sizes: beside fewer samples than the first nothing is told, and a panel grows from one to the next alone."""
LEAST_NORMALS: Final = PANELS[0]


def too_few(normals: int) -> str:
    """Why nothing is told beside so many others."""
    return (
        f"targets were sequenced, and {normals} samples of other families with the same targets are there "
        f"to compare with, where {LEAST_NORMALS} are needed"
    )
