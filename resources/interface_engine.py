"""The hospital's interface engine: takes reports as messages of HL7 v2, by MLLP or in a folder, each once.

The message is made elsewhere (:mod:`engine.hl7v2`); what was sent is remembered by
:mod:`resources.registry.deliveries`, with what the receiver said of it.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import DeliveryError
from engine.hl7v2.parties import Address
from engine.receipt import digest_text
from resources.access_file import DELIVER, read_access_file, unusable
from resources.audit import AuditLog
from resources.fhir_access import LOOPBACK
from resources.fhir_server import Patience
from resources.mllp import MessageRefusedError, MllpReceiver, Place
from resources.registry.deliveries import MESSAGE, Deliveries, DeliveryState

if TYPE_CHECKING:
    from engine.hl7v2.message import Message

PROCESSING = ("P", "T", "D")
_SCHEMES = ("mllp", "mllps")
_FILE = ("GENOMICS_HL7_ACCESS", "docs/hl7v2.md")
_LONGEST_RESPONSE = 20_000


@dataclass(frozen=True)
class Hl7Access:
    """What a laboratory says of the hospital's interface engine.

    Attributes:
        application: the receiving application, MSH-5.
        facility: the receiving facility, MSH-6.
        processing: ``P`` production, ``T`` training or ``D`` debugging, MSH-11.
        authority_file: certificates of the authority that signed the receiver's, in PEM; the system's where absent.
        certificate_file: the platform's own certificate in PEM, for a receiver that asks for one.
        key_file: its private key.
        timeout: seconds in which a message has to be acknowledged.
        deliver: ``signed``: only signed reports are delivered; ``unsigned``: preliminary ones too.
    """

    application: str = ""
    facility: str = ""
    processing: str = "P"
    authority_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = field(default=None, repr=False)
    timeout: float = 60.0
    deliver: str = "signed"


def read_hl7_access(path: Path | None) -> Hl7Access:
    """What the file says; the defaults where there is none.

    Raises:
        DeliveryError: it is not readable, or says something that cannot be.
    """
    access = read_access_file(path, Hl7Access, *_FILE)
    if path is None:
        return access
    for name, may_be in (("processing", PROCESSING), ("deliver", DELIVER)):
        if getattr(access, name) not in may_be:
            raise unusable(path, f"{name} is {getattr(access, name)!r}; it may be {', '.join(may_be)}", *_FILE)
    if not isinstance(access.timeout, int | float) or access.timeout <= 0:
        raise unusable(path, f"timeout is {access.timeout!r}; it has to be a number of seconds", *_FILE)
    if (access.certificate_file is None) != (access.key_file is None):
        raise unusable(path, "names one of certificate_file and key_file; give both or none", *_FILE)
    return access


def destination_of(named: str) -> str | Path:
    """The address of a receiver, or a folder.

    >>> destination_of("mllp://127.0.0.1:2575"), destination_of("/srv/hl7").name
    ('mllp://127.0.0.1:2575', 'hl7')

    Raises:
        DeliveryError: it is neither.
    """
    if "://" not in named:
        return Path(named).expanduser().resolve()
    place = urlsplit(named)
    try:
        is_whole = place.scheme in _SCHEMES and place.hostname and place.port and not place.path.strip("/")
    except ValueError:
        is_whole = False
    if not is_whole or place.query or place.username:
        raise DeliveryError(
            f"GENOMICS_HL7 is {named!r}", remedy="write it as mllp://host:port, mllps://host:port, or name a folder"
        )
    return named.rstrip("/")


class InterfaceEngine:
    """The system that takes messages.

    Args:
        named: where messages go, absent where none are sent.
        access: file that says more of it.
        ledger: what was sent.
        audit: who asked for what.
        patience: how long to go on; the file's time-out and defaults where absent.
    """

    def __init__(
        self,
        named: str | None,
        access: Path | None,
        ledger: Deliveries,
        audit: AuditLog,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._named, self._access_file, self._patience = named, access, patience
        self.ledger, self._audit = ledger, audit

    @property
    def destination(self) -> str | None:
        """Where messages go, absent where none are sent."""
        return str(destination_of(self._named)) if self._named else None

    @property
    def takes_unsigned(self) -> bool:
        """Whether the laboratory delivers reports that nobody has signed."""
        return self.access.deliver == "unsigned"

    @property
    def address(self) -> Address:
        """Whom messages name as their receiver."""
        return Address(self.access.application, self.access.facility, self.access.processing)

    @cached_property
    def access(self) -> Hl7Access:
        """What the laboratory says of it."""
        return read_hl7_access(self._access_file)

    def deliver(self, sample: str, message: Message) -> bool:
        """Send a message, unless the destination took the same last; whether it was sent.

        Raises:
            DeliveryError: no destination is named, it cannot be reached, or it refuses the message; ``deliveries``
                keeps what it said.
        """
        if self._named is None:
            raise DeliveryError("no receiver of HL7 v2 is named", remedy="set GENOMICS_HL7", sample=sample)
        to, content = str(self.destination), digest_text(message.text)
        if self.ledger.arrived(sample, to, MESSAGE) == content:
            return False
        self.ledger.ask(sample, to, content, MESSAGE)
        try:
            said = self._send(sample, message)
        except DeliveryError as error:
            is_refused = isinstance(error, MessageRefusedError)
            state = DeliveryState.REFUSED if is_refused else DeliveryState.FAILED
            answer = error.acknowledgement if isinstance(error, MessageRefusedError) else None
            told = f"{answer.code} {answer.text}" if answer else error.problem
            self.ledger.tried(sample, to, content, state, told[:_LONGEST_RESPONSE], MESSAGE)
            raise error.about(sample=sample) from None
        self.ledger.tried(sample, to, content, DeliveryState.SENT, said[:_LONGEST_RESPONSE], MESSAGE)
        details = {"to": to, "content": content, "control_id": message.control_id}
        self._audit.record("system", "report delivered", sample, details)
        return True

    def _send(self, sample: str, message: Message) -> str:
        destination = destination_of(str(self._named))
        if isinstance(destination, Path):
            return _put(destination, f"{sample}.{message.control_id}.hl7", message.content)
        patience = self._patience or Patience(timeout=float(self.access.timeout))
        return MllpReceiver(self._place(destination), patience).send(message)

    def _place(self, destination: str) -> Place:
        place = urlsplit(destination)
        host, port = str(place.hostname), int(place.port or 0)
        if place.scheme == "mllps":
            return Place(host, port, self._tls())
        if host not in LOOPBACK:
            raise DeliveryError(
                f"{destination} is not protected by TLS",
                remedy="write mllps://, or have messages taken on this machine (an interface engine, a tunnel)",
            )
        return Place(host, port)

    def _tls(self) -> ssl.SSLContext:
        access = self.access
        try:
            context = ssl.create_default_context(cafile=access.authority_file)
            if access.certificate_file is not None:
                context.load_cert_chain(access.certificate_file, access.key_file)
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"a certificate or key cannot be used: {type(error).__name__}",
                file=self._access_file,
                remedy="check the files that it names (docs/hl7v2.md)",
            ) from error
        return context


def _put(folder: Path, name: str, content: bytes) -> str:
    """Write a message as a file that is there whole or not at all."""
    if not folder.is_dir():
        raise DeliveryError(f"the folder {folder} is not there", remedy="make it, for the account that takes messages")
    target, unfinished = folder / name, folder / f".{name}.part"
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise DeliveryError(
            f"the message cannot be written: {error.strerror}", file=folder, remedy="check room and who may write there"
        ) from error
    return f"written as {name}"
