"""Files that leave the platform: written for one recipient, encrypted, and opened there."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path
from typing import Any

from console.choosing import find, person
from console.output import print_json
from engine.errors import ReportError
from resources.decisions import require_reason
from resources.environment import Resources
from resources.leaving import Leaving, fingerprint_of, open_files, private_key, public_key, send_files
from resources.signing import Reports

SENT = "files sent"
"""Kind of events in the audit log."""
_DEFAULT = ("clinical_report", "fhir_bundle")


def send(platform: Resources, chosen: argparse.Namespace) -> int:
    """Write a sample's files for a recipient; who gets what, and why, is written to the audit log first."""
    who, name = person(chosen), find(platform, chosen.sample)
    require_reason(who, chosen.reason, what="sending files", sample=name)
    platform.registry.participant(name)
    if not chosen.artifact:
        _require_signed(platform, name)
    key = public_key(chosen.key)
    receipts = [platform.gate.require(asset, name) for asset in chosen.artifact or _DEFAULT]
    files = [
        Leaving(platform.lake.path(receipt, file.name), receipt.asset, receipt.data_version, file.sha256, file.bytes)
        for receipt in receipts
        for file in receipt.files
    ]
    told: dict[str, Any] = {
        "recipient": fingerprint_of(key),
        "artifacts": {receipt.asset: receipt.data_version for receipt in receipts},
    }
    platform.audit.record(who, SENT, name, told | {"reason": chosen.reason})
    written = send_files(files, name, chosen.to, key)
    if chosen.json:
        print_json({"sample": name, "files": [str(path) for path in written], **told})
    else:
        for path in written:
            print(path)
        print(f"{len(files):,} files of {name} are encrypted for {told['recipient']}")
    return 0


def _require_signed(platform: Resources, sample: str) -> None:
    """A page and a bundle that nobody has signed leave only where they are named."""
    if not Reports(platform).draft(sample).issue.is_signed:
        raise ReportError(
            "what is said of it now has not been signed",
            sample=sample,
            remedy="sign it first, or name with --artifact what is to be sent all the same",
        )


def receive(_: Resources, chosen: argparse.Namespace) -> int:
    """Open what was sent; it is the same, byte for byte, or an error says which file is not."""
    key = private_key(chosen.key, lambda: getpass.getpass("Passphrase of the key: "))
    opened = open_files(chosen.folder, key, chosen.to)
    if chosen.json:
        print_json([{"file": str(one.path), "sha256": one.sha256, "bytes": one.bytes} for one in opened])
    else:
        for one in opened:
            print(f"{one.sha256}  {one.path}")
    return 0


def add_to(send_: argparse.ArgumentParser, receive_: argparse.ArgumentParser) -> None:
    """The options of the two commands."""
    send_.add_argument("sample", metavar="SAMPLE", help="the sample's id")
    send_.add_argument(
        "--artifact", action="append", metavar="NAME", help="whose files, signed or not; may be given again"
    )
    send_.add_argument("--key", type=Path, required=True, help="the recipient's public key, of Crypt4GH or OpenSSH")
    send_.add_argument("--person", help="who sends (default: the user logged in)")
    send_.add_argument("--reason", required=True, help="why, in a sentence")
    receive_.add_argument("folder", type=Path, metavar="FOLDER", help="what was received")
    receive_.add_argument("--key", type=Path, required=True, help="the recipient's private key")
    for sub in (send_, receive_):
        sub.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="takes the files")
