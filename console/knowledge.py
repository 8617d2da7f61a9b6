"""``genomics knowledge``: what the deployment knows, of which release; declaring downloads; what is held."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.choosing import person
from console.names import require_name
from console.output import plain, print_json
from engine.errors import KnowledgeError
from resources.declaration import DECLARATIONS, FIELDS, read_declaration
from resources.environment import Resources
from resources.secrets import signed_in
from resources.shipped_files import BROUGHT, Gathered, declare, gather, is_known
from resources.storage_folder import StorageFolder, container_url, local_path


def knowledge(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show every part; or declare what lies in a folder, list what is held, or release it."""
    if chosen.release:
        return _release(platform, chosen)
    if chosen.held:
        return _held(platform, chosen.json)
    if chosen.source is None:
        return _show(platform, chosen.json)
    reference = platform.settings.reference
    if reference.endswith((".yaml", ".yml")):
        raise KnowledgeError(
            "the reference is declared by a YAML of the laboratory's own",
            file=reference,
            remedy=f"declare the files in it, or set GENOMICS_REFERENCE to one of {_named()}",
        )
    gathered = gather(_folder(platform, chosen.source))
    path = declare(gathered, DECLARATIONS / f"{reference}.yaml", platform.settings.data / "sources")
    _tell(gathered, path, platform, chosen.json)
    return 0


def _folder(platform: Resources, source: str) -> Path:
    """The folder of downloads: one of this machine, or what was brought here from a storage."""
    if (local := local_path(source)) is not None:
        return local
    container, path = container_url(source, platform.settings.lake)
    print(f"bringing what is known of {source.partition('?')[0]} here ...", file=sys.stderr)
    remote = StorageFolder(container, path, signed_in())
    return remote.bring(platform.settings.data / "sources" / BROUGHT, is_known)


def _held(platform: Resources, as_json: bool) -> int:
    """What each release would do that waits for a person."""
    trials = [trial for part in platform.knowledge.parts if (trial := platform.canary.held(part))]
    if as_json:
        print_json([asdict(trial) for trial in trials])
        return 0
    for trial in trials:
        print(plain(f"{trial.summary} (tried {trial.tried})"))
        for line in (*map(str, trial.flips), *trial.failed):
            print(plain(f"  {line}"))
    print(f"{len(trials)} releases are held", file=sys.stderr)
    return 0


def _release(platform: Resources, chosen: argparse.Namespace) -> int:
    part = require_name(chosen.release, platform.knowledge.parts, kind="part of the knowledge")
    trial = platform.canary.release(part, person=person(chosen), reason=chosen.reason)
    if chosen.json:
        print_json({"part": part, "release": trial.release, "data_version": trial.data_version, "released": True})
        return 0
    print(plain(f"{part} {trial.release} is released: the job knowledge builds it, by itself where the server runs"))
    return 0


def _show(platform: Resources, as_json: bool) -> int:
    rows: list[dict[str, Any]] = []
    for part in platform.knowledge.parts:
        receipt = platform.lake.previous(part)
        source = platform.knowledge.declaration.source(part) if part in FIELDS else None
        rows.append(
            {
                "part": part,
                "built": receipt.created if receipt else None,
                "records": receipt.records if receipt else None,
                "release": receipt.measures.get("release") if receipt else None,
                "source": str(source) if source else None,
                "held": trial.release if (trial := platform.canary.held(part)) else None,
            }
        )
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        told = f"{row['built']}  {row['records']:>12,} records  " if row["built"] else "not built"
        print(f"{row['part']:<20} {told}{plain(row['release'] or '')}{_waiting(row['held'])}")
    return 0


def _waiting(release: str | None) -> str:
    return plain(f"  ({release} is held: --held)") if release else ""


def _tell(gathered: Gathered, path: Path, platform: Resources, as_json: bool) -> None:
    declared = read_declaration(path, path.parent)
    absent = [part for part in platform.knowledge.optional if not declared.source(part)]
    if as_json:
        files = {field: str(file) for field, file in gathered.files.items()}
        print_json({"declaration": str(path), "files": files, "unknown": gathered.unknown, "absent": absent})
        return
    for field, file in gathered.files.items():
        print(f"{field:<20} {plain(file.name)}  {gathered.releases.get(field, '')}".rstrip())
    for name in gathered.unknown:
        print(plain(f"{name}: its name is not known, it is left alone"), file=sys.stderr)
    if absent:
        print(f"not there: {', '.join(absent)} (what is missing without each: docs/knowledge.md)")
    print(f"declared in {path}; the job knowledge builds it, by itself where the server runs")


def _named() -> str:
    return ", ".join(sorted(file.stem for file in DECLARATIONS.glob("*.yaml")))
