"""``python -m benchmarks.real_reads``: every caller on the same real reads, scored against the truth.

NA12878 at 52x (Platinum Genomes) over chr20:10,000,001-10,100,000, duplicates marked by those who published it; the
truth and its confident regions are the NIST's.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.chains import Setting, Step, callers_on_the_same_reads, gatk_steps, versions
from benchmarks.comparison import accuracy, scores_table
from benchmarks.inputs import RESULTS, SHARED, plain_reference
from benchmarks.measure import run
from engine.call.gatk import JARS
from engine.reference.genome import open_reference
from engine.reference.intervals import Interval

_FOLDER = SHARED / "na12878_chr20_10m"
_TRUTH = "test_nist.b37_chr20_100kbp_at_10mb"


def main() -> int:
    """Call, score and print; the same is written as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_reads", description=__doc__)
    parser.add_argument("--jars", type=Path, default=JARS, help="folder of GATK's jars (see make gatk)")
    parser.add_argument("--folder", type=Path, default=RESULTS / "real_reads")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    reference = plain_reference(_FOLDER / "ucsc.hg19.chr20.unittest.fasta.gz", folder)
    open_reference(reference)
    for suffix in ("", ".bai"):
        marked = folder / f"marked.bam{suffix}"
        marked.unlink(missing_ok=True)
        marked.symlink_to(_FOLDER / f"NA12878_S1.chr20.10_10p1mb.bam{suffix}")
    truth = _FOLDER / f"{_TRUTH}.vcf.gz"
    none = folder / "none"
    at = Setting(folder, reference, none, none, truth, Interval("chr20", 10_000_000, 10_100_000), 2, options.jars)
    found = versions(options.jars)
    for step in _steps(at, with_gatk=found["gatk"] is not None):
        if found[step.program] is not None:
            run(step.command, folder / f"{step.name.replace(' ', '_')}.log", step.output)
    scores = accuracy(at, truth, _FOLDER / f"{_TRUTH}.bed")
    (folder / "real_reads.json").write_text(json.dumps({"versions": found, "accuracy": scores}, indent=2) + "\n")
    print("\n".join(scores_table(scores)))
    return 0


def _steps(at: Setting, *, with_gatk: bool) -> list[Step]:
    gatks = gatk_steps(at) if with_gatk else []
    called = [step for step in gatks if step.name in ("HaplotypeCaller", "GenotypeGVCFs")]
    return [*called, *callers_on_the_same_reads(at)]


if __name__ == "__main__":
    sys.exit(main())
