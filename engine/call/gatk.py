"""GATK as a caller: HaplotypeCaller run as a program of its own, for laboratories that want its very output.

GATK 4.6 is looked for as a folder of jars (``.gatk/lib`` in the project, where ``make gatk`` puts them) and as ``gatk``
on PATH. What is GATK's own (regions, assembly, likelihoods) is left at its defaults.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.call.caller import CallTask
from engine.call.ploidy import ploidy_of
from engine.errors import ToolError
from engine.reference.intervals import write_bed

JARS = Path(__file__).resolve().parents[2] / ".gatk" / "lib"
_MAIN = "org.broadinstitute.hellbender.Main"


class GatkCaller:
    """Calls with GATK's HaplotypeCaller.

    Args:
        jars: folder that holds GATK's jar and those it needs; where it is absent, ``gatk`` on PATH is used.
        memory: Java's heap limit.
    """

    recalibrates = False

    def __init__(self, jars: Path = JARS, memory: str = "6g") -> None:
        self._jars, self._memory = jars, memory

    def version(self) -> str:
        """``GATK`` with its version.

        Raises:
            ToolError: GATK is absent.
        """
        for jar in sorted(self._jars.glob("gatk-4*.jar")):
            match = re.fullmatch(r"gatk-(?:package-)?(\d[\d.]*\d)(?:-local)?\.jar", jar.name)
            if match:
                return f"GATK {match[1]}"
        said = self.run(["--version"])
        match = re.search(r"\(GATK\) v([\d.]+)", said)
        return f"GATK {match[1] if match else said.strip()}"

    def write_gvcf(self, task: CallTask) -> None:
        """Write the task's gVCF with ``HaplotypeCaller -ERC GVCF``.

        Raises:
            ToolError: GATK is absent or failed; the message holds what it said.
        """
        with tempfile.TemporaryDirectory(prefix="gatk-") as name:
            folder = Path(name)
            fasta = reference_with_dictionary(task.reference.fasta, folder)
            write_bed(task.intervals, folder / "targets.bed")
            calls = folder / "calls.g.vcf.gz"
            arguments = [
                "HaplotypeCaller", "--emit-ref-confidence", "GVCF", "--input", str(task.reads),
                "--reference", str(fasta), "--intervals", str(folder / "targets.bed"), "--output", str(calls),
                "--native-pair-hmm-threads", str(task.threads), "--add-output-vcf-command-line", "false",
            ]  # fmt: skip
            arguments += _ploidy_arguments(task, folder / "ploidy.bed")
            self.run([*arguments, "--verbosity", "WARNING"])
            shutil.move(calls, task.output)
        task.progress.advance(sum(len(interval) for interval in task.intervals))

    def run(self, arguments: Sequence[str]) -> str:
        """Run one of GATK's tools and give what it printed.

        Raises:
            ToolError: GATK is absent or failed.
        """
        ran = subprocess.run([*self.command(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode:
            said = [line for line in ran.stdout.splitlines() if "A USER ERROR" in line or "Exception" in line]
            raise ToolError(
                f"GATK {arguments[0]} failed: {' '.join(said or ran.stdout.splitlines())[-500:]}",
                remedy="run the same command by hand to see all that GATK says",
            )
        return ran.stdout

    def command(self) -> list[str]:
        """How GATK is started here; a tool's name and arguments follow.

        Raises:
            ToolError: GATK is absent.
        """
        java = shutil.which("java")
        if java and any(self._jars.glob("gatk-*.jar")):
            return [java, f"-Xmx{self._memory}", "-cp", f"{self._jars}/*", _MAIN]
        gatk = shutil.which("gatk")
        if gatk:
            return [gatk, "--java-options", f"-Xmx{self._memory}"]
        raise ToolError(
            "GATK is not installed" if java else "GATK is not installed, nor is Java",
            remedy="install Java 17 and run 'make gatk', or put gatk on PATH, or use another caller",
        )


def _ploidy_arguments(task: CallTask, bed: Path) -> list[str]:
    rows = [
        f"{part.interval.contig}\t{part.interval.start}\t{part.interval.end}\t{part.copies}\n"
        for interval in task.intervals
        for part in ploidy_of(interval, task.contig_lengths[interval.contig], task.sex)
        if part.copies != 2
    ]
    if not rows:
        return []
    bed.write_text("".join(rows))
    return ["--ploidy-regions", str(bed)]


def reference_with_dictionary(fasta: Path, folder: Path) -> Path:
    """The FASTA where GATK finds its dictionary: as it is, or linked into ``folder`` beside one made there."""
    import pysam

    stem = re.sub(r"\.(fa|fasta|fna)(\.gz)?$", "", fasta.name)
    if fasta.with_name(f"{stem}.dict").is_file():
        return fasta
    for suffix in ("", ".fai", ".gzi"):
        source = fasta.with_name(fasta.name + suffix)
        if source.exists():
            (folder / source.name).symlink_to(source.resolve())
    with pysam.FastaFile(str(fasta)) as sequences:
        lines = [
            f"@SQ\tSN:{name}\tLN:{length}\n"
            for name, length in zip(sequences.references, sequences.lengths, strict=True)
        ]
    (folder / f"{stem}.dict").write_text("@HD\tVN:1.6\n" + "".join(lines))
    return folder / fasta.name
