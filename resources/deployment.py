"""Which deployment is served, written down, so that every command is about the one that its user means.

The server writes the options that it was given into the data folder (``deployment.json``) and notes there that it is
running (``server.json``, locked for as long as it lives). Where the last server's data folder is stands in a small
file of the user's, :func:`served_note`. A command that is given neither folder nor reference takes those of the last
server (:func:`as_served`), and one that is about another deployment than the running server's says so
(:func:`elsewhere`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import GenomicsError
from resources.environment import OPTIONS, PROJECT, Settings, SettingsError, workplace
from resources.process import ProcessMark

RECORD, SERVER = "deployment.json", "server.json"
"""In the data folder: the options that were served last, and the server that is running."""
_DATA, _REFERENCE = "GENOMICS_DATA", "GENOMICS_REFERENCE"
_DATABASES = {"registry": "GENOMICS_REGISTRY", "Dagster storage": "GENOMICS_DAGSTER_STORAGE"}
"""Where each may be a database, by what the record calls it."""
_PATHS = (_REFERENCE, "GENOMICS_THRESHOLDS")
_NOT_KEPT = (_DATA, *_DATABASES.values())
"""The data folder is where the record lies; a database's address may hold a password."""


class ServedError(GenomicsError):
    """The deployment is being served already."""


@dataclass(frozen=True)
class LiveServer:
    """A server that is running now.

    Attributes:
        data: the data folder that it serves.
        reference: name or YAML of its reference.
        port: on the loopback address.
        process: the server's.
    """

    data: Path
    reference: str
    port: int
    process: ProcessMark

    def __str__(self) -> str:
        return f"the server on 127.0.0.1:{self.port} (process {self.process.pid}) serves {self.data}, {self.reference}"


def as_served(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a command: what it was given, completed by what was written down when it was served.

    Which deployment is meant is said by ``GENOMICS_DATA``, else by ``DAGSTER_HOME``, else by ``GENOMICS_REFERENCE``
    (its folder by default), else it is the one that was served last.

    Raises:
        SettingsError: the deployment's registry is a database whose address is needed and was not given.
    """
    data = _data_folder(variables)
    kept = _read(data / RECORD) if data else {}
    for what, variable in _DATABASES.items():
        if kept.get(what) == "database" and not variables.get(variable):
            raise SettingsError(
                f"the {what} of {data} is a database, and {variable} does not say which",
                remedy="set it to the address that the server was given",
            )
    given = {name: value for name, value in variables.items() if value}
    completed = {**kept.get("variables", {}), **given}
    return completed if data is None else {**completed, _DATA: str(data)}


def write_record(settings: Settings, variables: Mapping[str, str] = os.environ) -> None:
    """Write down with which options a deployment is served, and that it was the last."""
    settings.data.mkdir(parents=True, exist_ok=True)
    names = [option.variable for option in OPTIONS if option.variable not in _NOT_KEPT]
    kept = {name: _absolute(name, variables[name]) for name in names if variables.get(name)}
    kept[_REFERENCE] = _absolute(_REFERENCE, settings.reference)
    databases = {
        "registry": "file" if isinstance(settings.registry, Path) else "database",
        "Dagster storage": "database" if settings.dagster_storage else "file",
    }
    _write(settings.data / RECORD, {"variables": kept, **databases})
    note = served_note(variables)
    with suppress(OSError):  # an account without a home, a checkout that is read only: commands are told the folder
        note.parent.mkdir(parents=True, exist_ok=True)
        _write(note, {"data": str(settings.data)})


@contextmanager
def served(settings: Settings, port: int) -> Iterator[None]:
    """Be the one server of this deployment, for as long as the context is open; a killed server is none.

    Raises:
        ServedError: another one is running.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / SERVER
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServedError(
                f"{settings.data} is being served already: {live_server(settings.data) or 'its server is starting'}",
                remedy="use that one, or stop it first (Ctrl-C where it was started)",
            ) from None
        note = {"reference": settings.reference, "port": port, "process": ProcessMark.own().text}
        file.seek(0)
        file.truncate()
        json.dump(note, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def live_server(data: Path) -> LiveServer | None:
    """The server of a data folder, absent where none is running."""
    note = _read(data / SERVER)
    process = ProcessMark.parse(str(note.get("process", "")))
    if process is None or not process.is_alive:
        return None
    return LiveServer(data, str(note["reference"]), int(note["port"]), process)


def elsewhere(settings: Settings, variables: Mapping[str, str] = os.environ) -> str | None:
    """What to tell where a server is running, and a command is about another deployment; nothing otherwise."""
    last = _read(served_note(variables)).get("data")
    server = live_server(Path(last)) if last else None
    if server is None or server.data == settings.data:
        return None
    return f"This is about {settings.data} ({settings.reference}); {server}."


def served_note(variables: Mapping[str, str] = os.environ) -> Path:
    """Where it stands which data folder was served last: in ``XDG_STATE_HOME`` where that is set, else beside the data
    of the checkout, of an installed copy in the current directory."""
    state = variables.get("XDG_STATE_HOME")
    return Path(state) / "genomics" / "served.json" if state else workplace(PROJECT) / "data" / "served.json"


def _data_folder(variables: Mapping[str, str]) -> Path | None:
    """The data folder that is meant; absent where nothing says it but the defaults."""
    if variables.get(_DATA):
        return _resolved(variables[_DATA])
    home = variables.get("DAGSTER_HOME")
    if home and (_resolved(home).parent / RECORD).is_file():
        return _resolved(home).parent
    last = _read(served_note(variables)).get("data")
    if not last or not (Path(last) / RECORD).is_file():
        return None
    reference, kept = variables.get(_REFERENCE), _read(Path(last) / RECORD)
    if reference and _absolute(_REFERENCE, reference) != kept.get("variables", {}).get(_REFERENCE):
        return None
    return Path(last)


def _resolved(folder: str) -> Path:
    return Path(folder).expanduser().resolve()


def _absolute(name: str, value: str) -> str:
    """A value as it means the same from any folder."""
    is_path = name in _PATHS and (name != _REFERENCE or value.endswith((".yaml", ".yml")))
    return str(_resolved(value)) if is_path else value


def _read(path: Path) -> dict[str, Any]:
    """A note; empty where there is none, or none that can be read."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text())
        return content if isinstance(content, dict) else {}
    return {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)
