"""``python -m portal.web``: Dagster's web UI and the clinicians' portal behind the door, in one process.

What ``dagster-webserver`` does, but that its application is served by nobody except :class:`portal.door.Door`. It
prints nothing: ``make serve`` says which address to open (:func:`resources.web_token.web_address`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from dagster import DagsterInstance, __version__
from dagster._core.workspace.context import IWorkspaceProcessContext, WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.routing import Mount

from engine.errors import GenomicsError
from portal.clinic.application import portal_of
from portal.clinic.warming import warm
from portal.door import Door, loopback_origins
from portal.plots import plots_of
from portal.queued import tell_queued_apart
from portal.sessions import Sessions
from resources.audit import account
from resources.environment import Resources, Settings, build_resources
from resources.sample_runs import Runs
from resources.structured_log import FILE, StructuredLog
from resources.web_token import web_token

_GRACE_SECONDS = 3
"""How long open websockets are waited for when the server is told to stop."""
_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _OVERFLOW = 15_000, 3600, 20
"""What ``dagster-webserver`` sets for the database of a server that stays up."""


def door_before(context: IWorkspaceProcessContext[Any], platform: Resources, port: int) -> Door:
    """Dagster's web UI of a deployment, its plots, and the clinicians' portal, with the door before them."""
    tell_queued_apart(context.instance)
    dagster = create_app_from_workspace_process_context(context, live_data_poll_rate=2000)
    portal = portal_of(platform, lambda: nullcontext(Runs(context.instance)))
    warm(portal)
    return Door(
        Starlette(routes=[plots_of(platform.lake), Mount("", dagster)]),
        Sessions(web_token(platform.settings), account()),
        platform.audit,
        (*loopback_origins(port), *platform.settings.web_origins),
        platform.settings.web_person_header,
        platform.settings.web_operators,
        portal,
        StructuredLog(platform.settings.data / FILE),
    )


@contextmanager
def _workspace(path: Path) -> Iterator[IWorkspaceProcessContext[Any]]:
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _OVERFLOW)
        target = WorkspaceFileTarget([str(path)])
        with WorkspaceProcessContext(instance, version=__version__, workspace_load_target=target) as context:
            yield context


def main() -> int:
    """Serve until told to stop by INT or TERM; 1 where the deployment cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m portal.web", description="The web UI of a deployment.")
    parser.add_argument("--port", type=int, required=True, help="to listen on, at GENOMICS_WEB_LISTEN")
    parser.add_argument("--workspace", type=Path, required=True, help="workspace.yaml of the deployment")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_environment()
        platform = build_resources(settings)
        with _workspace(arguments.workspace) as context:
            uvicorn.run(
                door_before(context, platform, arguments.port),
                host=settings.web_listen,
                port=arguments.port,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
