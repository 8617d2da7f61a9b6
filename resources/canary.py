"""The canary: a release of knowledge is tried on signed cases before it takes force.

The cases signed last are interpreted under it, aside; nothing of that is published. A release by which more of their
signed classifications would change than the laboratory allows is held: the one before stays in force, and the list of
what it would do is kept. A person who has read the list may release it; that is entered in the audit log, which alone
decides whether it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine.errors import GenomicsError, KnowledgeError
from engine.ops.artifact import Contract
from engine.ops.inputs import Artifact
from engine.ops.services import Services
from engine.reanalysis.canary import Flip, Trial, flips
from engine.receipt import Measure, Recipe, content_version, describe_file
from resources.audit import AuditLog
from resources.contracts import load_contracts
from resources.decisions import require_reason
from resources.lake import Lake, LocalLake
from resources.lake.overlay import Overlay
from resources.registry import SampleRegistry
from resources.sign_out import SIGNED

if TYPE_CHECKING:
    from engine.report.statement import Statement

_STATEMENT = "statement"
RELEASED = "knowledge released"
"""Kind of event in the audit log."""
_TRIAL = "trial.json"
_NAMED = 10


@dataclass(frozen=True)
class Canary:
    """See :class:`engine.ops.services.Canary`.

    Attributes:
        lake: where signed statements lie, and what came of trials.
        audit: where it is read who signed what, and written down who released a release.
        registry: which samples take part.
        most_cases: cases that a release is tried on; 0 for none.
        most_percent: of their classifications that may change.
    """

    lake: Lake
    audit: AuditLog
    registry: SampleRegistry
    most_cases: int
    most_percent: int

    def try_out(
        self,
        services: Any,
        asset: str,
        folder: Path,
        recipe: Recipe,
        *,
        records: int,
        measures: Mapping[str, Measure],
        log: Callable[[str], None],
    ) -> None:
        """Interpret the cases signed last under a release that was built, and keep what came of it.

        Args:
            services: of the deployment.
            asset: part of the knowledge.
            folder: with the files of the release.
            recipe: what it was made from.
            records: of the release.
            measures: of the release.
            log: takes lines for the people who watch.

        Raises:
            KnowledgeError: it is held.
        """
        version = content_version(tuple(describe_file(path) for path in sorted(folder.iterdir())))
        before = self.lake.previous(asset)
        if before is None or before.data_version == version or version in self.released(asset):
            return
        cases = list(self._signed())
        if not cases:
            return
        release = str(measures.get("release") or f"data version {version[:12]}")
        log(f"{asset} {release} is tried on {len(cases):,} signed cases before it takes force")
        with under(services, asset, folder, recipe, records=records, measures=measures) as apart:
            told, changed, failed = _interpreted(apart, cases, log)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        trial = Trial(asset, version, release, now, len(cases), told, tuple(changed), self.most_percent, tuple(failed))
        self._keep(trial, recipe)
        log(trial.summary)
        if trial.is_held:
            raise held_back(trial)

    def _signed(self) -> Iterator[Artifact]:
        """The signed statements of the samples that take part, those signed last first; one a sample."""
        taking_part, found = set(self.registry.orders()), 0
        for entry in reversed(self.audit.standing(SIGNED)):
            sample = entry.event.sample
            if found == self.most_cases:
                return
            if sample not in taking_part:
                continue
            taking_part.remove(sample)
            if (said := self._said(sample, str(entry.event.details.get("digest")))) is not None:
                found += 1
                yield said

    def _said(self, sample: str, digest: str) -> Artifact | None:
        """The statement with that digest, as far as it is kept."""
        for receipt in reversed(self.lake.history(_STATEMENT, sample)):
            if receipt.measures.get("statement_digest") == digest and self.lake.is_whole(receipt):
                return Artifact(receipt, self.lake)
        return None

    def _keep(self, trial: Trial, recipe: Recipe) -> None:
        with self.lake.work(_artifact(trial.part)) as work:
            (work.folder / _TRIAL).write_text(trial.to_json(), "utf-8")
            measures = {"cases": trial.cases, "flips": len(trial.flips), "held": trial.is_held}
            work.publish(records=len(trial.flips), recipe=recipe, measures=measures)

    def trial(self, part: str) -> Trial | None:
        """What came of the last trial of a part; absent where there was none. LakeError where it is damaged."""
        if self.lake.receipt(_artifact(part)) is None:
            return None
        receipt = self.lake.require(_artifact(part))
        return Trial.from_json(self.lake.path(receipt, _TRIAL).read_text("utf-8"))

    def held(self, part: str) -> Trial | None:
        """The trial of a release that waits for a person; absent where none does."""
        trial = self.trial(part)
        if trial is None or not trial.is_held or trial.data_version in self.released(part):
            return None
        return trial

    def released(self, part: str) -> frozenset[str]:
        """Data versions of a part that people released although they were held."""
        return frozenset(
            str(entry.event.details.get("data_version"))
            for entry in self.audit.standing(RELEASED)
            if entry.event.details.get("part") == part
        )

    def release(self, part: str, *, person: str, reason: str) -> Trial:
        """Let a release that is held take force, when it is built next.

        Raises:
            GateError: person or reason is missing.
            KnowledgeError: no release of the part is held.
        """
        require_reason(person, reason, what="releasing a release of knowledge")
        trial = self.held(part)
        if trial is None:
            raise KnowledgeError(
                f"no release of {part} is held", remedy="look at what is held: genomics knowledge --held"
            )
        details = {"part": part, "data_version": trial.data_version, "release": trial.release, "reason": reason}
        self.audit.record(person, RELEASED, None, {**details, "flips": len(trial.flips)})
        return trial


def held_back(trial: Trial) -> KnowledgeError:
    """That a release is held, with what it would do."""
    told = [str(one) for one in trial.flips[:_NAMED]] + list(trial.failed[:_NAMED])
    more = len(trial.flips) + len(trial.failed) - len(told)
    listed = "; ".join(told) + (f"; and {more:,} more" if more > 0 else "")
    return KnowledgeError(
        f"the release is held, the one before stays in force. {trial.summary}: {listed}",
        remedy=f"read the list (genomics knowledge --held), then let it take force (genomics knowledge --release "
        f"{trial.part} --reason ...), or declare another release",
    )


@contextmanager
def under(
    services: Any, part: str, folder: Path, recipe: Recipe, *, records: int, measures: Mapping[str, Measure]
) -> Iterator[Any]:
    """The services with a part of the knowledge as it lies in a folder, over a lake that goes."""
    with aside(services) as apart:
        with apart.lake.work(part) as work:
            for path in folder.iterdir():
                shutil.copyfile(path, work.folder / path.name)
            work.publish(records=records, recipe=recipe, measures=measures)
        yield replace(apart, knowledge=replace(apart.knowledge, lake=apart.lake))


@contextmanager
def aside(services: Any) -> Iterator[Any]:
    """The services over a lake in which whatever is made lies in a folder that goes."""
    with TemporaryDirectory() as folder:
        lake = Overlay(LocalLake(Path(folder) / "lake"), services.lake)
        yield replace(
            services,
            lake=lake,
            gate=replace(services.gate, lake=lake),
            warehouse=replace(services.warehouse, root=Path(folder) / "cohort"),
        )


def interpreted(services: Services, sample: str) -> Statement:
    """What would be said of a sample by services that stand aside; what nothing changes is read as it is."""
    for contract in _replayed():
        if not contract.is_current(services, sample):
            contract.make(services, sample, log=lambda _: None)
    receipt = services.gate.require(_STATEMENT, sample)
    return _statement_in(Artifact(receipt, services.lake))


def _statement_in(artifact: Artifact) -> Statement:
    """What loads libraries of the engine is loaded when a statement is read, and not with the code location."""
    from engine.report.statement_file import SUFFIX, read_statement

    return read_statement(artifact.file(SUFFIX))


def _replayed() -> tuple[Contract, ...]:
    """What is made again where knowledge is another, in the order of making: all that knowledge can change."""
    load_contracts()
    from engine.ops import annotation, calls, interpretation, report

    interpreting = (annotation.variant_consequences, annotation.annotated_variants, interpretation.findings)
    return (calls.exon_coverage, *interpreting, report.statement)


def _interpreted(
    services: Services, cases: Iterable[Artifact], log: Callable[[str], None]
) -> tuple[int, list[Flip], list[str]]:
    """Classifications in all, those that change, and cases that could not be interpreted."""
    told, changed, failed = 0, [], []
    for signed in cases:
        sample = str(signed.receipt.sample)
        try:
            count, differing = flips(_statement_in(signed), interpreted(services, sample))
        except GenomicsError as error:
            log(f"{sample} cannot be interpreted: {error}")
            failed.append(f"{sample}: {error.problem}")
            continue
        told += count
        changed += differing
    return told, changed, failed


def _artifact(part: str) -> str:
    return f"{part}_trial"
