"""A workspace of Databricks: how it is reached, and what is laid into its volume and taken from it.

Files lie in a volume of Unity Catalog, never in DBFS. The workspace is asked by Databricks' own SDK (extra
``databricks``); what runs there is :mod:`resources.databricks_job`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from re import fullmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import DeliveryError, ToolError
from resources.access_file import read_access_file, unusable
from resources.fhir_access import LOOPBACK

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_FILE = ("GENOMICS_DATABRICKS", "docs/studies.md")
_VOLUME = r"/Volumes/[^/]+/[^/]+/[^/]+"
_KEY = "platform"
_NEEDLESS = {"client", "cluster"}
"""What a file may leave out."""
PACKAGE, PROGRAM = "genomics-assets", "genomics-databricks"
"""The platform's distribution, and its program that a task runs."""


@dataclass(frozen=True)
class DatabricksAccess:
    """What a laboratory says of its workspace.

    Attributes:
        host: of the workspace, ``https://adb-1.2.azuredatabricks.net``.
        client: id of the service principal; absent where a token is used.
        secret_file: file with its secret, or with the token.
        volume: ``/Volumes/catalog/schema/volume``.
        wheel: of the platform, a file of the volume.
        cluster: id of the cluster on which sessions of Databricks Connect compute; serverless where absent.
    """

    host: str = ""
    client: str = ""
    secret_file: Path | None = None
    volume: str = ""
    wheel: str = ""
    cluster: str = ""


def read_databricks(file: Path) -> DatabricksAccess:
    """The file that the option names, checked.

    Raises:
        DeliveryError: it lacks something, or names what is no workspace or no file of a volume.
    """
    access = read_access_file(file, DatabricksAccess, *_FILE)
    lacking = [one.name for one in fields(access) if one.name not in _NEEDLESS and not getattr(access, one.name)]
    if lacking:
        raise unusable(file, f"lacks {', '.join(lacking)}", *_FILE)
    place = urlsplit(access.host)
    if place.scheme != "https" and place.hostname not in LOOPBACK:
        raise unusable(file, "has a host that is not https", *_FILE)
    if not fullmatch(_VOLUME, access.volume):
        raise unusable(file, "has a volume that is none of Unity Catalog: /Volumes/catalog/schema/volume", *_FILE)
    if not access.wheel.startswith(f"{access.volume}/"):
        raise unusable(file, "has a wheel that does not lie in the volume", *_FILE)
    return access


def connected(file: Path) -> Any:
    """A session of Spark in the workspace that a file tells of, by Databricks Connect.

    Databricks Connect brings a Spark of its own and (16.1, for Python 3.11) NumPy 1: it is installed in an environment
    beside the platform's, in which of the platform this module works.

    Args:
        file: as of :func:`read_databricks`.

    Raises:
        DeliveryError: the file cannot be used, or the workspace has no such cluster or lets nobody in.
        ToolError: Databricks Connect is not installed, or the cluster's release is older than its.
    """
    workspace = Workspace.of(file)
    try:
        from databricks.connect import DatabricksSession
    except ImportError as error:
        raise ToolError(
            "Databricks Connect is not installed",
            remedy="install `databricks-connect` in an environment of its own (make databricks-connect)",
        ) from error
    config = workspace.client.config.copy()
    cluster = workspace.access.cluster
    where, what = ("cluster_id", cluster) if cluster else ("serverless_compute_id", "auto")
    setattr(config, where, what)  # the other one stays unset: None would be read as a name
    # Serverless is looked for by the first query: Databricks' own check would wait minutes for one that is not there.
    builder = DatabricksSession.builder.sdkConfig(config).validateSession(bool(cluster))
    with _told(f"cluster {cluster}"):
        try:
            return builder.getOrCreate()
        except Exception as error:
            if not str(error).startswith("Unsupported combination"):  # it has no type of its own
                raise
            raise ToolError(str(error), remedy="name a cluster of a later release of Databricks") from error


@dataclass(frozen=True)
class Workspace:
    """A workspace that is asked.

    Attributes:
        access: how it is reached.
        client: Databricks' own.
    """

    access: DatabricksAccess
    client: WorkspaceClient

    @classmethod
    def of(cls, file: Path) -> Workspace:
        """The workspace that a file tells of.

        Raises:
            DeliveryError: the file cannot be used.
            ToolError: the SDK is not installed.
        """
        access = read_databricks(file)
        try:
            from databricks.sdk import WorkspaceClient
        except ImportError as error:
            raise ToolError("Databricks' SDK is not installed", remedy="install the extra `databricks`") from error
        assert access.secret_file is not None  # as checked
        try:
            secret = access.secret_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise unusable(file, f"names a secret_file that cannot be read: {error}", *_FILE) from error
        named: dict[str, Any] = {"client_id": access.client, "client_secret": secret}
        return cls(access, WorkspaceClient(host=access.host, **(named if access.client else {"token": secret})))

    def place(self, *names: str) -> str:
        """A path of the volume."""
        return str(PurePosixPath(self.access.volume, *names))

    def put(self, file: Path, place: str, *, anew: bool = True) -> None:
        """Lay a file into the volume; ``anew``: even where one of that name and size is there."""
        with _told(place):
            if not anew and self._size(place) == file.stat().st_size:
                return
            with file.open("rb") as stream:
                self.client.files.upload(place, stream, overwrite=True)

    def take(self, folder: str, into: Path) -> list[Path]:
        """The Parquet files of a folder of the volume, in order."""
        with _told(folder):
            return sorted(self._taken(folder, into))

    def task(self, *words: str) -> tuple[Any, dict[str, Any]]:
        """The task that runs :data:`PROGRAM` with these words, and what it is submitted with beside."""
        from databricks.sdk.service import compute, jobs

        wheel = jobs.PythonWheelTask(package_name=PACKAGE, entry_point=PROGRAM, parameters=list(words))
        task = jobs.SubmitTask(task_key=PROGRAM, environment_key=_KEY, python_wheel_task=wheel)
        spec = compute.Environment(client=_PYTHON_311, dependencies=[self.access.wheel])
        return task, {"environments": [jobs.JobEnvironment(environment_key=_KEY, spec=spec)], "run_name": PROGRAM}

    def _taken(self, folder: str, into: Path) -> Iterator[Path]:
        for one in self.client.files.list_directory_contents(folder):
            name = PurePosixPath(str(one.path)).name
            if name.endswith(".parquet"):
                contents = self.client.files.download(f"{folder}/{name}").contents
                assert contents is not None
                (into / name).write_bytes(contents.read())
                yield into / name

    def _size(self, place: str) -> int | None:
        from databricks.sdk.errors import NotFound

        try:
            size: int | None = self.client.files.get_metadata(place).content_length
        except NotFound:
            return None
        return size


@contextmanager
def _told(place: str) -> Iterator[None]:
    """What a workspace refuses, in the platform's words."""
    from databricks.sdk.errors import DatabricksError

    try:
        yield
    except (DatabricksError, OSError) as error:
        raise DeliveryError(
            f"Databricks does not do as asked with {place}: {error}",
            remedy="see whether it is there, and the service principal may use it",
        ) from error


_PYTHON_311 = "2"
"""Version of the serverless environment that has Python 3.11."""
