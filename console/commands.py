"""What each command does. A command returns the exit code: 0, or 1 where something asked of it could not be done.

One sample that cannot be served never stops the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from console.choosing import find, person
from console.listing import empty, filtered, named, rows_of, since, told
from console.names import require_name
from console.output import plain, print_json
from engine.errors import GenomicsError
from engine.reanalysis.confirmation import confirms
from resources import recovery
from resources.checked import artifacts_of
from resources.decisions import require_reason
from resources.environment import Resources
from resources.forgetting import discard_made_of_withdrawn, discarded, forget_person
from resources.work_list import State, Waits


def sample(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show a sample's artifacts, checks and history; an artifact that cannot be used is told, and the next is shown."""
    name = find(platform, chosen.sample)
    (row,) = rows_of(platform, [name])
    artifacts = artifacts_of(platform, name)
    stands = _stands_under(platform, name)
    history = platform.registry.history(name)
    if chosen.json:
        print_json(
            asdict(row)
            | {"artifacts": artifacts, "stands_under": stands, "history": [asdict(entry) for entry in history]}
        )
    else:
        where = f"{row.state} at {row.stage} since {since(row.since)}"
        print(f"{named(row)}: {where}, attempt {row.attempt}, from {plain(row.sheet)}")
        if words := told(row):
            print(f"  {plain(words)}")
        for artifact in artifacts:
            _show(artifact)
        for one in stands:
            made = f"made with {one['part']} {one['release_before']}"
            print(f"  stands under {one['part']} {one['release_after']}, confirmed {since(one['confirmed'])} ({made})")
        for entry in history:
            print(f"  {since(entry.recorded)} {entry.event}{_details(entry.details)}")
    return int(any("problem" in artifact for artifact in artifacts))


def override(platform: Resources, chosen: argparse.Namespace) -> int:
    """Let one version of an artifact through a failed check."""
    name = find(platform, chosen.sample)
    thresholds = platform.gate.thresholds
    asset = require_name(chosen.asset, thresholds.assets, kind="asset with checks", sample=name)
    checks = [threshold.name for threshold in thresholds.of(asset)]
    check = require_name(chosen.check, checks, kind=f"check of {asset}", sample=name)
    platform.gate.override(asset, name, check, person=person(chosen), reason=chosen.reason)
    said = {"sample": name, "asset": asset, "check": check, "overridden": True}
    _tell(chosen, said, f"{asset}.{check} is overridden for this version of {name}; retry the sample next")
    return 0


def retry(platform: Resources, chosen: argparse.Namespace) -> int:
    """Ask for another run of samples as they are, of those named or of all that failed."""
    if chosen.samples and (chosen.stage or chosen.family or chosen.why):
        chosen.usage(f"--stage, --family and --why choose among those of {chosen.option}")
    rows = {row.sample: row for row in rows_of(platform)}
    asked: list[dict[str, Any]] = []

    def ask(name: str) -> None:
        if (row := rows.get(name)) and row.state in (State.QUEUED, State.RUNNING):
            raise GenomicsError(
                f"its run is {row.state}, since {since(row.since)}",
                sample=name,
                remedy="wait for its end, or end it in the web UI first",
            )
        waits = platform.decisions.retry(name, person=person(chosen), reason=chosen.reason)
        asked.append({"sample": name, "attempt": waits.attempt})
        if not chosen.json:
            print(f"{name} waits for attempt {waits.attempt}")

    failed = [row.sample for row in filtered(platform, tuple(rows.values()), chosen) if row.state is State.FAILED]
    refused = each(platform, _asked_for(platform, chosen, failed, "no such sample has failed"), ask)
    shut = [row for row in rows.values() if chosen.whole and row.waits_for is Waits.GATE]
    for row in shut:
        print(f"{row.sample} is not asked for again: {plain(told(row))}", file=sys.stderr)
    if chosen.json:
        print_json(asked)
    return refused


def withdraw(platform: Resources, chosen: argparse.Namespace) -> int:
    """Take a sample out: it is not run again, and leaves the cohort; with ``--forget``, whose it is as well."""
    name = find(platform, chosen.sample)
    if chosen.forget is not None:
        _require_only_sample(platform, name, chosen.forget)
    platform.decisions.withdraw(name, person=person(chosen), reason=chosen.reason)
    said: dict[str, Any] = {"sample": name, "state": State.WITHDRAWN}
    told = f"{name} is withdrawn; the cohort's tables are built without it next, its artifacts stay in the lake"
    if discarded := [receipt.asset for receipt in discard_made_of_withdrawn(platform)]:
        said["discarded"] = discarded
        told += f"\ndiscarded, since they were made with it: {', '.join(discarded)}"
    if chosen.forget is not None:
        removed, had_key = forget_person(platform, chosen.forget, person=person(chosen), reason=chosen.reason)
        said |= {"forgotten": had_key, "bundles_removed": removed}
        key = "the key is destroyed, nobody reads again what it sealed" if had_key else "nobody had said who it is"
        told += f"\n{chosen.forget} is forgotten: {key}; {removed:,} bundles that named the person are removed"
    _tell(chosen, said, told)
    return 0


def _require_only_sample(platform: Resources, name: str, subject: str) -> None:
    """Refuse to forget a person who is not the sample's, or of whom another sample takes part."""
    if platform.registry.sample(name).person.subject_id != subject:
        raise GenomicsError(
            f"the sample is not one of {subject!r}",
            sample=name,
            remedy="give --forget the pseudonym of the sample's person: what is forgotten is said twice",
        )
    same = (one for one in platform.registry.samples() if one.person.subject_id == subject and not one.withdrawn)
    if others := [one.sample_id for one in same if one.sample_id != name]:
        raise GenomicsError(
            f"other samples of {subject} take part: {', '.join(others)}",
            sample=name,
            remedy="withdraw them first, and forget the person with the last one",
        )


def reinstate(platform: Resources, chosen: argparse.Namespace) -> int:
    """Let a withdrawn sample take part again."""
    name = find(platform, chosen.sample)
    waits = platform.decisions.reinstate(name, person=person(chosen), reason=chosen.reason)
    said = {"sample": name, "attempt": waits.attempt}
    _tell(chosen, said, f"{name} takes part again and waits for attempt {waits.attempt}")
    return 0


def verify(platform: Resources, chosen: argparse.Namespace) -> int:
    """Read artifacts again and compare every sha256, and receipts and overrides with the audit log.

    What is wrong with one is told, and the next is read.
    """
    verified: list[dict[str, Any]] = []
    platform.audit.verify()

    def read(name: str) -> None:
        assets = sorted({*platform.lake.assets(name), *platform.gate.ledger.assets(name)})
        if not assets:
            print(f"{name}: nothing is published yet", file=sys.stderr)
        verified.extend(_verified(platform, asset, name, quiet=chosen.json) for asset in assets)
        overrides.extend(platform.gate.override_findings(name))

    overrides: list[str] = []
    every = tuple(platform.registry.ids()) if platform.settings.data.is_dir() else ()
    refused = each(platform, _asked_for(platform, chosen, every, "no sample"), read)
    shared = sorted({*platform.lake.assets(), *platform.gate.ledger.assets(None)}) if chosen.whole else []
    verified.extend(_verified(platform, asset, None, quiet=chosen.json) for asset in shared)
    for problem in overrides:
        print(problem, file=sys.stderr)
    damaged = sum(not artifact["whole"] for artifact in verified) + len(overrides)
    if chosen.json:
        print_json(verified)
    elif verified:
        files, size = (sum(artifact[part] for artifact in verified) for part in ("files", "bytes"))
        outcome = f"{damaged:,} NOT as published" if damaged else "all as published"
        print(f"{len(verified):,} artifacts, {files:,} files, {size:,} bytes read: {outcome}")
    return int(refused or damaged > 0)


def audit(platform: Resources, chosen: argparse.Namespace) -> int:
    """Verify the audit log's chain and that it reaches as far as its anchor says, and tell what has no outcome."""
    if not platform.settings.data.is_dir():
        raise empty(platform)
    if chosen.accept:
        return _accept(platform, chosen)
    entries = platform.audit.verify()
    told = [recovery.described(entry) for entry in platform.audit.open_intents()]
    if chosen.json:
        shown = {"file": str(platform.audit.path), "entries": entries, "unbroken": True, "without_outcome": told}
        print_json(shown)
    else:
        print(f"{platform.audit.path}: {entries:,} entries, chain unbroken")
    for line in () if chosen.json else told:
        print(f"without outcome: {line}")
    return 0


def _accept(platform: Resources, chosen: argparse.Namespace) -> int:
    """Go on with an audit log that is not what it was, on a person's word."""
    who, reason = person(chosen), chosen.reason or ""
    require_reason(who, reason, what="accepting the log")
    problem = platform.audit.accept(who, reason)
    told = f"{platform.audit.path} is gone on with as it is, and says so: {problem}"
    _tell(chosen, {"file": str(platform.audit.path), "accepted": problem}, told)
    return 0


def _asked_for(platform: Resources, chosen: argparse.Namespace, belong: Sequence[str], none: str) -> list[str]:
    """The samples that were named, each once, or all that belong to the option given in their place."""
    if bool(chosen.samples) == chosen.whole:
        chosen.usage(f"name samples, or give {chosen.option}")
    if not chosen.whole:
        return list(dict.fromkeys(chosen.samples))
    if not belong:
        print(f"{none} in {platform.settings.data}", file=sys.stderr)
    return list(belong)


def each(platform: Resources, names: Sequence[str], act: Callable[[str], None]) -> int:
    """Do for each sample what can be done; 1 where one was refused."""
    refused = 0
    for name in names:
        try:
            act(find(platform, name))
        except GenomicsError as error:
            refused = 1
            print(error.about(sample=name), file=sys.stderr)
    return refused


def _tell(chosen: argparse.Namespace, said: dict[str, Any], line: str) -> None:
    """What was done, for programs or for people."""
    if chosen.json:
        print_json(said)
    else:
        print(line)


def _details(details: dict[str, Any]) -> str:
    """What is known of an event, in words: ``attempt 2, reason the share was offline``."""
    return ": " + plain(", ".join(f"{name} {value}" for name, value in details.items())) if details else ""


def _stands_under(platform: Resources, sample: str) -> list[dict[str, Any]]:
    """The knowledge under which what is said of a sample was confirmed to stand, each part once."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for one in platform.confirmations.of(sample):
        receipt = platform.lake.receipt(one.asset, sample)
        if receipt and confirms(one, receipt):
            names = ("part", "release_before", "release_after", "confirmed")
            told.setdefault((one.part, one.stands_under), {name: getattr(one, name) for name in names})
    return list(told.values())


def _show(artifact: dict[str, Any]) -> None:
    if "problem" in artifact:
        print(artifact["problem"], file=sys.stderr)
        return
    told = f"{artifact['records']:,} records, {artifact['data_version'][:12]}, made {artifact['created']}"
    print(f"  {artifact['asset']}: {told}")
    for check in artifact["checks"]:
        if check["state"] not in ("passed", "does not apply"):
            print(f"    {check['state']}: {check['told']}")


def _verified(platform: Resources, asset: str, sample: str | None, *, quiet: bool) -> dict[str, Any]:
    """Whether an artifact is what its receipt says, and its receipt the one published, told as it becomes known."""
    problems: list[str] = []
    told: dict[str, Any] = {"sample": sample, "asset": asset, "files": 0, "bytes": 0, "whole": False}
    told["problems"] = problems
    try:
        findings = platform.lake.findings(asset, sample)
        for finding in findings:
            problems.append(finding.problem)
            print(f"{sample or 'shared'} {asset}: {finding.problem}", file=sys.stderr)
        receipt = platform.lake.receipt(asset, sample)
        if receipt is None:
            return told
        told |= {"files": len(receipt.files), "bytes": sum(file.bytes for file in receipt.files)}
        if gone := discarded(platform.audit, receipt):
            if not quiet:
                print(f"{sample or 'shared'} {asset}: removed by {gone.event.who}, {gone.when}")
            return told | {"files": 0, "bytes": 0, "discarded": gone.when, "whole": True}
        platform.lake.verify(receipt)
    except GenomicsError as error:
        problems.append(str(error))
        print(error, file=sys.stderr)
        return told
    if not quiet:
        print(f"{sample or 'shared'} {asset}: {len(receipt.files)} files as published {receipt.created}")
    return told | {"whole": all(finding.harmless for finding in findings)}
