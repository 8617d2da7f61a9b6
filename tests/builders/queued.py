"""Where a run in Dagster's queue comes from: without it Dagster keeps none."""

from __future__ import annotations

from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("genomics_assets"), "__repository__"), "sample"
)
