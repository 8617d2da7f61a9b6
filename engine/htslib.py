"""The samtools and bcftools that pysam brings, each command in a process of its own.

bcftools keeps state in static variables from one command to the next: within one process a second ``csq`` takes its
first record for unsorted, and two threads would meet in it. A process of its own costs 0.2 s and is right.
"""

from __future__ import annotations

import subprocess
import sys

from engine.errors import ToolError

_PROGRAM = """\
import sys
import pysam.bcftools
import pysam.samtools
getattr(getattr(pysam, sys.argv[1]), sys.argv[2])(*sys.argv[3:], catch_stdout=False)
"""

_SAY_NOTHING = ("check the error output above", "use the --force option")
"""Of lines that bcftools ends with once it has said what is wrong."""


def bcftools_command(*arguments: str) -> list[str]:
    """The command line that runs ``bcftools arguments`` with this Python's pysam."""
    return [sys.executable, "-P", "-c", _PROGRAM, "bcftools", *arguments]


def samtools_command(*arguments: str) -> list[str]:
    """The command line that runs ``samtools arguments`` with this Python's pysam."""
    return [sys.executable, "-P", "-c", _PROGRAM, "samtools", *arguments]


def run_bcftools(command: str, *arguments: str) -> str:
    """Run ``bcftools command arguments``; returns what it wrote to standard error.

    Raises:
        ToolError: it failed; the problem is its last line that says something, else what htslib said first.
    """
    done = subprocess.run(bcftools_command(command, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.partition("stderr=")[2].replace("\\n", "\n").strip("'\" \n").splitlines()
        of_htslib = [line for line in done.stderr.splitlines() if line.startswith("[")]
        said = [line for line in said if not any(words in line for words in _SAY_NOTHING)] or of_htslib[:1]
        raise ToolError(
            f"bcftools {command} failed: {said[-1] if said else done.stderr[-500:]}",
            remedy="read its message; check that the file, the reference and the gene model belong together",
        )
    return done.stderr
