"""Ctrl-C ends every command at once and without a trace, while it loads as well as while it works."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from engine.call.haplotype.windows.plan import WINDOW_BASES
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.deployment import BIN

ENDED = (-signal.SIGINT, 130)
"""As a shell tells of both: 130."""


def as_from_a_terminal() -> None:
    """Whoever started the tests may ignore signals, and that is inherited."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def as_from_a_script() -> None:
    """A script's background job."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def interrupted(
    *command: str | Path,
    after: Callable[[], bool],
    data: Path,
    by: signal.Signals = signal.SIGINT,
    begun: Callable[[], None] = as_from_a_terminal,
) -> tuple[int, str]:
    """Exit code and what was said of a command to which a signal was sent, as a terminal sends it to all it started."""
    process = subprocess.Popen(
        [BIN / command[0], *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"GENOMICS_DATA": str(data)},
        start_new_session=True,
        preexec_fn=begun,
    )
    deadline = time.monotonic() + 60
    while not after() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, by)
    _, said = process.communicate(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return process.returncode, said


SLOW_DISK = """
import os, sys, time
class SlowDisk:
    @staticmethod
    def find_spec(name, *_):
        if name == os.environ["SLOW_MODULE"]:
            open(os.environ["REACHED"], "w").close()
            time.sleep(60)
sys.meta_path.insert(0, SlowDisk)
"""
"""Run by Python before a command: one module takes a minute to be found, so that loading lasts on any machine."""


def let_loading_last(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> Path:
    """The file that is there when a command has come to that module, where it stays."""
    (folder / "sitecustomize.py").write_text(SLOW_DISK)
    reached = folder / "reached"
    for name, value in {"PYTHONPATH": folder, "SLOW_MODULE": module, "REACHED": reached}.items():
        monkeypatch.setenv(name, str(value))
    return reached


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (("genomics", "samples"), "console.cli"),
        (("genomics", "samples"), "resources.deployment"),
        (("python", "-m", "demo.serve", "--port", "9"), "demo.reference"),
        (("python", "-m", "demo.serve", "--port", "9"), "resources.web_token"),
    ],
    ids=["genomics, first", "genomics, last", "make serve, first", "make serve, last"],
)
def test_a_command_that_loads_is_interrupted_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], module: str
) -> None:
    reached = let_loading_last(tmp_path, monkeypatch, module)
    code, said = interrupted(*command, after=reached.exists, data=tmp_path / "data")
    assert reached.exists() and code in ENDED and said == "", said


@pytest.mark.parametrize(("by", "ended"), [(signal.SIGINT, ENDED), (signal.SIGTERM, (-signal.SIGTERM,))])
def test_a_server_hears_who_ends_it_while_it_loads_also_as_a_job_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: signal.Signals, ended: tuple[int, ...]
) -> None:
    reached = let_loading_last(tmp_path, monkeypatch, "demo.reference")
    serve = ("python", "-m", "demo.serve", "--port", "9")
    code, said = interrupted(*serve, after=reached.exists, data=tmp_path / "data", by=by, begun=as_from_a_script)
    assert reached.exists() and code in ended and said == "", said


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference of ten windows, so that two workers are worth it, and reads of a person with many variants."""
    folder = tmp_path_factory.mktemp("person")
    sequence = random_sequence(10 * WINDOW_BASES)
    snvs = tuple((at, sequence[at], "CGTA"["ACGT".index(sequence[at])]) for at in range(500, len(sequence), 500))
    copies = [Haplotype("chr20", sequence), Haplotype("chr20", sequence, snvs)]
    write_bam(folder / "S1.bam", write_reference(folder, {"chr20": sequence}), copies, step=40)
    return folder


def has_begun(out: Path) -> bool:
    """Whether something of the engine's own lies where its output goes."""
    return any(out.iterdir())


def has_workers(out: Path) -> bool:
    """Whether both worker processes are there; a forked one is called as its parent is."""
    output = os.fsencode(out / "S1.g.vcf.gz")
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += output in (process / "cmdline").read_bytes()
    return found == 3


@pytest.mark.parametrize("moment", [has_begun, has_workers])
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_engine_ends_in_order_and_leaves_nothing_behind(
    tmp_path: Path, person: Path, by: signal.Signals, code: int, moment: Callable[[Path], bool]
) -> None:
    """Neither a part of a file nor a process, and nothing is said of what became of the workers."""
    out, reached = tmp_path / "out", []
    out.mkdir()

    def works() -> bool:
        reached.append(moment(out))
        return reached[-1]

    call = ("call", "--reference", person / "reference.fa", "--reads", person / "S1.bam", "--threads", "2", "--quiet")
    ended = interrupted("genomics-engine", *call, "--output", out / "S1.g.vcf.gz", after=works, data=tmp_path, by=by)
    assert reached[-1] and ended == (code, "")
    assert list(out.iterdir()) == []


def test_a_job_in_the_background_does_not_hear_ctrl_c(tmp_path: Path) -> None:
    """A shell's script starts it so that it ignores it, and it stays so."""
    script = f"trap '' INT; {BIN}/genomics samples & sleep 0.3; kill -INT $!; wait $!"
    environment = os.environ | {"GENOMICS_DATA": str(tmp_path / "data")}
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0 and "no samples in" in done.stdout + done.stderr, done.stderr
