"""MLLP: messages of HL7 v2 over a connection, each framed and acknowledged (HL7's Minimal Lower Layer Protocol).

A message is sent again until it is acknowledged, under the same control id and in the same bytes: where the receiver
took it and its answer was lost, the id tells it so.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import DeliveryError
from engine.hl7v2.acknowledgement import Acknowledgement, Verdict, read_acknowledgement
from resources.fhir_server import Patience

if TYPE_CHECKING:
    from engine.hl7v2.message import Message

START, END = b"\x0b", b"\x1c\x0d"
MOST_BYTES = 1 << 20
"""Of an answer; what is longer is none."""


class MessageRefusedError(DeliveryError):
    """The receiver will not take a message.

    Attributes:
        acknowledgement: what it said.
    """

    acknowledgement: Acknowledgement


@dataclass(frozen=True)
class Place:
    """Where a receiver listens.

    Attributes:
        host: name or address.
        port: of TCP.
        tls: how the connection is protected, absent where it is not.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mllps' if self.tls else 'mllp'}://{host}:{self.port}"


class MllpReceiver:
    """One receiver.

    Args:
        place: where it listens.
        patience: how long to go on.
        sleep: waits so many seconds.
    """

    def __init__(
        self, place: Place, patience: Patience | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.place, self._patience, self._sleep = place, patience or Patience(), sleep

    def send(self, message: Message) -> str:
        """Have the receiver take a message; what it said of it.

        An error (AE, CE) is told at once: it lies in what was sent. A rejection (AR, CR) may lie in the receiver's own
        state, and is asked again as long as patience lasts.

        Raises:
            MessageRefusedError: it will not.
            DeliveryError: it could not be reached, or did not answer.
        """
        refusal: MessageRefusedError | None = None
        problem = ""
        for attempt in range(self._patience.attempts):
            try:
                answer = self._once(message)
                if answer.verdict is Verdict.ACCEPTED:
                    return " ".join(filter(None, [answer.code, answer.text]))
                refusal = self._refusal(answer)
                if answer.verdict is Verdict.ERROR:
                    raise refusal
            except ssl.SSLCertVerificationError as error:
                raise DeliveryError(
                    f"{self.place} cannot show that it is who it should be: {error.verify_message}",
                    remedy="name the authority's certificates in the file that GENOMICS_HL7_ACCESS names",
                ) from error
            except OSError as error:
                refusal, problem = None, str(error) or type(error).__name__
            except _NoAnswerError as error:
                refusal, problem = None, str(error)
            self._wait(attempt)
        raise refusal or DeliveryError(
            f"{self.place} did not acknowledge the message after {self._patience.attempts} attempts: {problem}",
            remedy="see whether it answers, then run genomics deliver again: the control id stays the same",
        )

    def _once(self, message: Message) -> Acknowledgement:
        until = time.monotonic() + self._patience.timeout
        with self._connected() as connection:
            connection.sendall(START + message.content + END)
            for frame in frames(connection, until):
                answer = _read(frame)
                if answer.control_id == message.control_id:
                    return answer
        raise _NoAnswerError("it answered for another message, and closed the connection")

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self.place.host, self.place.port), self._patience.timeout)
        if self.place.tls is None:
            return plain
        try:
            return self.place.tls.wrap_socket(plain, server_hostname=self.place.host)
        except OSError:
            plain.close()
            raise

    def _refusal(self, answer: Acknowledgement) -> MessageRefusedError:
        """Without the receiver's own words, in which a person's name may stand: those are in the ledger."""
        error = MessageRefusedError(
            f"{self.place} refused the message with {answer.code}",
            remedy="see what it said (genomics deliveries), mend it, then run genomics deliver again",
        )
        error.acknowledgement = answer
        return error

    def _wait(self, attempt: int) -> None:
        """Twice as long each time, and never all at the same moment."""
        if attempt + 1 < self._patience.attempts:
            longest = min(self._patience.first * 2**attempt, self._patience.longest)
            self._sleep(longest * (0.5 + random.random() / 2))


class _NoAnswerError(Exception):
    """Nothing came that answers the message."""


def frames(connection: socket.socket, until: float) -> Iterator[bytes]:
    """What arrives framed, until the other side closes.

    Args:
        connection: to read from.
        until: monotonic seconds at which waiting ends.

    Raises:
        OSError: time is up, or the connection was cut.
        DeliveryError: what arrives is too long to be an answer.
    """
    buffer = b""
    while True:
        while END in buffer:
            frame, _, buffer = buffer.partition(END)
            yield frame.partition(START)[2] if START in frame else frame
        if len(buffer) > MOST_BYTES:
            raise DeliveryError("the receiver's answer does not end", remedy="see what listens at that address")
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("it did not answer in time")
        connection.settimeout(left)
        try:
            arrived = connection.recv(1 << 16)
        except TimeoutError as error:
            raise TimeoutError("it did not answer in time") from error
        if not arrived:
            raise ConnectionError("it closed the connection without an answer")
        buffer += arrived


def _read(frame: bytes) -> Acknowledgement:
    return read_acknowledgement(frame.decode("utf-8", "replace"))
