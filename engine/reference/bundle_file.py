"""A reference bundle as a file, for a process that is handed files: a notebook, a worker elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

from engine.reference.bundle import Contig, ReferenceBundle

_PATHS = frozenset(field.name for field in fields(ReferenceBundle) if "Path" in str(field.type))


def write_bundle(bundle: ReferenceBundle, path: Path) -> None:
    """Write a bundle as JSON; its parts are named by their places, and stay where they are."""
    told = asdict(bundle)
    for name in _PATHS:
        told[name] = None if told[name] is None else str(told[name].absolute())
    path.write_text(json.dumps(told))


def read_bundle(path: Path) -> ReferenceBundle:
    """The bundle that :func:`write_bundle` wrote."""
    told = json.loads(path.read_text())
    for name in _PATHS:
        told[name] = None if told[name] is None else Path(told[name])
    return ReferenceBundle(**{**told, "contigs": tuple(Contig(**one) for one in told["contigs"])})
