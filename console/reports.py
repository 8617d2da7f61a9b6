"""What the commands about a sample's report do: show it, one of its versions, review it, sign it."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path
from typing import Any

from console.choosing import find, person
from console.listing import since
from console.output import plain, print_json
from engine.ops.report import clinical_report, fhir_bundle
from engine.receipt import Receipt
from engine.report.amendment import Version
from engine.report.issue import SignOut
from resources.environment import Resources
from resources.signing import Draft, Reports


def report(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show where a sample's report stands and where its page lies, or one of its signed versions."""
    name, reports = find(platform, chosen.sample), Reports(platform)
    if chosen.version is not None:
        return _show_version(reports, name, chosen)
    if chosen.identified:
        return _write_identified(reports, name, chosen)
    draft = reports.draft(name)
    page, bundle = reports.write(name, log=lambda _: None)
    files = _files(reports, page, bundle)
    history = reports.versions(draft)
    if chosen.json:
        print_json(_told(draft, history) | {"files": files})
    else:
        _print_standing(draft, history)
        for kind, path in files.items():
            print(f"  {kind}: {path}")
        if not draft.issue.is_signed:
            digest = draft.statement.digest
            print(f"  to sign what it says: genomics sign {name} --person ... --digest {digest[:16]}")
    return _open(files, chosen)


def sign(platform: Resources, chosen: argparse.Namespace) -> int:
    """Review or sign what a report says, by its digest; page and bundle are made anew and bear it."""
    name, reports = find(platform, chosen.sample), Reports(platform)
    if chosen.reviewed:
        if chosen.corrected or chosen.reason:
            chosen.usage("--reviewed goes with neither --corrected nor --reason")
        step = reports.review(name, chosen.digest, person=chosen.person)
    else:
        step = reports.sign(
            name, chosen.digest, person=chosen.person, corrected=chosen.corrected, reason=chosen.reason
        )  # fmt: skip
    page, bundle = reports.write(name, log=lambda _: None)
    files = _files(reports, page, bundle)
    if chosen.json:
        print_json(vars(step) | {"version": page.measures["version"], "files": files})
        return 0
    print(f"{_step(step)}; version {page.measures['version']} of the report of {name} is {page.measures['status']}")
    for kind, path in files.items():
        print(f"  {kind}: {path}")
    return 0


def add_to(report_: argparse.ArgumentParser, sign_: argparse.ArgumentParser) -> None:
    """The options of the two commands."""
    for sub in (report_, sign_):
        sub.add_argument("sample", metavar="SAMPLE", help="the sample's id")
    report_.add_argument("--open", action="store_true", help="open the page in a browser")
    which = report_.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="a signed version, as it was signed")
    which.add_argument(
        "--identified", type=Path, metavar="FILE", help="write the page with the person's name there (.html or .pdf)"
    )
    report_.add_argument("--person", help="who asks for the name (default: the user logged in)")
    sign_.add_argument("--person", required=True, help="who reviews or signs")
    sign_.add_argument("--digest", required=True, help="of what was looked at, as `genomics report` shows it")
    sign_.add_argument("--reviewed", action="store_true", help="note a review; somebody signs afterwards")
    sign_.add_argument("--corrected", action="store_true", help="the signed report was wrong; otherwise it is amended")
    sign_.add_argument("--reason", help="why a signed report is replaced, in a sentence")


def _show_version(reports: Reports, name: str, chosen: argparse.Namespace) -> int:
    signature, page = reports.version(name, chosen.version)
    files = _files(reports, page)
    if chosen.json:
        print_json(vars(signature) | {"version": chosen.version, "files": files})
    else:
        print(f"{name}, version {chosen.version} ({signature.state}): {_step(signature)}")
        for kind, path in files.items():
            print(f"  {kind}: {path}")
    return _open(files, chosen)


def _write_identified(reports: Reports, name: str, chosen: argparse.Namespace) -> int:
    target: Path = chosen.identified
    reports.write_identified(name, target, person=person(chosen))
    if chosen.json:
        print_json({"sample": name, "file": str(target)})
    else:
        print(f"{target}: the report of {name} with the person's name; it is not kept in the lake")
    return _open({target.suffix.lstrip("."): str(target)}, chosen)


def _files(reports: Reports, *receipts: Receipt) -> dict[str, str]:
    """Where the files of page and bundle lie, by kind."""
    kinds = {".html": "page", ".pdf": "PDF", ".json": "FHIR bundle", ".tsv": "genes not fully called"}
    return {
        kinds[Path(file.name).suffix]: str(reports.platform.lake.path(receipt, file.name))
        for receipt in receipts
        for file in receipt.files
        if receipt.asset in (clinical_report.name, fhir_bundle.name) and Path(file.name).suffix in kinds
    }


def _open(files: dict[str, str], chosen: argparse.Namespace) -> int:
    if not chosen.open:
        return 0
    path = Path(next(iter(files.values())))
    if webbrowser.open(path.resolve().as_uri()):
        return 0
    print(f"no browser can be opened here; the page is {path}", file=sys.stderr)
    return 1


def _told(draft: Draft, history: tuple[Version, ...]) -> dict[str, Any]:
    said, issue = draft.statement, draft.issue
    return {
        "sample": said.case.sample,
        "stage": issue.stage,
        "status": issue.status,
        "version": issue.version,
        "digest": said.digest,
        "outcome": said.outcome,
        "conclusion": said.conclusion,
        "signature": vars(issue.signature) if issue.signature else None,
        "reviews": [vars(review) for review in issue.reviews],
        "versions": [
            {"number": one.number, "status": one.status, "person": one.signature and one.signature.person}
            | {"recorded": one.signature and one.signature.recorded, "changes": one.changes}
            for one in history
        ],
    }


def _print_standing(draft: Draft, history: tuple[Version, ...]) -> None:
    said, issue = draft.statement, draft.issue
    print(f"{said.case.sample}: report version {issue.version}, {issue.stage} ({issue.status}): {said.outcome}")
    for sentence in said.conclusion:
        print(f"  {plain(sentence)}")
    for step in (*issue.reviews, *([issue.signature] if issue.signature else [])):
        print(f"  {_step(step)}")
    for version in history[:-1]:
        assert version.signature is not None
        print(f"  version {version.number} ({version.status}): {_step(version.signature)}")
    for change in history[-1].changes or ():
        print(f"  otherwise than version {history[-1].number - 1}: {plain(change)}")
    print(f"  digest of what it says: {said.digest}")


def _step(step: SignOut) -> str:
    did = "signed" if step.signs else "reviewed"
    reason = f", because {plain(step.reason)}" if step.reason else ""
    return f"{did} by {plain(step.person)}, {since(step.recorded)}{reason}"
