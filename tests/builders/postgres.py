"""A private PostgreSQL server for tests, of the programs that Debian's package ``postgresql`` installs."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PASSWORD = "a:secret/of@tests"
QUOTED = "a%3Asecret%2Fof%40tests"
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
_MANY = {"max_connections": "500"}  # every registry of a whole run of tests keeps its own
_START_WITHIN = 60.0


def programs() -> Path:
    """The folder of the newest server's programs; the test that asks skips where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    if importlib.util.find_spec("pg8000") is None:
        pytest.skip("the driver pg8000 is not installed (extra postgres)")
    return found[-1].parent


@dataclass
class PostgresServer:
    """A running server that listens on a socket in its own folder, and on no port unless it was started so.

    Attributes:
        folder: of its data and its socket.
        port: also part of the socket's name.
    """

    folder: Path
    port: int
    _command: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("a") as log:
            self._process = _as_nobody(self._command, stdout=log, stderr=log)
        _wait_for(self, self._process)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: by ``SIGINT`` at once, but in order, by ``SIGQUIT`` as if the machine had lost its power."""
        assert self._process
        self._process.send_signal(how)
        self._process.wait(timeout=30)

    @property
    def socket(self) -> Path:
        """The socket that clients connect to."""
        return self.folder / f".s.PGSQL.{self.port}"

    @property
    def certificate(self) -> Path:
        """Of a server under TLS."""
        return self.folder / "server.crt"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"registry_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str) -> str:
        """The URL of a database, by the socket."""
        return f"postgresql://tests:{QUOTED}@/{database}?unix_sock={self.socket}"

    def query(self, text: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """What a query answers, outside of any transaction."""
        import pg8000.dbapi

        with pg8000.dbapi.connect("tests", password=PASSWORD, database=database, unix_sock=str(self.socket)) as db:
            db.autocommit = True
            cursor = db.cursor()
            cursor.execute(text)
            return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def running_server(*, tls: bool = False) -> Iterator[PostgresServer]:
    """A server in a folder of its own, stopped and removed at the end.

    With ``tls`` it listens on a port of the loopback address as well, as ``localhost``, under a certificate of its own.
    """
    bin_folder = programs()
    folder = Path(tempfile.mkdtemp(prefix="genomics-postgres-"))
    try:
        server = PostgresServer(folder, _free_port() if tls else 5432)
        _make_cluster(bin_folder, server.folder)
        options = _certified(server) if tls else ["listen_addresses="]
        settings = [f"{name}={value}" for name, value in (_QUICK | _MANY).items()]
        command = [str(bin_folder / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-p", str(server.port)]
        for setting in settings + options:
            command += ["-c", setting]
        server._command = command
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _make_cluster(bin_folder: Path, folder: Path) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, password):
            os.chown(path, _nobody().pw_uid, _nobody().pw_gid)
    command = [str(bin_folder / "initdb"), "-D", str(folder / "data"), "-U", "tests", "--pwfile", str(password)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    with _as_nobody(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


def _certified(server: PostgresServer) -> list[str]:
    """Settings of a server with a certificate that it signed itself."""
    openssl = shutil.which("openssl") or pytest.skip("the program openssl is not installed")
    key = server.folder / "server.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(server.certificate)]
    with _as_nobody(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return ["listen_addresses=127.0.0.1", "ssl=on", f"ssl_key_file={key}", f"ssl_cert_file={server.certificate}"]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _as_nobody(command: list[str], **streams: object) -> subprocess.Popen[str]:
    """Start a program as somebody who may do nothing: the server refuses to run as root."""
    user = {"user": _nobody().pw_uid, "group": _nobody().pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.Popen(command, text=True, cwd="/", **user, **streams)  # type: ignore[call-overload]


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _wait_for(server: PostgresServer, process: subprocess.Popen[str]) -> None:
    import pg8000.exceptions

    deadline = time.monotonic() + _START_WITHIN
    while True:
        try:
            server.query("SELECT 1")
            return
        except (pg8000.exceptions.Error, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((server.folder / "log").read_text()) from None
        time.sleep(0.05)
