"""Saying who the persons are behind the pseudonyms, and looking it up: both are written to the audit log.

Nothing of a person is given on the command line, where other users of the machine and the shell's history would see it:
it comes in a table, from a file or from standard input, and is not repeated in any message.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from console.choosing import find, person
from console.listing import empty
from console.output import plain, print_json
from engine.errors import GenomicsError
from engine.reads.registration import RegisteredSample
from resources.decisions import require_reason
from resources.environment import Resources
from resources.identity_sheet import Said, read_identities


def identify(platform: Resources, chosen: argparse.Namespace) -> int:
    """Take a table of who persons are; a row that cannot be taken is told, and the next is."""
    who = person(chosen)
    require_reason(who, chosen.reason, what="saying who a person is")
    subjects = {one.sample_id: one.person.subject_id for one in _registered(platform)}
    taken: list[str] = []
    refused = 0
    for row in read_identities(*_table(chosen.file), mrn_system=chosen.mrn_system):
        try:
            taken.append(_take(platform, row, subjects, who, chosen.reason))
        except GenomicsError as error:
            refused += 1
            print(error.about(file=chosen.file), file=sys.stderr)
    told = [{"subject": subject, "samples": _samples_of(subject, subjects)} for subject in dict.fromkeys(taken)]
    if chosen.json:
        print_json(told)
    else:
        _tell(told, refused)
    return int(refused > 0)


def identity(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show who the person of a sample is."""
    who = person(chosen)
    require_reason(who, chosen.reason, what="looking up who a person is")
    sample = find(platform, chosen.sample)
    subject = platform.registry.sample(sample).person.subject_id
    found = platform.identities.look_up(subject, who=who, purpose=chosen.reason, sample=sample)
    told = {name: value for name, value in asdict(found).items() if value}
    if chosen.json:
        print_json(told)
    else:
        for name, value in told.items():
            print(f"{name.replace('_', ' ')}: {plain('; '.join(value) if isinstance(value, tuple) else str(value))}")
    return 0


def _table(file: str) -> tuple[bytes, Path]:
    if file == "-":
        return sys.stdin.buffer.read(), Path("standard input")
    return Path(file).read_bytes(), Path(file)


def _registered(platform: Resources) -> tuple[RegisteredSample, ...]:
    if not platform.settings.data.is_dir():
        raise empty(platform)
    return platform.registry.samples()


def _take(platform: Resources, row: Said | GenomicsError, subjects: Mapping[str, str], who: str, reason: str) -> str:
    """Keep what a row says; returns the subject."""
    if isinstance(row, GenomicsError):
        raise row
    said = row.identity
    try:
        if row.sample:
            sample = row.sample if row.sample in subjects else find(platform, row.sample)
            said = replace(said, subject_id=subjects[sample])
        platform.identities.identify(said, person=who, reason=reason)
    except GenomicsError as error:
        error.place = error.place or f"line {row.line}"
        raise
    return said.subject_id


def _samples_of(subject: str, subjects: Mapping[str, str]) -> list[str]:
    return [sample for sample, whose in subjects.items() if whose == subject]


def _tell(told: list[dict[str, Any]], refused: int) -> None:
    for each in told:
        print(f"{each['subject']} is identified: samples {', '.join(each['samples'])}")
    print(f"{len(told):,} identified, {refused:,} refused; bundles name them when samples run next: genomics retry")
