"""What was said of a sample earlier, and what would be said of it under another release of knowledge.

Nothing here is published: a replay makes its artifacts in a folder of its own, with the contracts that runs use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.errors import KnowledgeError
from engine.ops import annotation, interpretation, report
from engine.ops.inputs import Artifact
from engine.reanalysis.changes import Change, Version, changes
from engine.receipt import Receipt, digest_text
from engine.report.amendment import changes as differences
from engine.report.statement import Statement, read_findings
from engine.report.statement_file import SUFFIX, read_statement
from resources.canary import aside, interpreted
from resources.environment import Resources
from resources.knowledge import Knowledge


def changes_of(platform: Resources, sample: str) -> list[Change]:
    """Every change of a sample's findings, oldest first, as far as their versions are kept."""
    return changes(sample, list(_versions(platform, sample)))


def _versions(platform: Resources, sample: str) -> Iterator[Version]:
    lake, name = platform.lake, interpretation.findings.name
    upstream = {one: lake.history(one, sample) for one in _UPSTREAM}
    for receipt in lake.history(name, sample):
        if lake.is_whole(receipt):
            rows = read_findings(Artifact(receipt, lake).file(".findings.parquet"))
            yield Version(receipt.created, rows, _made_from(receipt, upstream))


_UPSTREAM = (annotation.annotated_variants.name, annotation.variant_consequences.name)
"""What findings are made from, and what that is made from, as far as calls and code decide it."""


def _made_from(receipt: Receipt, histories: Mapping[str, Sequence[Receipt]]) -> Mapping[str, str]:
    """What a version of the findings was made from, beside the names of the knowledge."""
    recipes = [receipt.recipe]
    for name in _UPSTREAM:
        version = recipes[-1].inputs.get(name)
        known = [one for one in histories[name] if one.data_version == version and one.created <= receipt.created]
        recipes.append(known[-1].recipe if known else replace(receipt.recipe, inputs={}, tools={}, knowledge={}))
    _, annotated, consequences = recipes
    kin = {name: value for name, value in receipt.recipe.inputs.items() if " of " in name}
    return {
        **consequences.knowledge,
        **annotated.knowledge,
        **receipt.recipe.knowledge,
        "calls": str(consequences.inputs.get("variants")),
        "calls of the parents": digest_text(json.dumps(kin, sort_keys=True)),
        "code": digest_text(json.dumps([dict(one.tools) for one in recipes], sort_keys=True)),
        "facts of the person": digest_text(json.dumps(receipt.recipe.parameters, sort_keys=True, default=str)),
    }


@dataclass(frozen=True)
class Replay:
    """What is said of a sample now, and what would be said under other knowledge.

    Attributes:
        now: the published statement.
        then: the statement under the other knowledge; nothing of it is published.
        differs: what the present one says otherwise, in sentences; empty where both say the same.
    """

    now: Statement
    then: Statement
    differs: tuple[str, ...]


def replay(platform: Resources, sample: str, as_of: Mapping[str, str]) -> Replay:
    """State what would be said of a sample under other releases.

    Args:
        platform: the services of the deployment.
        sample: sample id.
        as_of: release by part (``{"clinvar": "2024-12-15"}``), as people call it, or the data version.

    Raises:
        KnowledgeError: there was never such a part or release, or it is not kept.
        GenomicsError: as of making the artifacts.
    """
    now = statement_of(platform, sample)
    with aside(platform) as apart:
        then = interpreted(replace(apart, knowledge=_as_of(platform, as_of)), sample)
    return Replay(now, then, () if then.digest == now.digest else differences(then, now))


def statement_of(platform: Resources, sample: str) -> Statement:
    """What is said of a sample, as published; errors as of opening an artifact through its gate."""
    receipt = platform.gate.require(report.statement.name, sample)
    return read_statement(Artifact(receipt, platform.lake).file(SUFFIX))


def _as_of(platform: Resources, releases: Mapping[str, str]) -> Knowledge:
    known = platform.knowledge
    for part, release in releases.items():
        kept = known.releases(part) if part in known.parts else ()
        found = [one for one in kept if release in (one.measures.get("release"), one.data_version)]
        named = ", ".join(dict.fromkeys(str(one.measures.get("release") or one.data_version) for one in kept))
        if not found:
            raise KnowledgeError(
                f"{part} has no release {release!r}", remedy=f"name one of {named or ', '.join(known.parts)}"
            )
        earlier = known.earlier(part, found[-1].data_version)
        if earlier is None:
            raise KnowledgeError(
                f"{part} {release} is not kept any more", remedy="declare that release and build the knowledge again"
            )
        known = earlier
    return known
