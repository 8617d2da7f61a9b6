"""How far a report has come towards its signature: draft, reviewed, signed, amended.

Signing binds a person to the digest of what the report says (:attr:`engine.report.statement.Statement.digest`), so a
report that says something else is not signed by it. Who may sign, and writing down who did, is decided elsewhere.

>>> review = SignOut("S1", "d1", "preliminary", "Dr A", "2026-11-27T09:00:00+00:00")
>>> signature = SignOut("S1", "d1", "final", "Dr B", "2026-11-27T10:00:00+00:00")
>>> issue_of((review, signature), "d1").status, issue_of((review, signature), "d1").version
('final', 1)
>>> later = issue_of((review, signature), "d2")
>>> later.status, later.version, later.is_signed, later.amends.person
('preliminary', 2, False, 'Dr B')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["preliminary", "final", "amended", "corrected"]
"""FHIR's status of a report, as far as this platform gives it."""
SIGNED: tuple[Status, ...] = ("final", "amended", "corrected")
"""Those that a signature gives."""


@dataclass(frozen=True)
class SignOut:
    """A step of a report towards its signature, or the signature itself.

    Attributes:
        sample: sample id.
        digest: of what the report says.
        state: ``preliminary`` for a review; what the report becomes for a signature.
        person: who took it.
        recorded: UTC time, ISO 8601.
        reason: why a signed report was changed, absent where it was not.
    """

    sample: str
    digest: str
    state: Status
    person: str
    recorded: str
    reason: str | None = None

    @property
    def signs(self) -> bool:
        """Whether it is a signature."""
        return self.state in SIGNED


@dataclass(frozen=True)
class Issue:
    """Where one statement stands.

    Attributes:
        status: of report and observations.
        version: counts what was signed, from 1; of an unsigned statement the one that it would become.
        reviews: of this statement, oldest first.
        signature: absent while nobody has signed this statement.
        earlier: signatures of the versions before, oldest first.
    """

    status: Status = "preliminary"
    version: int = 1
    reviews: tuple[SignOut, ...] = ()
    signature: SignOut | None = None
    earlier: tuple[SignOut, ...] = ()

    @property
    def is_signed(self) -> bool:
        """Whether somebody answers for it."""
        return self.signature is not None

    @property
    def stage(self) -> str:
        """In the laboratory's word: draft, reviewed or signed."""
        return "signed" if self.is_signed else "reviewed" if self.reviews else "draft"

    @property
    def amends(self) -> SignOut | None:
        """The signature of the version that it takes the place of, absent for the first."""
        return self.earlier[-1] if self.earlier else None


def issue_of(sign_outs: Sequence[SignOut], digest: str) -> Issue:
    """Where the statement with this digest stands.

    What was signed last stands; a statement signed before that, and not since, is one that was superseded, and to say
    the same again takes a new signature.

    Args:
        sign_outs: of the sample, oldest first.
        digest: of the statement.
    """
    signatures = tuple(one for one in sign_outs if one.signs)
    last = signatures[-1] if signatures else None
    if last and last.digest == digest:
        reviews = _reviews(sign_outs, digest, after=signatures[-2] if len(signatures) > 1 else None)
        return Issue(last.state, len(signatures), reviews, last, signatures[:-1])
    return Issue("preliminary", len(signatures) + 1, _reviews(sign_outs, digest, after=last), None, signatures)


def _reviews(sign_outs: Sequence[SignOut], digest: str, *, after: SignOut | None) -> tuple[SignOut, ...]:
    """Reviews of a statement since the signature before it."""
    since = sign_outs[sign_outs.index(after) + 1 :] if after else sign_outs
    return tuple(one for one in since if not one.signs and one.digest == digest)
