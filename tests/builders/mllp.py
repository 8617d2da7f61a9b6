"""A receiver of MLLP on loopback that acknowledges, or goes wrong as it is told; asyncio, and nothing of ours."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

WAYS = ("cut", "silent", "slow", "committed and silent", "another's", "split", "AR", "twice")
"""How it may go wrong, once for each time that it is said."""


@dataclass
class Receiver:
    """What it is to do with the next messages, and what it took.

    Attributes:
        ways: one for each message that comes; AA when there is none left.
        taken: messages by control id, in order, each once, as a receiver keeps them.
        arrived: every message that came, as bytes.
        code: MSA-1 of the answer by the way that was said.
    """

    ways: list[str] = field(default_factory=list)
    taken: dict[str, bytes] = field(default_factory=dict)
    arrived: list[bytes] = field(default_factory=list)
    port: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            frame = await reader.readuntil(b"\x1c\r")
            await self._answered(frame, writer)
        writer.close()

    async def _answered(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        assert frame[:1] == b"\x0b"
        message = frame[1:-2]
        self.arrived.append(message)
        control_id = message.split(b"\r")[0].split(b"|")[9].decode()
        way = self.ways.pop(0) if self.ways else "AA"
        code = way if way in ("AE", "AR", "CA", "CE", "CR") else "AA"
        if code in ("AA", "CA") and way not in ("cut", "silent"):
            self.taken.setdefault(control_id, message)
        if way == "cut":
            return
        if way in ("silent", "committed and silent"):
            await asyncio.sleep(30)
        if way == "slow":
            await asyncio.sleep(0.2)
        if way == "garbage":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1c\r")
            await writer.drain()
            return
        answers = [acknowledgement(code, "0000" if way == "another's" else control_id)]
        answers = [acknowledgement("AE", "ffff"), *answers] if way == "twice" else answers
        for whole in answers:
            for part in [whole[:9], whole[9:]] if way == "split" else [whole]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)


def acknowledgement(code: str, control_id: str) -> bytes:
    error = (
        "" if code in ("AA", "CA") else "ERR||PID^1^3|204^Unknown key identifier^HL70357|E||||no such patient: O'Neil\r"
    )
    text = f"MSH|^~\\&|EHR|H|||20261127||ACK^R01^ACK|a1|P|2.5.1\rMSA|{code}|{control_id}|as \\T\\ told\r{error}"
    return b"\x0b" + text.encode() + b"\x1c\r"


@contextmanager
def receiving(*ways: str, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that goes wrong in these ways, one a message, and then no more."""
    receiver, started = Receiver(list(ways)), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> Callable[[], None]:
        server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0, ssl=tls, limit=1 << 24)
        receiver.port = server.sockets[0].getsockname()[1]
        started.set()
        return server.close

    def run() -> None:
        asyncio.set_event_loop(loop)
        close = loop.run_until_complete(serve())
        loop.run_forever()
        close()
        waiting = asyncio.all_tasks(loop)
        for task in waiting:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
