"""Slurm of one node on the loopback address, of the programs of Debian's package ``slurm-wlm``; no systemd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.web import free_port

_PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
# Everything on 127.0.0.1 (NoInAddrAny: else the controller listens everywhere), no accounting, no cgroups.
_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
SlurmctldPort={controller}
SlurmdPort={node}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
MinJobAge=2
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cores} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """A running one.

    Attributes:
        folder: of its configuration, state and logs.
        configuration: what ``SLURM_CONF`` is to name.
    """

    folder: Path
    _running: ExitStack

    @property
    def configuration(self) -> Path:
        return self.folder / "slurm.conf"

    def ask(self, *command: str) -> str:
        """What one of its commands prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        return done.stdout + done.stderr

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SLURM_CONF": str(self.configuration)}

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """One of its daemons, which ends with the context."""
        with (self.folder / "daemons.log").open("ab") as log:
            daemon = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._running.callback(daemon.wait, 30)
        self._running.callback(daemon.terminate)
        return daemon


@contextmanager
def running_slurm() -> Iterator[Slurm]:
    """Slurm with its node idle; stopped and removed at the end."""
    missing = [name for name in _PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if missing:
        pytest.skip(f"{missing[0]} is not installed (Debian: apt-get install slurm-wlm munge)")
    if os.geteuid():
        pytest.skip("Slurm's node starts jobs as root alone")
    host = socket.gethostname().partition(".")[0]
    ports = {"controller": free_port(), "node": free_port()}
    with ExitStack() as running:
        folder = Path(tempfile.mkdtemp(prefix="genomics-slurm-"))
        running.callback(shutil.rmtree, folder, ignore_errors=True)
        slurm = Slurm(folder, running)
        cores = len(os.sched_getaffinity(0))
        slurm.configuration.write_text(_CONFIGURATION.format(folder=folder, host=host, cores=cores, **ports))
        slurm.start("munged", "--foreground", "--force", *_munge_options(folder / "munge"))
        slurm.start("slurmctld", "-D")
        slurm.start("slurmd", "-D", "-N", host)
        deadline = time.monotonic() + 60
        while "idle" not in slurm.ask("sinfo", "--noheader", "--format=%t"):
            assert time.monotonic() < deadline, (folder / "slurmctld.log").read_text()
            time.sleep(0.1)
        yield slurm
        slurm.ask("scancel", "--user=root")


def _munge_options(folder: Path) -> list[str]:
    folder.mkdir(mode=0o755)
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    names = {"key-file": key, "socket": folder / "socket", "pid-file": folder / "munged.pid"}
    names |= {"log-file": folder / "log", "seed-file": folder / "seed"}
    return [f"--{name}={path}" for name, path in names.items()]
