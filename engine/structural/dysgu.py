"""The structural variant caller dysgu (Cleal and Baird 2022, doi:10.1093/nar/gkac039), run as a program of its own.

It is no part of the engine: ``pip install 'genomics-assets[structural]'`` brings it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from engine.errors import ToolError
from engine.files.variant_lines import variant_lines
from engine.structural.events import StructuralVariant

SMALLEST: Final = 50
"""Bases; smaller events are the small variant caller's."""
_KINDS: Final[Mapping[str, str]] = {"DEL": "DEL", "DUP": "DUP", "INV": "INV", "INS": "INS", "TRA": "BND", "BND": "BND"}
_JOINS: Final[Mapping[str, str]] = {
    "3to5": "N[{place}[",
    "5to3": "]{place}]N",
    "3to3": "N]{place}]",
    "5to5": "[{place}[N",
}
"""How VCF writes which ends are joined: the first contig's part ends (3) or begins (5) there, and so the second's."""
_MOST_QUALITY: Final = 200
_CLIPPED_BEHIND: Final = re.compile("[ACGTN]+([acgt]+)")


def dysgu_version() -> str:
    """Name and version.

    Raises:
        ToolError: it is not installed.
    """
    try:
        return f"dysgu {version('dysgu')}"
    except PackageNotFoundError:
        raise ToolError(
            "dysgu, which finds structural variants, is not installed",
            remedy="pip install 'genomics-assets[structural]' (or pip install dysgu)",
        ) from None


def call_with_dysgu(reads: Path, fasta: Path, *, threads: int = 1) -> list[StructuralVariant]:
    """Find the structural variants of one sample.

    Args:
        reads: sorted, indexed BAM or CRAM of short reads.
        fasta: the reference, plain or bgzip, with its index.
        threads: cores to use.

    Raises:
        ToolError: dysgu is absent or failed.
    """
    dysgu_version()
    with TemporaryDirectory(prefix="dysgu-") as name:
        folder = Path(name)
        output = folder / "calls.vcf"
        program = Path(sys.executable).with_name("dysgu")
        command = [str(program), "run", "--procs", str(threads), "-o", str(output)]
        command += [str(fasta), str(folder / "work"), str(reads)]
        # whatever a user's own settings are, a program here computes with as many threads as it was given
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode or not output.exists():
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise ToolError(
                f"dysgu failed: {last}",
                file=reads,
                remedy="check that the reads are pairs, sorted, and aligned to this reference",
            )
        found = [_event(line.rstrip("\n").split("\t")) for line in variant_lines(output) if not line.startswith("#")]
    return [event for event in found if event is not None]


def _event(fields: list[str]) -> StructuralVariant | None:
    """One record of dysgu; absent where it is of another kind, or shorter than :data:`SMALLEST`."""
    info = dict(item.partition("=")[::2] for item in fields[7].split(";"))
    values = dict(zip(fields[8].split(":"), fields[9].split(":"), strict=True))
    kind = _KINDS.get(info["SVTYPE"])
    if kind is None:
        return None
    start, end = int(fields[1]) - 1, int(info.get("END", fields[1]))
    length = 0 if kind == "BND" else abs(int(info.get("SVLEN", "0")))
    if kind in ("DEL", "DUP", "INV"):
        length = end - start - 1 if len(fields[3]) == 1 else len(fields[3]) - 1
        end = start + 1 + length
    if kind != "BND" and length < SMALLEST:
        return None
    return StructuralVariant(
        kind=kind,  # type: ignore[arg-type]  # one of the table's
        contig=fields[0],
        start=start,
        end=end if kind in ("DEL", "DUP", "INV") else start + 1,
        length=length,
        genotype=values.get("GT", "./."),
        quality=min(_MOST_QUALITY, round(_number(values.get("GQ", "0")))),
        pairs=round(_number(values.get("PE", "0"))),
        split_reads=round(_number(values.get("SR", "0"))),
        probability=_number(values.get("PROB", "0")),
        passes=fields[6] == "PASS",
        start_within=round(_number(info.get("CIPOS95", "0"))),
        end_within=round(_number(info.get("CIEND95", "0"))),
        inserted=_inserted(kind, fields, info),
        mate=_mate(kind, info, end),
        begins=_begins(kind, info, length),
    )


def _inserted(kind: str, fields: list[str], info: Mapping[str, str]) -> str:
    """The bases put in; only a part of them is known where dysgu could not assemble all."""
    if kind != "INS":
        return ""
    whole = fields[4][1:] if not fields[4].startswith("<") else info.get("SVINSSEQ", "")
    return whole.upper() if set(whole.upper()) <= set("ACGTN") else ""


def _begins(kind: str, info: Mapping[str, str], length: int) -> str:
    """The first bases of an insertion that is joined as a copy of its neighbourhood is: how reads before it go on.

    dysgu writes of such reads the bases that align in capitals, and those clipped behind them in small letters.
    """
    if kind != "INS" or info.get("CT") != "5to3":
        return ""
    found = [_CLIPPED_BEHIND.fullmatch(info.get(name, "")) for name in ("CONTIGA", "CONTIGB")]
    return next((one[1].upper()[:length] for one in found if one), "")


def _mate(kind: str, info: Mapping[str, str], end: int) -> str:
    if kind != "BND":
        return ""
    place = f"{info.get('CHR2', '')}:{info.get('CHR2_POS', str(end))}"
    return _JOINS.get(info.get("CT", "3to5"), _JOINS["3to5"]).format(place=place)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
