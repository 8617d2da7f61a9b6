"""Reports on their way to a signature: where one stands, reviewing and signing it, and its earlier versions.

A person signs the digest of what a report says. It is refused while a gate is shut, while anything that the report is
made from has changed, or when the digest is another than the one that was looked at; a signature makes the page and
the bundle anew, which then bear it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ReportError
from engine.ops.artifact import outdated
from engine.ops.inputs import Scope, StandingOf
from engine.ops.report import clinical_report, fhir_bundle
from engine.receipt import Receipt
from engine.report.amendment import Version, versions
from engine.report.issue import Issue, SignOut, Status, issue_of
from engine.report.page import render, write_pdf
from engine.report.statement import Statement
from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, read_pileups, read_statement
from resources.audit import AuditLog
from resources.contracts import load_contracts
from resources.decisions import require_reason
from resources.environment import Resources
from resources.gate import Gate
from resources.lake import Lake
from resources.registry import SampleRegistry
from resources.sign_out import event_of, utc_now

SHORTEST_DIGEST = 12
"""Digits of a digest that a person must give, at least."""


@dataclass(frozen=True)
class Draft:
    """What is said of a sample now, and how far it has come.

    Attributes:
        statement: what is said.
        issue: draft, reviewed or signed.
        steps: every review and signature of the sample, oldest first.
    """

    statement: Statement
    issue: Issue
    steps: tuple[SignOut, ...]


@dataclass(frozen=True)
class Reports:
    """The reports of one deployment.

    Attributes:
        platform: its services.
    """

    platform: Resources

    @property
    def _lake(self) -> Lake:
        return self.platform.lake

    @property
    def _gate(self) -> Gate:
        return self.platform.gate

    @property
    def _registry(self) -> SampleRegistry:
        return self.platform.registry

    @property
    def _audit(self) -> AuditLog:
        return self.platform.audit

    def draft(self, sample: str) -> Draft:
        """What is said of a sample now.

        Raises:
            GateError: a gate on the way is shut, or the statement was made from other artifacts than the current ones.
            LakeError: there is no statement, or it is damaged.
        """
        receipt = self._gate.require("statement", sample)
        said = read_statement(_file(self._lake, receipt, SUFFIX))
        steps = self._gate.sign_outs(sample)
        return Draft(said, issue_of(steps, said.digest), steps)

    def write(self, sample: str, log: Callable[[str], None]) -> tuple[Receipt, Receipt]:
        """Make page and bundle as they are to be now, or find them fresh; their receipts.

        Raises:
            GateError, LakeError: as of :meth:`draft`.
            ReportError: the page lacks what a report must have.
        """
        for one in (clinical_report, fhir_bundle):
            one.make(self.platform, sample, log=log)
        return self._gate.require(clinical_report.name, sample), self._gate.require(fhir_bundle.name, sample)

    def review(self, sample: str, digest: str, *, person: str) -> SignOut:
        """Note that a person looked at what is said and found it right; errors as of :meth:`sign`."""
        draft = self._require_current(sample, digest)
        if draft.issue.is_signed:
            raise _is_signed(sample, draft.issue)
        return self._take(draft, SignOut(sample, draft.statement.digest, "preliminary", _named(person), utc_now()))

    def sign(
        self, sample: str, digest: str, *, person: str, corrected: bool = False, reason: str | None = None
    ) -> SignOut:
        """A person answers for what is said: the report is final, or takes the place of a signed one.

        Args:
            sample: sample id.
            digest: of the statement, or its first twelve digits or more.
            person: who signs.
            corrected: the signed report was wrong; otherwise a later one is an amendment.
            reason: why a signed report is replaced.

        Raises:
            GateError: a gate is shut, or a reason is missing.
            ReportError: the statement is signed already, says something else than what was looked at, or something
                that it is made from has changed.
            LakeError: an artifact is missing or damaged.
        """
        draft = self._require_current(sample, digest)
        if draft.issue.is_signed:
            raise _is_signed(sample, draft.issue)
        if self.platform.settings.second_reader and not {one.person for one in draft.issue.reviews} - {person}:
            raise ReportError(
                "nobody but the signer has reviewed what it says now",
                sample=sample,
                remedy="let a second reader review it first: this laboratory asks for that",
            )
        state: Status = "final"
        if draft.issue.amends:
            state = "corrected" if corrected else "amended"
            require_reason(person, reason or "", sample=sample, what="a report that replaces a signed one")
        elif corrected:
            raise ReportError(
                "there is no signed report to be corrected", sample=sample, remedy="sign without --corrected"
            )
        step = SignOut(sample, draft.statement.digest, state, _named(person), utc_now(), reason)
        return self._take(draft, step)

    def versions(self, draft: Draft) -> tuple[Version, ...]:
        """Every version of a report with what changed, the present one last; of the signed ones as far as kept."""
        standing = StandingOf("statement").open("standing", Scope(self.platform, "", draft.statement.case.sample)).value
        signed = {digest: read_statement(one.file(SUFFIX)) for digest, one in standing.signed.items()}
        return versions(draft.issue, draft.statement, signed)

    def write_identified(self, sample: str, target: Path, *, person: str) -> None:
        """Write the page as it is now with the person's name, out of the lake; that it was asked for is written down.

        Args:
            sample: sample id.
            target: an ``.html`` or ``.pdf`` file.
            person: who asks.

        Raises:
            ReportError: the file is to be of another kind, or nobody has said yet who the person is.
            ToolError: a PDF cannot be made here.
        """
        if target.suffix not in (".html", ".pdf"):
            raise ReportError(f"{target} is neither .html nor .pdf", sample=sample, remedy="name the file so")
        draft = self.draft(sample)
        statement = self._gate.require("statement", sample)
        subject = draft.statement.case.person.subject_id
        if self.platform.identities.identified(subject) is None:
            raise ReportError(
                f"nobody has said yet who subject {subject} is",
                sample=sample,
                remedy="give a table of who the persons are: genomics identify FILE --reason ...",
            )
        purpose = "report that names the person"
        identity = self.platform.identities.look_up(subject, who=person, purpose=purpose, sample=sample)
        shown = read_pileups(_file(self._lake, statement, PILEUPS_SUFFIX))
        page = render(draft.statement, draft.issue, shown, self.versions(draft), identity)
        if target.suffix == ".pdf":
            write_pdf(page, target)
        else:
            target.write_text(page)

    def version(self, sample: str, number: int) -> tuple[SignOut, Receipt]:
        """The signature of a version, and its page as it was signed.

        Raises:
            ReportError: there is no such version, or its page is not kept any more.
        """
        signatures = [one for one in self._gate.sign_outs(sample) if one.signs]
        if not 1 <= number <= len(signatures):
            there_are = f"{len(signatures)} were signed" if signatures else "none was signed yet"
            raise ReportError(
                f"the report has no signed version {number}: {there_are}",
                sample=sample,
                remedy=f"genomics report {sample} shows the present one and its history",
            )
        wanted = {"version": number, "stage": "signed", "statement_digest": signatures[number - 1].digest}
        for receipt in reversed(self._lake.history(clinical_report.name, sample)):
            if wanted.items() <= receipt.measures.items() and self._lake.is_whole(receipt):
                return signatures[number - 1], receipt
        raise ReportError(
            f"the page of version {number} is not in the lake as it was signed",
            sample=sample,
            remedy="restore the lake from a backup; the signature itself is in the registry and the audit log",
        )

    def _require_current(self, sample: str, digest: str) -> Draft:
        """What is said now, if it is what the person looked at and nothing before it has changed."""
        draft = self.draft(sample)
        _require_digest(draft, digest)
        load_contracts()
        if changed := outdated("statement", self.platform, sample):
            raise ReportError(
                f"{changed} would be made anew: something that it is made from has changed since",
                sample=sample,
                remedy=f"run the sample again (genomics retry {sample} --reason ...), look at the report, then sign",
            )
        page = self._gate.require(clinical_report.name, sample)
        if page.measures.get("statement_digest") != draft.statement.digest:
            raise ReportError(
                "the page that was looked at is not of this statement",
                sample=sample,
                remedy=f"look at it again: genomics report {sample}",
            )
        return draft

    def _take(self, draft: Draft, step: SignOut) -> SignOut:
        with self._audit.deed() as deed:
            self._registry.sign_out(step, after=len(draft.steps), announce=lambda taken: deed.intend(event_of(taken)))
        return step


def _file(lake: Lake, receipt: Receipt, suffix: str) -> Path:
    for file in receipt.files:
        if file.name.endswith(suffix):
            return lake.path(receipt, file.name)
    raise ReportError(
        f"{receipt.asset} has no {suffix.lstrip('.')}",
        sample=receipt.sample,
        remedy="install the extra pdf and the library Pango (docs/report.md), or print the HTML page",
    )


def _require_digest(draft: Draft, given: str) -> None:
    sample, digest, asked = draft.statement.case.sample, draft.statement.digest, given.strip().lower()
    if len(asked) < SHORTEST_DIGEST or not digest.startswith(asked):
        short = f"; give its first {SHORTEST_DIGEST} digits or more" if digest.startswith(asked) else ""
        raise ReportError(
            f"what is said now has the digest {digest[:SHORTEST_DIGEST]}..., not {asked or 'an empty one'}{short}",
            sample=sample,
            remedy=f"read the report as it is now (genomics report {sample}) and sign the digest that it shows",
        )


def _named(person: str) -> str:
    if not person.strip():
        raise ReportError("a signature needs a person", remedy="give --person")
    return person.strip()


def _is_signed(sample: str, issue: Issue) -> ReportError:
    signature = issue.signature
    assert signature is not None
    return ReportError(
        f"version {issue.version} was signed by {signature.person}, {signature.recorded}, and says the same",
        sample=sample,
        remedy="there is nothing to sign until the report says something else",
    )
