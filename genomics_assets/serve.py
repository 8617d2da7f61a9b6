"""The Dagster web UI with sensors and daemon, on this machine's loopback address unless the options say otherwise.

``make serve`` starts it (:mod:`demo.serve`). It is one process that keeps a few others going: the web server behind
its door, the daemon, the code server (whose children are the runs), and the guard that ends them all if the server
itself is killed (:mod:`genomics_assets.guard`). One that dies is started again. Ctrl-C or TERM ends everything within
ten seconds; the runs that it ended are asked for again when the server is started next
(:mod:`genomics_assets.dead_runs`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import yaml

from genomics_assets import guard
from genomics_assets.instance import CODE_LOCATION, MADE, MODULE, hand_down, prepare_instance
from genomics_assets.messages import MARK
from resources.dagster_state import DagsterStateError, require_whole
from resources.deployment import ServedError, served, write_record
from resources.environment import Settings, build_resources
from resources.process import ProcessMark
from resources.recovery import recover
from resources.structured_log import FILE, StructuredLog
from resources.web_token import PORTAL, web_address

LOGS = "logs"
"""In the data folder: what the server's processes write."""
_LOG_BYTES = 10_000_000
_LOOK_EVERY = 0.3
_PATIENCE = 2.5
"""Seconds that the processes have to end by themselves."""
_GIVE_UP = 6
"""Deaths of one process, each within a minute of its start, after which the server ends: something is wrong."""
_AGAIN, _LOOK_AT_DATABASES_EVERY = 60.0, 10.0
_OF_A_DATABASE = "sqlite3."
"""Stands in a trace that tells of trouble with a database."""
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"- dagster\.(daemon|code_server)\S* - (ERROR|CRITICAL) - (?P<message>.*)")
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def serve(settings: Settings, port: int) -> int:
    """Start everything and wait; the exit code is 0 where a person ended it.

    Raises:
        ServedError: the deployment is being served already, or the port is taken.
        DagsterStateError: a database of Dagster's is damaged.
    """
    with served(settings, port), tempfile.TemporaryDirectory(prefix="genomics-") as sockets:
        _require_free(settings.web_listen, port)
        _recover(settings)
        write_record(settings)
        home = prepare_instance(settings)
        if (home / MADE).exists():
            require_whole(home)
        hand_down(settings)
        code_server = Path(sockets) / "code"
        workspace = home / "served.yaml"
        location = {"location_name": CODE_LOCATION, "socket": str(code_server), "host": "localhost"}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": location}]}))
        logs = settings.data / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        print(f"Drop a sample sheet with its FASTQ files into {settings.landing}", flush=True)
        return _Server(_programs(workspace, code_server, port, logs), settings, port).run()


@dataclass
class Program:
    """One process of the server, started again where it dies.

    Attributes:
        name: as people are told of it.
        command: the program and its arguments.
        log: what it writes.
        once: whether it ends by itself; the programs after it wait for that.
    """

    name: str
    command: Sequence[str]
    log: Path
    once: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    seen: int = 0
    told: dict[str, float] = field(default_factory=dict)
    complains: bool = False

    def start(self) -> None:
        """Start it, with the mark of the server in its environment; it dies with the server."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent,
            )  # fmt: skip
        self.started = time.monotonic()

    @property
    def code(self) -> int | None:
        """Its exit code, absent while it runs or was not started."""
        return self.process.poll() if self.process else None

    @property
    def is_due(self) -> bool:
        """Whether it is to be started, for the first time or again."""
        return self.process is None or (self.code is not None and not (self.once and self.code == 0))

    def tell_news(self) -> bool:
        """Print what it wrote for people since the last look, again and again once a minute; whether it wrote any."""
        now = time.monotonic()
        self.told = {line: then for line, then in self.told.items() if now - then < _AGAIN}
        for line in self._news():
            if line not in self.told:
                self.told[line] = now
                print(line, flush=True)
        return now in self.told.values()

    def _news(self) -> list[str]:
        with suppress(OSError), self.log.open("rb") as log:
            log.seek(self.seen)
            text = _whole_lines(log)
            self.seen = log.tell()
            if self.seen > _LOG_BYTES:
                self._shorten()
            self.complains |= _OF_A_DATABASE in text
            return [told for line in text.splitlines() if (told := _for_people(line, self))]
        return []

    def _shorten(self) -> None:
        """Keep what was written as the older log; the process goes on writing at the end of the same file."""
        self.log.with_suffix(".older.log").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)
        self.seen = 0


@dataclass
class _Server:
    """The programs, as they are kept going."""

    programs: Sequence[Program]
    settings: Settings
    port: int
    mark: ProcessMark = field(default_factory=ProcessMark.own)
    ending: int = 0
    open: bool = False
    looked: float = 0.0

    @property
    def events(self) -> StructuredLog:
        """Where it is told for programs what happens to processes."""
        return StructuredLog(self.settings.data / FILE)

    def run(self) -> int:
        os.environ[guard.MARK] = self.mark.text
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A shell's background job ignores Ctrl-C, and must end by INT even so; one started with nohup stays.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._asked_to_end)
        for program in self.programs:
            program.log.write_bytes(b"")
        try:
            code = 0
            while not self.ending and not code:
                code = self._look()
                time.sleep(_LOOK_EVERY)
        finally:
            self._end()
        return code

    def _asked_to_end(self, *_: object) -> None:
        self.ending += 1

    def _look(self) -> int:
        """Start what is due, tell what is new; the exit code where the server cannot go on."""
        for program in self.programs:
            if program.is_due and not self._start(program):
                return 1
            if program.tell_news():
                self.events.tell("complaint", level="warning", process=program.name.replace(" ", "-"))
            if program.once and program.code != 0:
                return 0  # those after it wait
        if not self._is_whole():
            return 1
        if not self.open and _listens(self.settings.web_listen, self.port):
            self.open = True
            self.events.tell("server_open", process="server")
            print(f"Open {web_address(self.settings, self.port)}  (Ctrl-C stops everything)", flush=True)
            print(f"For clinicians: {web_address(self.settings, self.port, PORTAL)}", flush=True)
        return 0

    def _is_whole(self) -> bool:
        """Whether Dagster's databases are, looked at where a process has complained; else it is told.

        Whatever is written to a damaged database makes it worse, and it cannot be put back while it is in use.
        """
        complaining = [program for program in self.programs if program.complains]
        if not complaining or time.monotonic() - self.looked < _LOOK_AT_DATABASES_EVERY:
            return True
        self.looked = time.monotonic()
        for program in complaining:
            program.complains = False
        try:
            require_whole(self.settings.dagster_home)
        except DagsterStateError as error:
            print(error, file=sys.stderr, flush=True)
            return False
        return True

    def _start(self, program: Program) -> bool:
        """Start a program, or again where it died and has been let rest; False where it only dies."""
        if program.process is not None:
            lived = time.monotonic() - program.started
            rests = min(2.0**program.deaths, 30.0)
            if lived > 60:
                program.deaths = 0
            elif program.deaths >= _GIVE_UP:
                print(f"The {program.name} ends again and again (look at {program.log}); stopping.", file=sys.stderr)
                return False
            elif lived < rests:
                return True
            program.deaths += 1
            self.events.tell("process_died", level="error", process=program.name.replace(" ", "-"), code=program.code)
            print(f"The {program.name} {_told(program.code)}; it is started again.", flush=True)
        program.start()
        self.events.tell("process_started", process=program.name.replace(" ", "-"))
        return True

    def _end(self) -> None:
        """Ask all to end, wait a little or until a person is impatient, and kill what is left."""
        asked = self.ending
        print("Stopping ...", flush=True)
        self.events.tell("server_stopping", process="server")
        for program in self.programs:
            if program.process and program.code is None:
                program.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE
        waited = [program for program in self.programs if program.name != _GUARD]
        while time.monotonic() < deadline and self.ending <= max(asked, 1):
            if all(program.process is None or program.code is not None for program in waited):
                break
            time.sleep(0.05)
        left = not guard.end_processes_of(self.mark)
        for program in self.programs:
            if program.process:
                program.process.wait(2)
            program.tell_news()
        print("Stopped." if not left else "Some processes could not be ended.", flush=True)


_GUARD = "guard"


def _programs(workspace: Path, code_server: Path, port: int, logs: Path) -> list[Program]:
    """Everything that makes a server, in the order in which it is started."""
    python = (sys.executable, "-m")
    of_code = ("--socket", str(code_server), "--module-name", MODULE, "--location-name", CODE_LOCATION)
    commands = {
        _GUARD: (*python, "genomics_assets.guard", ProcessMark.own().text),
        "look at interrupted runs": (*python, "genomics_assets.dead_runs"),
        "code server": (*python, "dagster", "api", "grpc", *of_code, "--log-level", "warning", "--lazy-load-user-code"),
        "web server": (*python, "portal.web", "--port", str(port), "--workspace", str(workspace)),
        "daemon": (*python, "dagster._daemon", "run", "--workspace", str(workspace), "--log-level", "warning"),
    }  # fmt: skip
    return [
        Program(name, command, logs / f"{name.replace(' ', '-')}.log", once=name.startswith("look"))
        for name, command in commands.items()
    ]


def _recover(settings: Settings) -> None:
    """Settle what a killed process left, before anything runs; an audit log that is damaged is refused."""
    platform = build_resources(settings)
    platform.audit.verify()
    for told in recover(platform):
        print(told)


def _require_free(host: str, port: int) -> None:
    """ServedError where somebody listens there already, or it may not be listened to."""
    if _listens(host, port):
        raise _port_taken(port, os.strerror(errno.EADDRINUSE))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _port_taken(port, str(error.strerror)) from None


def _port_taken(port: int, why: str) -> ServedError:
    remedy = f"stop what uses it, or take another: make serve PORT={port + 1}"
    return ServedError(f"the port {port} cannot be used ({why})", remedy=remedy)


def _listens(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


_prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl


def _die_with_parent() -> None:
    _prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _whole_lines(log: BinaryIO) -> str:
    """What there is of whole lines; the place is left behind them."""
    before = log.tell()
    whole = log.read().rpartition(b"\n")[0]
    log.seek(before + len(whole) + bool(whole))
    return whole.decode(errors="replace")


def _for_people(line: str, program: Program) -> str | None:
    """What is shown of a line of a log: our own messages, and errors with the place where more is told."""
    plain = _COLOR.sub("", line)
    if plain.startswith(MARK):
        return plain.removeprefix(MARK)
    found = _ERROR.search(plain)
    return f"{program.name}: {found['message']} (more in {program.log})" if found else None


def _told(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"
