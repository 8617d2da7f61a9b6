"""A job that a process elsewhere can load: it tells that it runs, and ends when it may."""

import os
import time
from pathlib import Path

import dagster as dg

from genomics_assets.run_process import in_one_process


@dg.op(config_schema={"folder": str})
def works(context: dg.OpExecutionContext) -> None:
    folder = Path(context.op_config["folder"])
    (folder / "began").write_text(os.environ["SLURM_JOB_NAME"])
    while not (folder / "may_end").exists():
        time.sleep(0.05)


@dg.job(executor_def=in_one_process)
def sample() -> None:
    works()
