"""Files that leave are read by their recipient alone, and one that was cut off or exchanged on the way is found."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from crypt4gh.keys import c4gh
from crypt4gh.lib import decrypt

from engine.errors import DeliveryError
from resources.leaving import (
    MANIFEST,
    SEGMENT,
    Leaving,
    fingerprint_of,
    open_files,
    private_key,
    public_key,
    read_range,
    send_files,
)

CONTENT = os.urandom(3 * SEGMENT + 777)
BLOCK = SEGMENT + 28
HEADER = 124


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of a recipient and of another."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("own", "other"):
        c4gh.generate(folder / f"{name}.sec", folder / f"{name}.pub", b"", None)
    return folder


@pytest.fixture
def sent(tmp_path: Path, keys: Path) -> Path:
    """A folder with two files and their manifest."""
    (tmp_path / "S1.vcf.gz").write_bytes(CONTENT)
    (tmp_path / "S1.html").write_bytes(b"")
    send_files([leaving(tmp_path / name) for name in ("S1.vcf.gz", "S1.html")], "S1", tmp_path / "out", own(keys))
    return tmp_path / "out"


def leaving(path: Path) -> Leaving:
    content = path.read_bytes()
    return Leaving(path, "variants", "v1", hashlib.sha256(content).hexdigest(), len(content))


def own(keys: Path) -> bytes:
    return public_key(keys / "own.pub")


def secret(keys: Path, name: str = "own") -> bytes:
    return private_key(keys / f"{name}.sec", lambda: "")


def test_the_recipient_gets_the_same_bytes(sent: Path, keys: Path, tmp_path: Path) -> None:
    opened = open_files(sent, secret(keys), tmp_path / "in")
    assert [one.path.name for one in opened] == ["S1.vcf.gz", "S1.html"]
    assert (tmp_path / "in" / "S1.vcf.gz").read_bytes() == CONTENT and opened[1].bytes == 0
    assert sorted(path.name for path in sent.iterdir()) == ["S1.html.c4gh", f"S1{MANIFEST}", "S1.vcf.gz.c4gh"]


def test_nobody_else_opens_them(sent: Path, keys: Path, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="cannot be opened with this key"):
        open_files(sent, secret(keys, "other"), tmp_path / "in")
    assert CONTENT[:32] not in (sent / "S1.vcf.gz.c4gh").read_bytes()


def plain(path: Path, keys: Path) -> bytes:
    """What Crypt4GH itself makes of a file."""
    out = io.BytesIO()
    with path.open("rb") as stream:
        decrypt([(0, secret(keys), None)], stream, out)
    return out.getvalue()


def test_a_file_that_was_cut_off_between_blocks_is_not_kept(sent: Path, keys: Path, tmp_path: Path) -> None:
    path = sent / "S1.vcf.gz.c4gh"
    path.write_bytes(path.read_bytes()[: HEADER + 2 * BLOCK])
    assert plain(path, keys) == CONTENT[: 2 * SEGMENT], "Crypt4GH itself does not complain"
    with pytest.raises(DeliveryError, match=r"not what was sent: 197,385 bytes were, 131,072 are here"):
        open_files(sent, secret(keys), tmp_path / "in")
    assert not (tmp_path / "in" / "S1.vcf.gz").exists()
    with pytest.raises(DeliveryError, match="not as long as it was"):
        read_range(path, secret(keys), 0, 10, len(CONTENT))


def test_a_file_whose_blocks_were_exchanged_is_not_kept(sent: Path, keys: Path, tmp_path: Path) -> None:
    path = sent / "S1.vcf.gz.c4gh"
    whole = path.read_bytes()
    first, second = whole[HEADER : HEADER + BLOCK], whole[HEADER + BLOCK : HEADER + 2 * BLOCK]
    path.write_bytes(whole[:HEADER] + second + first + whole[HEADER + 2 * BLOCK :])
    assert len(plain(path, keys)) == len(CONTENT), "Crypt4GH itself does not complain"
    with pytest.raises(DeliveryError, match="is not what was sent"):
        open_files(sent, secret(keys), tmp_path / "in")


@pytest.mark.parametrize("at", [5, HEADER - 1, HEADER + 40, -1])
def test_a_changed_bit_is_found(sent: Path, keys: Path, tmp_path: Path, at: int) -> None:
    path = sent / "S1.vcf.gz.c4gh"
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DeliveryError):
        open_files(sent, secret(keys), tmp_path / "in")


def test_a_file_that_did_not_come_along_is_told(sent: Path, keys: Path, tmp_path: Path) -> None:
    (sent / "S1.html.c4gh").unlink()
    with pytest.raises(DeliveryError, match=r"S1\.html\.c4gh: the encrypted file was sent and is not there"):
        open_files(sent, secret(keys), tmp_path / "in")


def test_without_a_manifest_nothing_is_opened(sent: Path, keys: Path, tmp_path: Path) -> None:
    (sent / f"S1{MANIFEST}").unlink()
    with pytest.raises(DeliveryError, match="there is no manifest"):
        open_files(sent, secret(keys), tmp_path / "in")


def test_what_is_there_already_is_not_overwritten(sent: Path, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "S1.vcf.gz").write_text("mine")
    with pytest.raises(DeliveryError, match="there already"):
        open_files(sent, secret(keys), tmp_path / "in")
    assert (tmp_path / "in" / "S1.vcf.gz").read_text() == "mine"


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, 10),
        (SEGMENT, 100),
        (SEGMENT - 1, 2),
        (2 * SEGMENT + 5, SEGMENT),
        (3 * SEGMENT + 700, 500),
        (len(CONTENT), 5),
    ],
)
def test_a_range_is_the_range(sent: Path, keys: Path, start: int, length: int) -> None:
    """Where the library's own reader is wrong from the second block on."""
    found = read_range(sent / "S1.vcf.gz.c4gh", secret(keys), start, length, len(CONTENT))
    assert found == CONTENT[start : start + length]


def test_a_file_that_is_not_what_its_receipt_says_is_not_sent(tmp_path: Path, keys: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    told = leaving(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"two")
    with pytest.raises(DeliveryError, match="changed while it was encrypted"):
        send_files([told], "S1", tmp_path / "out", own(keys))
    assert list((tmp_path / "out").iterdir()) == []


def test_two_files_of_one_name_are_refused_before_either_is_written(tmp_path: Path, keys: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "S1.vcf.gz").write_text(folder)
    twice = [leaving(tmp_path / folder / "S1.vcf.gz") for folder in ("one", "other")]
    with pytest.raises(DeliveryError, match="two files of that name"):
        send_files(twice, "S1", tmp_path / "out", own(keys))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "hello", "-----BEGIN CRYPT4GH PUBLIC KEY-----\nAAAA\n-----END"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(DeliveryError, match="no public key"):
        public_key(tmp_path / "key")
    with pytest.raises(DeliveryError, match="no private key"):
        private_key(tmp_path / "key", lambda: "")


def test_a_key_is_named_by_its_fingerprint(keys: Path) -> None:
    assert fingerprint_of(own(keys)).startswith("SHA256:") and fingerprint_of(own(keys)) != fingerprint_of(b"x" * 32)
