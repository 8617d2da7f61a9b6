"""What a receiver answers: accepted, to be sent again, or refused, and why (HL7 v2.5.1, chapter 2: MSA and ERR)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import DeliveryError
from engine.hl7v2.encoding import unescape


class Verdict(StrEnum):
    """What the code of an acknowledgement comes to."""

    ACCEPTED = "accepted"
    ERROR = "error"
    REJECTED = "rejected"


_VERDICTS = {
    "AA": Verdict.ACCEPTED,
    "CA": Verdict.ACCEPTED,
    "AE": Verdict.ERROR,
    "CE": Verdict.ERROR,
    "AR": Verdict.REJECTED,
    "CR": Verdict.REJECTED,
}


@dataclass(frozen=True)
class Acknowledgement:
    """One answer.

    Attributes:
        code: MSA-1.
        control_id: of the message that it answers.
        text: what the receiver says of it, in a line; empty where it says nothing.
    """

    code: str
    control_id: str
    text: str

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        return _VERDICTS[self.code]


def read_acknowledgement(message: str) -> Acknowledgement:
    r"""The acknowledgement that a message is.

    >>> answer = "MSH|^~\\&|EHR\rMSA|AE|0a1b|no such patient\rERR||PID^1^3|204^Unknown key^HL70357|E\r"
    >>> read_acknowledgement(answer)
    Acknowledgement(code='AE', control_id='0a1b', text='no such patient; PID 1 3; 204 Unknown key HL70357; E')

    Raises:
        DeliveryError: it is none.
    """
    segments = [line.split("|") for line in message.replace("\n", "\r").split("\r") if line]
    answers = [fields for fields in segments if fields[0] == "MSA" and len(fields) > 2]
    if segments[:1] == [] or segments[0][0] != "MSH" or len(answers) != 1 or answers[0][1] not in _VERDICTS:
        raise DeliveryError(
            "the receiver's answer is no acknowledgement of HL7 v2", remedy="see what listens at that address"
        )
    _, code, control_id, *said = answers[0]
    errors = [field for fields in segments if fields[0] == "ERR" for field in fields[1:]]
    text = "; ".join(_plain(field) for field in [*said[:1], *errors] if field)
    return Acknowledgement(code, unescape(control_id), text)


def _plain(field: str) -> str:
    parts = [unescape(part) for part in field.replace("~", "^").replace("&", "^").split("^")]
    return " ".join(part for part in parts if part)
