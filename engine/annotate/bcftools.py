"""Running one command of the bcftools that pysam brings, one at a time.

pysam holds one bcftools per process, whose command line parsing and output streams are static: a lock keeps two
threads from meeting in it.
"""

from __future__ import annotations

from threading import Lock

from engine.errors import ToolError

_ONE_AT_A_TIME = Lock()


def run_bcftools(command: str, *arguments: str) -> str:
    """Run ``bcftools command arguments``; returns what it wrote to standard error.

    Raises:
        ToolError: it failed; the problem is its last line that says something.
    """
    import pysam
    import pysam.bcftools

    program = getattr(pysam.bcftools, command)
    with _ONE_AT_A_TIME:
        try:
            program(*arguments, catch_stdout=False)
            return str(program.get_messages() or "")
        except pysam.SamtoolsError as error:
            said = str(error).partition("stderr=")[2].replace("\\n", "\n").strip("'\" \n").splitlines()
            raise ToolError(
                f"bcftools {command} failed: {said[-1] if said else error}",
                remedy="read its message; check that the file, the reference and the gene model belong together",
            ) from error
