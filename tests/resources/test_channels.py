"""Mail and webhook, to real servers of this machine: what arrives, and what is said where nothing does."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from resources import channels
from resources.channels import KINDS, MOST_LINES, Notice, NotificationError, mail_channel, webhook_channel
from resources.environment import Settings
from tests.builders.receivers import mail_server, webhook

TO = ("lab@example.org", "night@example.org")
SINCE = "2026-11-27T20:15:00+00:00"


def notice(number: int = 1, kind: str = "run failed") -> Notice:
    return Notice(kind, f"S{number}", "gvcf", SINCE, f"sample S{number} failed at gvcf", f"failed S{number}")


def test_mail_arrives_at_everybody_with_what_failed() -> None:
    with mail_server() as server:
        mail_channel(f"smtp://127.0.0.1:{server.port}", TO).send("genomics: run failed", [notice()])
    ((to, message),) = server.mails
    assert tuple(to) == TO and message["Subject"] == "genomics: run failed"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "- sample S1 failed at gvcf (2026-11-27T20:15:00+00:00)" in message.get_content()


def test_a_server_that_wants_a_login_is_given_it() -> None:
    with mail_server(login=("lab", "ge:h@im")) as server:
        mail_channel(f"smtp://lab:ge%3Ah%40im@127.0.0.1:{server.port}", TO).send("x", [notice()])
        assert len(server.mails) == 1
        wrong = mail_channel(f"smtp://lab:geheim@127.0.0.1:{server.port}", TO)
        with pytest.raises(NotificationError, match="refused the login") as told:
            wrong.send("x", [notice()])
    assert "geheim" not in str(told.value) and "geheim" not in repr(wrong) and len(server.mails) == 1


def test_a_password_is_not_sent_to_another_machine_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    here = socket.create_connection
    with mail_server(login=("lab", "geheim")) as server:
        monkeypatch.setattr(socket, "create_connection", lambda _, *rest, **more: here(("127.0.0.1", server.port)))
        with pytest.raises(NotificationError, match="no TLS"):
            mail_channel("smtp://lab:geheim@mail.example.org", TO).send("x", [notice()])
    assert not server.mails and not any(line.startswith("AUTH") for line in server.heard)


def test_an_address_that_the_server_refuses_is_named() -> None:
    with mail_server(refuses="night") as server:
        with pytest.raises(NotificationError, match=r"night@example\.org was refused"):
            mail_channel(f"smtp://127.0.0.1:{server.port}", TO).send("x", [notice()])
        assert [to for to, _ in server.mails] == [["lab@example.org"]]


def test_a_server_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PATIENCE_SECONDS", 0.5)
    with mail_server(silent=True) as server:
        before = time.monotonic()
        with pytest.raises(NotificationError, match="cannot be sent"):
            mail_channel(f"smtp://127.0.0.1:{server.port}", TO).send("x", [notice()])
        assert time.monotonic() - before < 5


def test_where_nobody_listens_both_say_so() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for channel in (
        mail_channel(f"smtp://127.0.0.1:{port}", TO),
        webhook_channel(f"http://127.0.0.1:{port}/?k=geheim"),
    ):
        with pytest.raises(NotificationError) as told:
            channel.send("x", [notice()])
        assert "127.0.0.1" in str(told.value) and "geheim" not in str(told.value) and "tried again" in str(told.value)


def test_a_webhook_is_given_text_and_facts() -> None:
    with webhook() as hook:
        webhook_channel(hook.address).send("genomics: run failed", [notice()])
    ((kind, body),) = hook.posts
    assert kind == "application/json" and "sample S1 failed at gvcf" in body["text"]
    facts = {"kind": "run failed", "sample": "S1", "stage": "gvcf", "since": SINCE}
    assert body["notices"] == [{**facts, "text": "sample S1 failed at gvcf"}] and body["count"] == 1


@pytest.mark.parametrize("status", [301, 302, 307, 401, 404, 500])
def test_anything_but_a_yes_of_the_webhook_is_told_and_no_redirect_is_followed(status: int) -> None:
    with webhook(answers=status) as hook, pytest.raises(NotificationError, match=str(status)) as told:
        webhook_channel(hook.address).send("x", [notice()])
    assert not hook.others and "geheim" not in str(told.value)


def test_ten_thousand_notices_are_one_short_message() -> None:
    with mail_server() as server, webhook() as hook:
        many = [notice(number) for number in range(10_000)]
        mail_channel(f"smtp://127.0.0.1:{server.port}", TO).send(channels.subject_of(many), many)
        webhook_channel(hook.address).send(channels.subject_of(many), many)
    ((_, message),) = server.mails
    assert message["Subject"] == "genomics: 10000 run failed"
    assert len(message.get_content().splitlines()) < MOST_LINES + 10 and "and 9975 more" in message.get_content()
    assert hook.posts[0][1]["count"] == 10_000 and len(json.dumps(hook.posts[0][1])) < 20_000


def test_the_subject_counts_by_kind() -> None:
    mixed = [notice(1), notice(2), notice(3, KINDS[1]), notice(4, KINDS[2])]
    assert channels.subject_of(mixed) == "genomics: 2 run failed, gate shut, queue stuck"


@pytest.mark.parametrize(
    "options",
    [
        {"GENOMICS_NOTIFY_MAIL": "nobody"},
        {"GENOMICS_NOTIFY_MAIL": "a@b\r\nBcc: c@d"},
        {"GENOMICS_NOTIFY_MAIL": "a@b.org", "GENOMICS_NOTIFY_SMTP": "mail.example.org:25"},
        {"GENOMICS_NOTIFY_MAIL": "a@b.org", "GENOMICS_NOTIFY_SMTP": "imap://lab:geheim@mail.example.org"},
        {"GENOMICS_NOTIFY_MAIL": "a@b.org", "GENOMICS_NOTIFY_FROM": "me"},
        {"GENOMICS_NOTIFY_WEBHOOK": "hooks.example.org/geheim"},
        {"GENOMICS_NOTIFY_WEBHOOK": "file:///etc/geheim"},
        {"GENOMICS_NOTIFY_STUCK_HOURS": "soon"},
    ],
)
def test_an_option_that_cannot_be_read_is_refused_without_its_secrets(tmp_path: Path, options: dict[str, str]) -> None:
    from engine.errors import GenomicsError

    with pytest.raises(GenomicsError, match="Remedy") as told:
        try:
            Settings.from_environment({"GENOMICS_DATA": str(tmp_path), **options})
        except GenomicsError as error:
            raise type(error)(str(error), remedy="") from error
    assert "geheim" not in str(told.value)


def test_settings_show_no_password(tmp_path: Path) -> None:
    options = {
        "GENOMICS_DATA": str(tmp_path),
        "GENOMICS_NOTIFY_MAIL": "a@b.org, c@d.org",
        "GENOMICS_NOTIFY_SMTP": "smtps://lab:geheim@mail.example.org",
        "GENOMICS_NOTIFY_WEBHOOK": "https://hooks.example.org/geheim",
    }
    settings = Settings.from_environment(options)
    assert [channel.name for channel in settings.channels] == ["mail", "webhook"]
    assert "geheim" not in repr(settings) + " ".join(map(str, settings.channels))
    assert Settings.from_environment({"GENOMICS_DATA": str(tmp_path)}).channels == ()
