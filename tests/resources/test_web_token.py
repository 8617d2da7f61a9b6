"""The token of the web UI: one a deployment, for the account alone."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.environment import Settings, SettingsError
from resources.web_token import TokenError, token_file, web_address, web_token


def settings_of(folder: Path, **options: str) -> Settings:
    return Settings.from_environment({"GENOMICS_DATA": str(folder), **options})


def test_the_token_is_made_once_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    before = os.umask(0)
    try:
        token = web_token(settings)
    finally:
        os.umask(before)
    assert token == web_token(settings) and len(token) >= 43
    assert token_file(settings).stat().st_mode & 0o777 == 0o600
    assert token_file(settings).parent.stat().st_mode & 0o777 == 0o700
    assert web_address(settings, 3000) == f"http://127.0.0.1:3000/?token={token}"
    assert token != web_token(settings_of(tmp_path / "other"))


def test_servers_that_start_at_once_have_one_token(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: web_token(settings), range(32)))) == 1


@pytest.mark.parametrize("content", ["", "short", "ä" * 43])
def test_a_file_that_holds_no_token_is_told(tmp_path: Path, content: str) -> None:
    settings = settings_of(tmp_path)
    web_token(settings)
    token_file(settings).write_text(content)
    with pytest.raises(TokenError, match="no token"):
        web_token(settings)


@pytest.mark.parametrize("origin", ["genomics.example.org", "https://a/b", "ftp://a", "https://", "https://a,b"])
def test_an_origin_that_no_browser_sends_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(SettingsError, match="GENOMICS_WEB_ORIGINS"):
        settings_of(tmp_path, GENOMICS_WEB_ORIGINS=origin)


def test_origins_are_read_as_browsers_write_them(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, GENOMICS_WEB_ORIGINS="https://Genomics.example.org/, http://10.0.0.5:8080")
    assert settings.web_origins == ("https://genomics.example.org", "http://10.0.0.5:8080")
