"""The laboratory's own catalogue: what its people decided of alleles, for every sample that carries them.

A decision is entered in the audit log before it holds, and a row of the registry that the log does not know counts for
nothing. It is never changed or taken back: a later decision on the allele takes its place, and both stay. Re-analysis
reads decisions and writes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.classify.decision import Decision, applied, decided_class
from engine.duckdb_paths import as_pattern
from engine.errors import GateError
from engine.ops.inputs import Artifact
from engine.reanalysis.carried import TABLE
from engine.receipt import canonical_json, digest_text
from resources.audit import AuditEntry, AuditEvent, AuditLog
from resources.decisions import require_reason
from resources.lake import Lake
from resources.registry import SampleRegistry
from resources.seals import Seals
from resources.sign_out import utc_now
from resources.warehouse import Warehouse

CLASSIFIED = "variant classified"
"""Kind of event in the audit log."""
DECISION = "decision"
"""Cause of a run that was asked for because somebody decided of an allele that the sample carries."""


@dataclass(frozen=True)
class Catalogue:
    """The decisions of one deployment.

    Attributes:
        audit: where decisions are written down.
        registry: where they are kept.
        lake: where it is read what samples carry.
        warehouse: where it is read who carries an allele.
        build: of the deployment's reference.
    """

    audit: AuditLog
    registry: SampleRegistry
    lake: Lake
    warehouse: Warehouse
    build: str

    @cached_property
    def _seals(self) -> Seals:
        return Seals(self.audit.path.parent / "seals")

    def current(self) -> Mapping[str, Decision]:
        """The decision that stands on each allele; GateError where the registry and the audit log disagree."""
        return {one.allele: one for one in self.every()}

    def every(self) -> Sequence[Decision]:
        """Every decision, oldest first, those whose place was taken included; errors as of :meth:`current`."""
        for last in (False, True):  # another process may decide between the two readings
            rows = self.registry.decisions(self.build)
            digest = digest_text(canonical_json([asdict(row) for row in rows]))
            if self._seals.read(self._seal).get("digest") == digest:
                return rows
            problem = self._disagreement(rows)
            if problem is None:
                self._seals.write(self._seal, {"digest": digest})
                return rows
            if last:
                raise GateError(
                    problem, remedy="find out who wrote to the registry's database; restore it from a backup"
                )
        raise AssertionError("the second reading returns or raises")

    def decide(
        self, sample: str, variant: str, *, classification: str, criteria: str, comment: str, person: str
    ) -> tuple[Decision, tuple[str, ...]]:
        """Decide of an allele that a sample carries; whoever carries it is asked for again.

        Args:
            sample: in whose report the question came up.
            variant: key or HGVS name.
            classification: one of the five classes.
            criteria: that the person applies, ``PVS1,PM2=P``; empty where none is named.
            comment: why, in a sentence.
            person: who decides.

        Returns:
            The decision as it is kept, and the samples that were asked for again.

        Raises:
            ClassificationError: there is no such class or criterion.
            GateError: person or comment is missing, or the sample does not carry the allele.
            LakeError: what the sample carries cannot be read.
        """
        told, met = decided_class(classification), applied(criteria)
        require_reason(person, comment, sample=sample, what="a decision on a variant")
        allele, members = self._carried(sample, variant)
        self.every()
        decision = Decision(self.build, allele, told, met, comment.strip(), person.strip(), utc_now(), sample)
        carriers = {sample, *self._carriers(members)}
        with self.audit.deed() as deed:
            kept = self.registry.decide(
                decision, carriers=carriers, cause=DECISION, announce=lambda one: deed.intend(event_of(one))
            )
        waiting = {one.sample_id for one in self.registry.samples() if one.sample_id in carriers and not one.withdrawn}
        return kept, tuple(sorted(waiting))

    def _carried(self, sample: str, variant: str) -> tuple[str, Sequence[str]]:
        """The allele that is meant, as tables name it, and the alleles as they were called."""
        from engine.report.why import find_call

        annotated = Artifact(self.lake.require("annotated_variants", sample), self.lake).file(".annotated.parquet")
        found = find_call(annotated, variant)
        if found is None:
            raise GateError(
                f"the sample carries no {variant}",
                sample=sample,
                remedy=f"look at its alleles: genomics why {sample} {variant}",
            )
        return found

    def _carriers(self, members: Sequence[str]) -> set[str]:
        """Samples that carry all of these alleles, as far as it is noted what they carry."""
        import duckdb

        files = [as_pattern(Path(name)) for name in self.warehouse.files(TABLE)]
        if not files:
            return set()
        named = "concat_ws('-', contig, position::VARCHAR, ref, alt)"
        places = sorted({int(one.split("-")[-3]) for one in members})
        with duckdb.connect() as db:
            rows = db.execute(
                f"SELECT sample_id FROM read_parquet($files) WHERE list_contains($places, position) "
                f"AND list_contains($members, {named}) GROUP BY sample_id HAVING count(DISTINCT {named}) = $number",
                {"files": files, "places": places, "members": list(members), "number": len(set(members))},
            ).fetchall()
        return {name for (name,) in rows}

    @property
    def _seal(self) -> str:
        return f"decisions/{self.build}"

    def _disagreement(self, rows: Sequence[Decision]) -> str | None:
        """What the registry holds and the log does not know, or the other way round."""
        unfinished = {entry.number for entry in self.audit.open_intents()}
        told = self.audit.standing(CLASSIFIED)
        begun = [decision_of(entry) for entry in told]
        done = [decision_of(entry) for entry in told if entry.number not in unfinished]
        unknown = [row for row in rows if row not in begun]
        missing = [one for one in done if one.build == self.build and one not in rows]
        for one, known, other in [(each, "registry", "audit log") for each in unknown] + [
            (each, "audit log", "registry") for each in missing
        ]:
            return f"the {known} holds a decision on {one.allele} by {one.person!r}, that the {other} does not have"
        return None


def event_of(decision: Decision) -> AuditEvent:
    """What the audit log says of a decision."""
    details = {name: value for name, value in asdict(decision).items() if name not in ("sample", "person")}
    return AuditEvent(decision.person, CLASSIFIED, decision.sample, {**details, "criteria": list(decision.criteria)})


def decision_of(entry: AuditEntry) -> Decision:
    """The decision that an entry tells of."""
    details = dict(entry.event.details)
    known: dict[str, Any] = {name: details[name] for name in Decision.__dataclass_fields__ if name in details}
    known |= {"person": entry.event.who, "sample": entry.event.sample, "criteria": tuple(details["criteria"])}
    return Decision(**known)
