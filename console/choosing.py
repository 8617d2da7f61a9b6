"""Whom a command is about, and who gives it: samples as people name them, and the person who decides."""

from __future__ import annotations

import argparse
import getpass

from console.listing import empty
from console.names import require_sample
from engine.errors import GenomicsError
from engine.reads.sample_names import as_written, safe_id
from resources.environment import Resources


def find(platform: Resources, name: str) -> str:
    """The id of that sample, as it is or as the laboratory writes it; where there is none, which one may be meant."""
    found = platform.registry.ids() if platform.settings.data.is_dir() else {}
    if not found:
        raise empty(platform)
    written = {as_written(known): sample_id for sample_id, known in found.items() if known}
    typed = as_written(name)
    sample_id = written.get(typed) or safe_id(typed)
    if sample_id in found:
        return str(sample_id)
    _raise_refused(platform, sample_id or name)
    return require_sample(name, (*found, *written))


def _raise_refused(platform: Resources, name: str) -> None:
    """Of a sample that is not registered, the sheet that named it and what stands against that."""
    for error in platform.registry.refusals():
        if error.sample == name:
            raise error


def person(chosen: argparse.Namespace) -> str:
    """Who decides; an account without a name (a container's) must be given one."""
    try:
        return chosen.person or getpass.getuser()
    except (KeyError, OSError) as error:
        raise GenomicsError("the user logged in has no name", remedy="give --person") from error
