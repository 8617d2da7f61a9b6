"""Reports as messages to a real receiver of MLLP, and to a folder: each once, whatever happens on the way."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import DeliveryError
from engine.hl7v2.message import Message, build_message
from resources.audit import AuditLog
from resources.fhir_server import Patience
from resources.interface_engine import InterfaceEngine, destination_of, read_hl7_access
from resources.mllp import MessageRefusedError
from resources.registry import SampleRegistry
from resources.registry.deliveries import Deliveries, DeliveryState
from tests.builders.mllp import receiving
from tests.builders.report_bundle import report_statement
from tests.builders.sheets import entry

QUICK = Patience(attempts=4, first=0.001, longest=0.01, timeout=0.5)


@pytest.fixture(scope="module")
def message(tmp_path_factory: pytest.TempPathFactory) -> Message:
    return build_message(report_statement(tmp_path_factory.mktemp("r")), document=b"%PDF-1.7" * 50_000)


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., InterfaceEngine]:
    """The interface engine at an address, or a folder, as a file says; with one ledger."""
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    registry.register([entry(tmp_path, "S1")], sheet="a.csv", sheet_digest="0")
    ledger, audit = Deliveries(registry.database), AuditLog(tmp_path / "audit.jsonl")

    def made(named: str, access: str = "", patience: Patience | None = QUICK) -> InterfaceEngine:
        file = None
        if access:
            file = tmp_path / "hl7.yaml"
            file.write_text(access)
        return InterfaceEngine(named, file, ledger, audit, patience=patience)

    return made


def at(port: int) -> str:
    return f"mllp://127.0.0.1:{port}"


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_a_message_is_acknowledged_and_not_sent_again(
    code: str, message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with receiving(code) as receiver:
        there = engine(at(receiver.port))
        assert there.deliver("S1", message) is True
        assert there.deliver("S1", message) is False
    assert receiver.arrived == [message.content]
    (record,) = there.ledger.reports(sample="S1")
    assert (record.document, record.state, record.attempts) == ("hl7v2_message", DeliveryState.SENT, 1)
    assert record.response == f"{code} as & told" and record.destination == at(receiver.port)


@pytest.mark.parametrize("way", ["cut", "silent", "another's", "AR", "CR", "committed and silent"])
def test_a_fault_is_outlived_and_the_message_is_there_once(
    way: str, message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with receiving(way, way) as receiver:
        assert engine(at(receiver.port)).deliver("S1", message)
    assert receiver.arrived == [message.content] * 3, "the same bytes under the same control id each time"
    assert receiver.taken == {message.control_id: message.content}


@pytest.mark.parametrize("way", ["slow", "split", "twice"])
def test_an_answer_that_comes_late_in_parts_or_after_another_counts(
    way: str, message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with receiving(way) as receiver:
        assert engine(at(receiver.port)).deliver("S1", message)
    assert len(receiver.arrived) == 1


@pytest.mark.parametrize(("ways", "attempts"), [(("AE",), 1), (("CE",), 1), (("AR",) * 4, 4)])
def test_a_refusal_is_a_dead_letter_with_what_the_receiver_said(
    ways: tuple[str, ...], attempts: int, message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with receiving(*ways) as receiver:
        there = engine(at(receiver.port))
        with pytest.raises(MessageRefusedError) as told:
            there.deliver("S1", message)
        (letter,) = there.ledger.dead_letters()
        assert len(receiver.arrived) == attempts and letter.state == DeliveryState.REFUSED
        assert letter.response == (
            f"{ways[0]} as & told; PID 1 3; 204 Unknown key identifier HL70357; E; no such patient: O'Neil"
        )
        assert told.value.sample == "S1" and "O'Neil" not in str(told.value), "names go into no log"
        assert there.deliver("S1", message), "it is sent again when it is asked for again"
    assert there.ledger.dead_letters() == ()


@pytest.mark.parametrize("ways", [("silent",) * 4, ("cut",) * 4, ("garbage",)])
def test_a_receiver_that_does_not_answer_is_told(
    ways: tuple[str, ...], message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with receiving(*ways) as receiver:
        there = engine(at(receiver.port), patience=Patience(attempts=4, first=0.001, longest=0.01, timeout=0.1))
        with pytest.raises(DeliveryError, match=r"did not acknowledge|no acknowledgement"):
            there.deliver("S1", message)
    (letter,) = there.ledger.dead_letters()
    assert letter.state == DeliveryState.FAILED and letter.attempts == 1


def test_nobody_there_is_told(message: Message, engine: Callable[..., InterfaceEngine]) -> None:
    with pytest.raises(DeliveryError, match=r"after 4 attempts: .*refused"):
        engine(at(9)).deliver("S1", message)


def test_what_was_replaced_is_sent_again_when_it_is_said_again(
    message: Message, engine: Callable[..., InterfaceEngine], tmp_path: Path
) -> None:
    other = build_message(report_statement(tmp_path / "other", findings=1))
    with receiving() as receiver:
        there = engine(at(receiver.port))
        assert [there.deliver("S1", one) for one in (message, other, other, message)] == [True, True, False, True]


def test_a_folder_takes_whole_files(message: Message, engine: Callable[..., InterfaceEngine], tmp_path: Path) -> None:
    there = engine(str(tmp_path / "out"))
    with pytest.raises(DeliveryError, match=r"the folder .* is not there"):
        there.deliver("S1", message)
    assert [letter.state for letter in there.ledger.dead_letters()] == [DeliveryState.FAILED]
    (tmp_path / "out").mkdir()
    assert there.deliver("S1", message) and not there.deliver("S1", message)
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == f"S1.{message.control_id}.hl7" and file.read_bytes() == message.content


def test_elsewhere_than_on_loopback_it_goes_by_tls_alone(
    message: Message, engine: Callable[..., InterfaceEngine]
) -> None:
    with pytest.raises(DeliveryError, match="is not protected by TLS"):
        engine("mllp://ehr.invalid:2575").deliver("S1", message)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost with its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def test_a_receiver_shows_who_it_is_and_asks_who_sends(
    message: Message, engine: Callable[..., InterfaceEngine], certificate: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.load_verify_locations(certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    known = f"authority_file: {certificate}\ncertificate_file: {certificate}\nkey_file: {certificate}\n"
    with receiving(tls=tls) as receiver:
        there = f"mllps://localhost:{receiver.port}"
        assert engine(there, known).deliver("S1", message)
        with pytest.raises(DeliveryError, match="cannot show that it is who it should be"):
            engine(f"{there}/").deliver("S1", build_message(report_statement(certificate.parent, findings=1)))
    with pytest.raises(DeliveryError, match="a certificate or key cannot be used"):
        engine(there, f"authority_file: {certificate}.none\n").deliver(
            "S1", build_message(report_statement(certificate.parent, findings=0))
        )


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("processing: X\n", "processing is 'X'"),
        ("deliver: all\n", "deliver is 'all'; it may be signed, unsigned"),
        ("timeout: 0\n", "timeout is 0"),
        ("timeout: soon\n", "timeout is 'soon'"),
        ("key_file: a.pem\n", "names one of certificate_file and key_file"),
        ("ward: 7\n", "has what is not known: ward"),
        ("- application\n", "no mapping"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(said: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "hl7.yaml").write_text(said)
    with pytest.raises(DeliveryError, match="GENOMICS_HL7_ACCESS") as told:
        read_hl7_access(tmp_path / "hl7.yaml")
    assert problem in str(told.value) and "docs/hl7v2.md" in str(told.value)


@pytest.mark.parametrize(
    "named", ["http://a:1", "mllp://a", "mllp://:2575", "mllp://a:x", "mllp://a:1/b", "mllp://u:p@a:1"]
)
def test_an_address_that_is_none_is_refused(named: str) -> None:
    with pytest.raises(DeliveryError, match="GENOMICS_HL7 is "):
        destination_of(named)


def test_nothing_is_sent_where_nobody_is_named(message: Message, tmp_path: Path) -> None:
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    nowhere = InterfaceEngine(None, None, Deliveries(registry.database), AuditLog(tmp_path / "audit.jsonl"))
    assert nowhere.destination is None and not nowhere.takes_unsigned
    with pytest.raises(DeliveryError, match="no receiver of HL7 v2 is named"):
        nowhere.deliver("S1", message)
