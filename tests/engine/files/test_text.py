"""The door itself: files are opened by content, and what is wrong is told with its place."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from engine.errors import FastqError, KnowledgeError, VariantFileError
from engine.files.bgzf import END_OF_FILE
from engine.files.compressed import VerifiedFile, file_kind
from engine.files.text import read_text, text_lines, text_pieces
from tests.builders.damage import bgzf

TEXT = "".join(f"line {number}\tä\n" for number in range(2_000))
PACKED = {"plain": TEXT.encode(), "gzip": gzip.compress(TEXT.encode()), "BGZF": bgzf(TEXT.encode())}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("name", ["x.bed", "x.bed.gz", "x"])
def test_the_content_tells_how_a_file_is_packed_and_not_its_name(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[kind])
    assert file_kind(path) == kind
    assert read_text(path) == TEXT
    assert b"".join(text_pieces(path, size=1_000)) == TEXT.encode()
    assert all(piece.endswith(b"\n") for piece in text_pieces(path, size=1_000))


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\r\nb\r\n")
    assert list(text_lines(path)) == ["a\n", "b\n"]


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"line 700\t", b"line\x00 700\t", "a NUL byte"),
        (b"line 700\t", b"line\xff700\t", "byte 0xFF, which is not UTF-8"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(kind: str, old: bytes, new: bytes, told: str, tmp_path: Path) -> None:
    text = TEXT.encode().replace(old, new)
    path = tmp_path / "x"
    path.write_bytes({"plain": text, "gzip": gzip.compress(text), "BGZF": bgzf(text)}[kind])
    with pytest.raises(VariantFileError, match=told) as caught:
        read_text(path, error=VariantFileError)
    assert (caught.value.place, caught.value.file) == ("line 701", str(path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.encode("utf-8-sig"), "begins with a byte order mark.*UTF-8 without a byte order mark"),
        (TEXT.encode("utf-16"), "is text in UTF-16.*UTF-8 without a byte order mark"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is text in UTF-16"),
        (PACKED["gzip"], "compressed twice.*decompress it once"),
        (PACKED["BGZF"], "compressed twice"),
    ],
)
def test_what_editors_and_scripts_make_of_a_text_is_told_with_the_remedy(
    text: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    for packed in (gzip.compress(text), bgzf(text), *([] if text in PACKED.values() else [text])):
        path.write_bytes(packed)
        with pytest.raises(VariantFileError, match=told):
            read_text(path, error=VariantFileError)


@pytest.mark.parametrize("text", [TEXT, "\ufeff" + TEXT, ""])
def test_a_byte_order_mark_is_passed_over_in_what_people_make_in_spreadsheets(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    for packed in (text.encode(), gzip.compress(text.encode())):
        path.write_bytes(packed)
        assert "".join(text_lines(path, may_have_mark=True)) == text.removeprefix("\ufeff")


@pytest.mark.parametrize("kind", PACKED)
def test_a_last_line_without_an_end_may_have_been_cut(kind: str, tmp_path: Path) -> None:
    path, text = tmp_path / "x", TEXT.encode()[:-3]
    path.write_bytes({"plain": text, "gzip": gzip.compress(text), "BGZF": bgzf(text)}[kind])
    with pytest.raises(KnowledgeError, match="the last line has no line end") as caught:
        read_text(path)
    assert caught.value.place == "line 2,000"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PACKED["gzip"][:-4], "truncated"),
        (PACKED["BGZF"][: -len(END_OF_FILE)], "its end-of-file block is missing"),
        (PACKED["BGZF"] + b"12345678", "8 bytes that are no compressed data"),
        (PACKED["gzip"] + b"12345678", "8 bytes that are no compressed data"),
        (PACKED["gzip"] + bytes(8), "8 bytes that are no compressed data"),
        (PACKED["gzip"][:500] + b"\x55" + PACKED["gzip"][501:], "damaged"),
        (b"BZh9" + bytes(20), "this is a bzip2 file"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "this is a zstandard file"),
    ],
)
def test_compressed_data_that_do_not_end_as_they_should(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=told):
        read_text(path)


def test_joined_files_are_whole_and_only_one_member_or_an_end_block_proves_it(tmp_path: Path) -> None:
    """Members of gzip and files of BGZF may be joined (RFC 1952); several members may have been cut between two."""
    proven = {
        "one": (gzip.compress(b"a\n"), True),
        "two": (gzip.compress(b"a\n") + gzip.compress(b"b\n"), False),
        "BGZF": (bgzf(b"a\n") + bgzf(b"b\n"), True),
        "BGZF without end": (bgzf(b"a\n")[: -len(END_OF_FILE)], False),
        "plain": (b"a\n", False),
    }
    for name, (content, proves) in proven.items():
        path = tmp_path / name
        path.write_bytes(content)
        with VerifiedFile(path, error=FastqError, needs_end=False) as file:
            assert file.read() in (b"a\n", b"a\nb\n")
            assert file.proves_its_end == proves, name


def test_a_pipe_is_told_at_once_and_not_waited_for(tmp_path: Path) -> None:
    """As the shell's ``<(program)`` gives one: what was looked at would be gone when the file is read."""
    os.mkfifo(tmp_path / "pipe.vcf.gz")
    with pytest.raises(KnowledgeError, match="a pipe or a device") as caught:
        next(text_lines(tmp_path / "pipe.vcf.gz"))
    assert caught.value.remedy == "write it into a file, and give that"
