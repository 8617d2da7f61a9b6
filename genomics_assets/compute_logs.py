"""What steps print, kept in a container of Azure Blob Storage: Dagster's own manager, with the platform's identity.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`). Dagster's own takes an account's name; this one takes the
container's URL, as the options have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.storage.blob import BlobServiceClient
from dagster import StringSource
from dagster._serdes import ConfigurableClassData
from dagster_azure.blob import AzureBlobComputeLogManager

from resources.secrets import signed_in

PREFIX, EVERY = "compute-logs", 30
"""Before each blob's name; seconds between two uploads of what a step under way has printed."""


class BlobComputeLogs(AzureBlobComputeLogManager):
    """Dagster's, for one container.

    Args:
        container_url: ``https://account.blob.core.windows.net/container``.
        local_dir: where logs are staged on this machine.
    """

    def __init__(self, container_url: str, local_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        parts = urlsplit(container_url)
        account, _, container = f"{parts.netloc}{parts.path}".rpartition("/")
        name = account.rpartition("/")[2].partition(".")[0]
        super().__init__(
            name, container, local_dir=local_dir, prefix=PREFIX, upload_interval=EVERY,
            default_azure_credential={}, inst_data=inst_data,
        )  # fmt: skip
        self._blob_client = BlobServiceClient(f"{parts.scheme}://{account}", signed_in())
        self._container_client = self._blob_client.get_container_client(container)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What ``dagster.yaml`` says of it."""
        return {"container_url": StringSource, "local_dir": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> BlobComputeLogs:
        """As ``dagster.yaml`` configures it."""
        return cls(inst_data=inst_data, **config_value)
