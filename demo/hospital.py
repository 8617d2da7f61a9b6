"""``python -m demo.hospital``: the demo's hospital, a FHIR R4 server on loopback that keeps what reports brought it.

The server is ``sekmet-fhir`` (extra ``demo``). It ends with the process; its folder keeps what it has.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resources.environment import Settings

PORT = 8103
HOST = "127.0.0.1"


@contextmanager
def serving(folder: Path, port: int = 0, **behaviour: Any) -> Iterator[str]:
    """The base URL of a FHIR server that keeps everything in a folder, until the block ends.

    Args:
        folder: holds its database, now and later.
        port: where it listens, if that is free; any free one otherwise.
        behaviour: settings of ``sekmet-fhir``.
    """
    import uvicorn
    from sekmet.config import Settings as ServerSettings
    from sekmet.main import create_app

    folder.mkdir(parents=True, exist_ok=True)
    _know_values()
    taken = free_port(port)
    settings = ServerSettings(
        base_url=f"http://{HOST}:{taken}/fhir",
        host=HOST,
        port=taken,
        data_dir=str(folder),
        own_private_key_path=str(folder / "key.pem"),
        simulator={"enabled": False},
        log_inbound=False,
        **behaviour,
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host=HOST, port=taken, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError(f"the FHIR server did not start on {HOST}:{taken}")
        time.sleep(0.02)
    try:
        yield settings.base_url
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _know_values() -> None:
    """Have the server find Observations by the value of a component, a parameter of FHIR R4 that it lacks: by gene."""
    from sekmet.fhir.search_params import PARAMS, SearchParam

    name = "component-value-concept"
    PARAMS["Observation"].setdefault(name, SearchParam(name, "token", ("component.valueCodeableConcept",)))


def free_port(wanted: int = 0) -> int:
    """A port on loopback that nobody listens at: the wanted one, if it is free."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, wanted))
        except OSError:
            return free_port()
        return int(one.getsockname()[1])


def main() -> int:
    """Serve what the demo's reports brought, until interrupted."""
    folder = Settings.from_environment().data / "hospital"
    with serving(folder, PORT) as url:
        print(f"The demo's hospital answers at {url}; Ctrl-C ends it.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
