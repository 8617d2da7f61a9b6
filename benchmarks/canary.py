"""``python -m benchmarks.canary [CASES] [--flips 30]``: what it costs to try a release of ClinVar on signed cases.

A deployment is made in a temporary folder: one sample's whole path from simulated reads, and so many cases, made up,
with the artifacts of its reads and other calls, of which each has a statement that is signed. Each carries one of
twenty alleles that ClinVar tells as pathogenic; the next release tells that of some otherwise. Then that release is
built, in this process alone: printed are its CPU seconds and peak of memory, what came of the trial, and the list.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pysam

from benchmarks.measure import apart
from benchmarks.portal import temporary_folder
from engine.errors import KnowledgeError
from engine.ops import annotation, calls, interpretation, report
from engine.ops.artifact import ancestors
from engine.ops.knowledge import clinvar
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Receipt
from engine.report.issue import SignOut
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from resources.environment import Resources, build_resources
from resources.sign_out import event_of, utc_now
from tests.builders.deployment import (
    CONTIG,
    Delivery,
    Deployment,
    let_settle,
    tiny_deployment,
    write_reads,
    write_sheet,
)

_CASES, _FLIPS, _SHOWN = 500, 30, 5
_MODEL = Delivery("demo-unrelated-1")
_TOLD = range(3_082_600, 3_084_600, 100)
"""1-based positions in AVP of alleles that ClinVar tells as pathogenic; the next release tells the first otherwise."""
_OTHERS, _CARRIED = range(3_085_001, 3_094_001, 30), 40
"""1-based positions of alleles that nobody tells of, and how many of them a case carries."""
_MADE = (annotation.variant_consequences, annotation.annotated_variants, interpretation.findings)
"""What is made of calls; what else a statement is made from is the model's."""
_PLAIN = str.maketrans("ACGT", "CGTA")


def main() -> int:
    """Make the deployment in a process of its own, then build the release that is tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canary", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=_CASES, help=f"signed cases ({_CASES})")
    parser.add_argument("--flips", type=int, default=_FLIPS, help=f"of whom the release tells otherwise ({_FLIPS})")
    options = parser.parse_args()
    with temporary_folder() as folder:
        apart(prepare, folder, options.cases, options.flips)
        deployment = Deployment(folder, str(folder / "avp.yaml"))
        _release(deployment, changed=True)
        _try_out(build_resources(deployment.settings))
    return 0


def _try_out(platform: Resources) -> None:
    """Build the release that is declared, and tell what came of it."""
    in_force, spent, started = platform.knowledge.require("clinvar"), time.process_time(), time.monotonic()
    with suppress(KnowledgeError):
        clinvar.make(platform, "", log=lambda _: None)
    spent, took = time.process_time() - spent, time.monotonic() - started
    trial = platform.canary.trial("clinvar")
    assert trial is not None, "no case was tried"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{trial.cases:,} signed cases: {spent:.1f} CPU s, {took:.1f} s, peak {peak:,.0f} MB")
    print(f"{trial.summary}: {'held' if trial.is_held else 'not held'}")
    print(f"in force is clinvar {platform.knowledge.require('clinvar').measures['release']}, ", end="")
    print("as before" if platform.knowledge.require("clinvar") == in_force else "the new one")
    for flip in trial.flips[:_SHOWN]:
        print(f"  {flip}")


def prepare(folder: Path, cases: int, flips: int) -> None:
    """A deployment with so many signed cases, the first of whom carry the allele that is told otherwise later."""
    deployment = tiny_deployment(folder)
    _release(deployment, changed=False)
    platform = build_resources(deployment.settings)
    shared, alleles = _model(platform), _Alleles.of(deployment)
    kinds: dict[int, list[Receipt]] = {}
    for number, sample in enumerate(_registered(platform, cases)):
        told = 0 if number < flips else 1 + number % (len(_TOLD) - 1)
        if told not in kinds:
            kinds[told] = _interpreted(platform, shared, sample, list(alleles.of_kind(told)))
        else:
            _copy(platform, kinds[told], sample)
        report.statement.make(platform, sample, log=lambda _: None)
        _sign(platform, sample)


def _release(deployment: Deployment, *, changed: bool) -> None:
    """ClinVar as it is declared next: the demo's alleles, and those that cases carry."""
    source, declaration = deployment.settings.data / "sources" / "clinvar.tsv.gz", Path(deployment.reference)
    status = "criteria_provided,_multiple_submitters,_no_conflicts\tNeurohypophyseal_diabetes_insipidus\t\t\t"
    told = {
        f"{contig}\t{position}\t{ref}\t{alt}\t{9_000_000 + position}\tAVP\t": "Pathogenic"
        for contig, position, ref, alt in _Alleles.of(deployment).told
    }
    if changed:
        told[next(iter(told))] = "Likely_pathogenic"
    lines = gzip.decompress(source.read_bytes()).decode().splitlines()
    kept = [line for line in lines if not any(line.startswith(allele) for allele in told)]
    source.write_bytes(gzip.compress("\n".join([*kept, *(f"{a}{s}\t{status}" for a, s in told.items()), ""]).encode()))
    text = declaration.read_text()
    declaration.write_text(text.replace('"2024-12-15"', '"2025-01"') if changed else text)


def _model(platform: Resources) -> list[Receipt]:
    """The knowledge, and one sample's path up to what its statement is made from; receipts of what cases share."""
    landing = platform.settings.landing
    write_reads(landing, _MODEL)
    write_sheet(landing / "sheet.csv", [_MODEL.row()])
    let_settle(landing)
    platform.landing_zone.scan(None, platform.registry, platform.audit)
    for contract in (one for one in KNOWLEDGE if one.name in platform.knowledge.parts):
        contract.make(platform, "", log=lambda _: None)
    path = (*ancestors(report.statement.name, platform.settings, platform.knowledge.parts), calls.exon_coverage.name)
    for contract in (one for one in OF_A_SAMPLE if one.name in path):
        contract.make(platform, _MODEL.sample_id, log=lambda _: None)
    made = {contract.name for contract in _MADE}
    return [platform.lake.require(name, _MODEL.sample_id) for name in path if name not in made]


@dataclass(frozen=True)
class _Alleles:
    """Substitutions, each as contig, 1-based position, ref, alt.

    Attributes:
        told: by ClinVar.
        others: nobody tells of them.
    """

    told: Sequence[tuple[str, int, str, str]]
    others: Sequence[tuple[str, int, str, str]]

    @classmethod
    def of(cls, deployment: Deployment) -> _Alleles:
        with pysam.FastaFile(str(deployment.settings.data / "sources" / "avp.fa.gz")) as fasta:
            bases = fasta.fetch(CONTIG)
        return cls(
            *(
                [(CONTIG, at, bases[at - 1], bases[at - 1].translate(_PLAIN)) for at in places]
                for places in (_TOLD, _OTHERS)
            )
        )

    def of_kind(self, told: int) -> Iterator[tuple[str, int, str, str]]:
        """What those carry who carry one that is told, by position."""
        yield self.told[told]
        chosen = np.random.default_rng(told).choice(len(self.others), _CARRIED, replace=False)
        yield from (self.others[one] for one in np.sort(chosen))


def _registered(platform: Resources, cases: int) -> list[str]:
    """Cases with the model's order and reads, done."""
    model = platform.registry.sample(_MODEL.sample_id)
    names = [f"S{number:04}" for number in range(cases)]
    entries = [SampleEntry(name, replace(model.person, subject_id=f"P{name}"), model.lanes) for name in names]
    platform.registry.register(entries, sheet="cases.csv", sheet_digest="0")
    return names


def _interpreted(
    platform: Resources, shared: Iterable[Receipt], sample: str, alleles: Iterable[tuple[str, int, str, str]]
) -> list[Receipt]:
    """Receipts of a case with the model's reads and calls of its own, which are interpreted."""
    (model,) = [one for one in shared if one.asset == calls.variants.name]
    with platform.lake.work(model.asset, sample) as work:
        source = platform.lake.path(model, f"{_MODEL.sample_id}.vcf.gz")
        _write_calls(source, work.folder / f"{sample}.vcf.gz", sample, alleles)
        own = work.publish(records=model.records, recipe=model.recipe, measures=model.measures)
    _copy(platform, (one for one in shared if one != model), sample, {own.asset: own.data_version})
    for contract in _MADE:
        contract.make(platform, sample, log=lambda _: None)
    names = [*(one.asset for one in shared), *(contract.name for contract in _MADE)]
    return [platform.lake.require(name, sample) for name in names]


def _copy(
    platform: Resources, receipts: Iterable[Receipt], sample: str, versions: Mapping[str, str] | None = None
) -> None:
    """The artifacts under a case's name, made from other versions where these are given; their files are links."""
    for receipt in receipts:
        with platform.lake.work(receipt.asset, sample) as work:
            for file in receipt.files:
                (work.folder / file.name).hardlink_to(platform.lake.path(receipt, file.name))
            made_from = {name: (versions or {}).get(name, version) for name, version in receipt.recipe.inputs.items()}
            recipe = replace(receipt.recipe, inputs=made_from)
            work.publish(records=receipt.records, recipe=recipe, measures=receipt.measures)


def _write_calls(model: Path, path: Path, sample: str, alleles: Iterable[tuple[str, int, str, str]]) -> None:
    """A VCF of one sample: the model's first call at each allele's place."""
    lines = gzip.decompress(model.read_bytes()).decode().splitlines()
    *header, names = [line for line in lines if line.startswith("#")]
    call = next(line for line in lines if not line.startswith("#")).split("\t")
    rows = ["\t".join([contig, str(at), ".", ref, alt, *call[5:]]) for contig, at, ref, alt in alleles]
    with pysam.BGZFile(str(path), "wb") as file:
        file.write("\n".join([*header, names.replace(_MODEL.sample_id, sample), *rows, ""]).encode())
    pysam.tabix_index(str(path), preset="vcf")


def _sign(platform: Resources, sample: str) -> None:
    """A person answers for what is said of the case."""
    digest = str(platform.lake.require(report.statement.name, sample).measures["statement_digest"])
    step = SignOut(sample, digest, "final", "Dr Bench", utc_now(), None)
    with platform.audit.deed() as deed:
        platform.registry.sign_out(step, after=0, announce=lambda taken: deed.intend(event_of(taken)))


if __name__ == "__main__":
    sys.exit(main())
