"""Files that leave the platform, encrypted for who receives them, after GA4GH's Crypt4GH 1.0.

A file is encrypted in blocks of 64 KiB with a key of its own, which its header holds for the recipient's public key.
Blocks are authenticated one by one: a file that was cut off between two of them, or whose blocks were exchanged, is
decrypted without a complaint. So what was sent is told in a manifest, a file of one block beside the others, with size
and sha256 of each; what is opened is compared with it, and what differs is not kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from engine.errors import DeliveryError
from engine.storage import storage_told

ENCRYPTED = ".c4gh"
MANIFEST = f".manifest.json{ENCRYPTED}"
SEGMENT = 65_536
"""Bytes of one block before encryption."""
_OVERHEAD = 28
"""Bytes that a block is longer by: nonce and tag of ChaCha20-Poly1305."""
_TOLD = ("artifact", "data_version", "sha256", "bytes")


@dataclass(frozen=True)
class Leaving:
    """A file that is sent.

    Attributes:
        path: where it lies, in the clear.
        artifact: of which it is a file.
        data_version: of the artifact.
        sha256: of the file, hex.
        bytes: its size.
    """

    path: Path
    artifact: str
    data_version: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Opened:
    """A file that was received and is what was sent.

    Attributes:
        path: where it lies now.
        sha256: of it, hex.
        bytes: its size.
    """

    path: Path
    sha256: str
    bytes: int


def public_key(path: Path) -> bytes:
    """A recipient's public key, 32 bytes: of Crypt4GH, or of OpenSSH (ed25519); DeliveryError where it is none."""
    from crypt4gh.keys import get_public_key

    try:
        found = bytes(get_public_key(path))
    except (OSError, ValueError, NotImplementedError, IndexError) as error:
        raise _no_key(path, f"no public key ({error})") from error
    if len(found) != 32:
        raise _no_key(path, "no public key of 32 bytes")
    return found


def private_key(path: Path, passphrase: Callable[[], str]) -> bytes:
    """A recipient's private key, 32 bytes; the passphrase is asked for where there is one.

    Raises:
        DeliveryError: the file has none, or the passphrase is another.
    """
    from crypt4gh.keys import get_private_key

    try:
        return bytes(get_private_key(path, passphrase))
    except Exception as error:  # the library raises whatever its parts do
        raise _no_key(path, f"no private key that can be opened ({type(error).__name__})") from error


def fingerprint_of(key: bytes) -> str:
    """By which a public key is named: sha256 of its 32 bytes, Base64.

    It is not what ``ssh-keygen -l`` tells of a key of OpenSSH, which is taken of another form of it.
    """
    return "SHA256:" + b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def send_files(files: Iterable[Leaving], name: str, folder: Path, recipient: bytes) -> tuple[Path, ...]:
    """Write files for a recipient into a folder, and last of all the manifest.

    Args:
        files: what is sent.
        name: of what is sent together, the sample's id.
        folder: made where it is not there.
        recipient: whose public key it is encrypted for.

    Raises:
        DeliveryError: a file is not what its receipt says any more, or two of them have one name.
    """
    files = list(files)
    _require_names_apart(files)
    written, told = [], []
    with storage_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            target = folder / f"{file.path.name}{ENCRYPTED}"
            with file.path.open("rb") as stream:
                told_of = _Counting(stream)
                _encrypt(told_of, target, recipient)
            if told_of.told != (file.bytes, file.sha256):
                target.unlink()
                raise DeliveryError(
                    "the file changed while it was encrypted",
                    file=file.path,
                    remedy="verify the sample: genomics verify",
                )
            written.append(target)
            told.append({"name": file.path.name, **{part: getattr(file, part) for part in _TOLD}})
        manifest = json.dumps({"of": name, "written": datetime.now(UTC).isoformat(), "files": told}).encode()
        if len(manifest) > SEGMENT:
            raise DeliveryError("too many files for one manifest", remedy="send fewer artifacts at a time")
        _encrypt(io.BytesIO(manifest), folder / f"{name}{MANIFEST}", recipient)
    return (*written, folder / f"{name}{MANIFEST}")


def _require_names_apart(files: list[Leaving]) -> None:
    """The second would lie over the first."""
    counts = Counter(file.path.name for file in files)
    for file in files:
        if counts[file.path.name] > 1:
            raise DeliveryError(
                "two files of that name are to be sent",
                file=file.path,
                remedy="send each artifact once, into a folder of its own",
            )


def open_files(folder: Path, key: bytes, target: Path) -> tuple[Opened, ...]:
    """Open everything that manifests in a folder tell of, into another folder.

    Args:
        folder: what was received.
        key: the recipient's private key.
        target: made where it is not there; a file of a name that is there already is refused.

    Raises:
        DeliveryError: there is no manifest, it is not for this key, or a file is missing, cut off or changed; that file
            is not kept.
    """
    manifests = sorted(folder.glob(f"*{MANIFEST}"))
    if not manifests:
        raise DeliveryError("there is no manifest", file=folder, remedy="ask for what was sent again, whole")
    opened = []
    with storage_told(target):
        target.mkdir(parents=True, exist_ok=True)
        for manifest in manifests:
            opened += [_open(folder, one, key, target) for one in _read_manifest(manifest, key)]
    return tuple(opened)


def read_range(path: Path, key: bytes, start: int, length: int, size: int) -> bytes:
    """Bytes of an encrypted file, reading only the blocks that hold them.

    Args:
        path: the encrypted file.
        key: the recipient's private key.
        start: 0-based, in the file as it was.
        length: how many; fewer at its end.
        size: of the file as it was, as the manifest has it: the encrypted file does not know.

    Raises:
        DeliveryError: it is not for this key, or is not as long as it was, or a block was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    with path.open("rb") as stream:
        session = _session_key(stream, key, path)
        begin = stream.tell()
        blocks = -(-size // SEGMENT)
        if stream.seek(0, io.SEEK_END) != begin + size + blocks * _OVERHEAD:
            raise _damaged(path, "is not as long as it was")
        first, end = start // SEGMENT, min(start + length, size)
        stream.seek(begin + first * (SEGMENT + _OVERHEAD))
        found = b""
        while first * SEGMENT + len(found) < end:
            block = stream.read(SEGMENT + _OVERHEAD)
            try:
                found += ChaCha20Poly1305(session).decrypt(block[:12], block[12:], None)
            except InvalidTag as error:
                raise _damaged(path, "was changed") from error
    return found[start - first * SEGMENT : max(end, start) - first * SEGMENT]


class _Counting:
    """A stream that tells how much was read of it, and its sha256."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._digest, self._bytes = stream, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """As of any stream."""
        read = self._stream.read(size)
        self._digest.update(read)
        self._bytes += len(read)
        return read

    def readinto(self, buffer: Any) -> int:
        """As of any stream."""
        read = self.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def seek(self, *to: int) -> int:
        """To the beginning alone, where encryption begins."""
        return self._stream.seek(*to)

    @property
    def told(self) -> tuple[int, str]:
        """Size and sha256 of what was read."""
        return self._bytes, self._digest.hexdigest()


def _encrypt(source: Any, target: Path, recipient: bytes) -> None:
    """Write an encrypted file whole, or none; the sender's key is used once and forgotten."""
    from crypt4gh.lib import encrypt

    coming = target.with_name(f".{target.name}.coming")
    try:
        with coming.open("wb") as stream:
            encrypt([(0, secrets.token_bytes(32), recipient)], source, stream)
        coming.replace(target)
    finally:
        coming.unlink(missing_ok=True)


def _decrypt(path: Path, key: bytes, stream: IO[bytes]) -> None:
    from crypt4gh.lib import decrypt

    try:
        with path.open("rb") as source:
            decrypt([(0, key, None)], source, stream)
    except (ValueError, EOFError, TypeError) as error:
        raise _damaged(path, f"cannot be opened with this key ({error})") from error


def _session_key(stream: IO[bytes], key: bytes, path: Path) -> bytes:
    from crypt4gh.header import deconstruct

    try:
        sessions, _ = deconstruct(stream, [(0, key, None)])
        return bytes(sessions[0])
    except (ValueError, EOFError) as error:
        raise _damaged(path, f"cannot be opened with this key ({error})") from error


def _read_manifest(path: Path, key: bytes) -> list[dict[str, Any]]:
    text = io.BytesIO()
    _decrypt(path, key, text)
    try:
        files: list[dict[str, Any]] = json.loads(text.getvalue())["files"]
        if all(Path(str(one["name"])).name == one["name"] for one in files):
            return files
    except (ValueError, KeyError, TypeError):
        pass
    raise _damaged(path, "is no manifest")


def _open(folder: Path, told: dict[str, Any], key: bytes, target: Path) -> Opened:
    source, path = folder / f"{told['name']}{ENCRYPTED}", target / str(told["name"])
    if path.exists():
        raise DeliveryError("a file of that name is there already", file=path, remedy="open into an empty folder")
    if not source.is_file():
        raise _damaged(source, "was sent and is not there")
    try:
        with path.open("xb") as stream:
            _decrypt(source, key, stream)
        with path.open("rb") as stream:
            found = path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
        if found != (told["bytes"], told["sha256"]):
            raise _damaged(source, f"is not what was sent: {told['bytes']:,} bytes were, {found[0]:,} are here")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Opened(path, found[1], found[0])


def _damaged(path: Path, problem: str) -> DeliveryError:
    return DeliveryError(f"the encrypted file {problem}", file=path, remedy="ask for it again")


def _no_key(path: Path, problem: str) -> DeliveryError:
    return DeliveryError(f"it is {problem}", file=path, remedy="name a key of Crypt4GH, or of OpenSSH (ed25519)")
