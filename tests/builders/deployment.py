"""A deployment of the platform in a folder of its own, small enough that one sample's whole path takes seconds.

The reference is the demo's AVP gene with its surroundings (25 kb of chromosome 20); people are the demo's, with reads
simulated from that stretch alone. Every process started for a deployment sees its settings and nothing of the
caller's.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pysam

from demo.people import PEOPLE, variants_of
from demo.reference import DATA, read_slices, write_panel
from demo.reference import PANEL as IDENTITY_PANEL
from demo.sequencer import Library, Reads, load_flow_cell, sequence
from demo.simulate import haplotypes
from demo.slices import CONTIG, SLICES
from resources.environment import PROJECT, Settings, build_resources
from resources.lake import Lake, LocalLake
from tests.builders.ancestry import drawn, write_archive
from tests.builders.pharmacogenes import definition, write_definitions
from tests.builders.scores import write_score

AVP = next(piece for piece in SLICES if piece.gene == "AVP")
START, END = 3_070_000, 3_095_000
"""What of the AVP slice is sequenced, 0-based half-open in GRCh38."""
CONTIG_LENGTH = 3_100_000
"""The contig ends soon after, so that it is read and indexed in no time."""
PANEL = "Diabetes insipidus"
"""The gene panel that orders may name; AVP is its one gene."""
SITES = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
DEFINITIONS = "genomics_assets.definitions"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Deployment:
    """One deployment.

    Attributes:
        folder: everything of it is below.
        reference: name or YAML of the reference bundle.
        options: further environment variables.
    """

    folder: Path
    reference: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GENOMICS_", "DAGSTER_"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # Dagster takes ten seconds more to start without bytecode
        own = {
            "GENOMICS_DATA": str(self.folder / "data"),
            "GENOMICS_REFERENCE": self.reference,
            "GENOMICS_THREADS": "1",
            "DAGSTER_HOME": str(self.folder / "data" / "dagster_home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        return kept | own | dict(self.options)

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.variables)

    @property
    def lake(self) -> Lake:
        return LocalLake(self.settings.data / "lake")

    def run(self, *command: str | Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment (``python``, ``dagster``) to its end."""
        program, *arguments = map(str, command)
        return subprocess.run(
            [str(BIN / program), *arguments],
            cwd=PROJECT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def prepare(self) -> None:
        """Write the Dagster instance's settings, as ``make serve`` and ``make demo`` do."""
        done = self.run(
            "python",
            "-c",
            "from resources.environment import Settings; from genomics_assets.instance import prepare_instance; "
            "prepare_instance(Settings.from_environment())",
        )
        assert done.returncode == 0, done.stderr

    def register(self) -> tuple[str, ...]:
        """Take what lies in the landing zone: registry and partitions, as the sensor does; ids of new samples."""
        from dagster import DagsterInstance

        let_settle(self.settings.landing)
        services = build_resources(self.settings)
        scan = services.landing_zone.scan(None, services.registry, services.audit)
        with DagsterInstance.from_config(str(self.settings.dagster_home)) as instance:
            instance.add_dynamic_partitions("samples", list(scan.new))
        return scan.new

    def execute(self, job: str, sample: str | None = None) -> subprocess.CompletedProcess[str]:
        """Execute a job in a process of its own."""
        tags = ["--tags", json.dumps({"dagster/partition": sample})] if sample else []
        return self.run("dagster", "job", "execute", "-m", DEFINITIONS, "-j", job, *tags)

    def materialize(self, *assets: str, sample: str | None = None) -> subprocess.CompletedProcess[str]:
        """``dagster asset materialize`` by hand."""
        partition = ["--partition", sample] if sample else []
        return self.run("dagster", "asset", "materialize", "-m", DEFINITIONS, "--select", ",".join(assets), *partition)


def tiny_deployment(folder: Path, **options: str) -> Deployment:
    """A deployment whose reference is the AVP gene with its surroundings."""
    sources = folder / "data" / "sources"
    sources.mkdir(parents=True)
    (folder / "data" / "landing").mkdir()
    _write_avp_reference(sources)
    declaration = folder / "avp.yaml"
    declaration.write_text(
        "name: avp\nbuild: GRCh38\nfasta: avp.fa.gz\ntargets: targets.bed\ngene_model: genes.gff3.gz\n"
        'known_sites: known_sites.vcf.gz\nclinvar: clinvar.tsv.gz\nclinvar_release: "2024-12-15"\n'
        "panels: panels.csv\nfrequencies: frequencies.vcf.gz\npredictors: predictors.tsv\nstar_alleles: star_alleles\n"
        "splice_predictors: spliceai.vcf\nconstraint: constraint.tsv\ndosage: dosage.tsv\ndbsnp: dbsnp.vcf\n"
        "identity_panel: identity_panel\nrepeat_loci: repeats.json\nscoring_files: scores\n"
        "ancestry_panel: peddy-9.9.tar.gz\n"
    )
    return Deployment(folder, str(declaration), options)


def _write_avp_reference(folder: Path) -> None:
    bases = read_slices()[SLICES.index(AVP)]
    text = ("N" * AVP.start + bases).ljust(CONTIG_LENGTH, "N")
    with pysam.BGZFile(str(folder / "avp.fa.gz"), "wb") as stream:
        stream.write(f">{CONTIG}\n{text}\n".encode())
    locus = {
        "LocusId": "AVP",
        "LocusStructure": "(CA)*",
        "ReferenceRegion": f"{CONTIG}:{START + 5_000}-{START + 5_010}",
    }
    (folder / "repeats.json").write_text(json.dumps([locus]))
    write_panel(folder / IDENTITY_PANEL, folder, within=(AVP.start, AVP.end))
    placed = [START + 150 + 40 * number for number in range(200)]
    sites = [("20", start, text[start - 1], "T" if text[start - 1] == "A" else "A") for start in placed]
    copies, continents, _ = drawn(len(sites), 30)
    write_archive(folder / "peddy-9.9.tar.gz", sites, copies, continents)
    place = (START + 100, text[START + 99], ["T" if text[START + 99] == "A" else "A"], "rs1")
    alleles = {"Reference": [place[1]], "Variant": place[2]}
    write_definitions(folder / "star_alleles", definition("AVP", contig=CONTIG, places=[place], alleles=alleles))
    (folder / "scores").mkdir()
    facts = ("genome_build=GRCh38", "trait_mapped=stature <tall>")
    scored = [(start, text[start - 1]) for start in range(START + 1_000, START + 9_000, 2_000)]
    rows = [f"- {CONTIG} {start} {base} {'G' if base != 'G' else 'A'} 0.25" for start, base in scored]
    write_score(folder / "scores" / "PGS9.txt", rows, facts=facts)
    told = "score_id\tpopulation\tmean\tsd\nPGS9\tanybody\t1.5\t0.25\n"
    (folder / "scores" / "distributions.tsv").write_text(told)
    (folder / "panels.csv").write_text(f"panel,gene,version\n{PANEL},AVP,1.2\n")
    (folder / "predictors.tsv").write_text(f"chrom\tpos\tref\talt\tREVEL\n{CONTIG}\t3084620\tC\tT\t0.8\n")
    (folder / "spliceai.vcf").write_text(
        f"##fileformat=VCFv4.2\n{SITES}{CONTIG}\t3084620\t.\tC\tT\t.\t.\tSpliceAI=T|AVP|0.01|0.00|0.02|0.00|5|6|7|8\n"
    )
    (folder / "dbsnp.vcf").write_text(
        f"##fileformat=VCFv4.2\n##dbSNP_BUILD_ID=157\n{SITES}{CONTIG}\t3084620\trs1\tC\tT\t.\t.\tRS=1\n"
    )
    (folder / "constraint.tsv").write_text("gene\ttranscript\toe_lof_upper\tmis_z\nAVP\tT1\t1.1\t0.4\n")
    (folder / "dosage.tsv").write_text("#Gene Symbol\tHaploinsufficiency Score\nAVP\t30\n")
    (folder / "targets.bed").write_text(f"{CONTIG}\t{START}\t{END}\tAVP\n")
    for name, column in (
        ("genes.gff3.gz", 4),
        ("known_sites.vcf.gz", 1),
        ("clinvar.tsv.gz", 1),
        ("frequencies.vcf.gz", 1),
    ):
        with gzip.open(DATA / name, "rt") as source, gzip.open(folder / name, "wt") as target:
            target.writelines(line for line in source if _lies_within(line, column))


def _lies_within(line: str, column: int) -> bool:
    """Whether a line is a header or tells of something that ends on the shortened contig."""
    fields = line.split("\t")
    return fields[0] != CONTIG or AVP.start < int(fields[column]) <= AVP.end


@dataclass(frozen=True)
class Delivery:
    """What a laboratory delivers of one person.

    Attributes:
        person: sample id of one of the demo's people.
        coverage: mean depth.
        sample: sample id on the sheet, the person's own where absent.
    """

    person: str
    coverage: float = 30.0
    sample: str = ""

    @property
    def sample_id(self) -> str:
        return self.sample or self.person

    @property
    def read_names(self) -> tuple[str, str]:
        return f"{self.sample_id}_R1.fastq.gz", f"{self.sample_id}_R2.fastq.gz"

    def row(self) -> dict[str, str]:
        person = next(each for each in PEOPLE if each.sample == self.person)
        read1, read2 = self.read_names
        return {
            "sample_id": self.sample_id,
            "subject_id": f"subject-of-{self.sample_id}",
            "sex": person.sex,
            "read1": read1,
            "read2": read2,
            "phenotype_hpo": ";".join(person.phenotype),
            "order_id": person.order,
            "secondary_findings_consent": "yes" if person.consent else "no",
        }


def write_reads(folder: Path, delivery: Delivery) -> tuple[Path, Path]:
    """Simulate the person's reads of the stretch."""
    number = [person.sample for person in PEOPLE].index(delivery.person)
    random = np.random.default_rng([7, number])
    variants = [each for each in variants_of(delivery.person) if START <= each.position < END]
    avp = 2 * SLICES.index(AVP)
    stretch = slice(START - AVP.start, END - AVP.start)
    library = Library(
        [each[stretch] for each in haplotypes(variants)[avp : avp + 2]],
        delivery.coverage,
        (1,),
        ("AACGTGAT", "CTGTAGCC"),
    )
    reads = sequence(library, load_flow_cell(library, random), f"SIMULATED:{number + 1}:TESTCELL", random)
    paths = tuple(folder / name for name in delivery.read_names)
    for path, records in zip(paths, fastq_records(reads), strict=True):
        path.write_bytes(gzip.compress(b"".join(records), compresslevel=1, mtime=0))
    return paths[0], paths[1]


def fastq_records(reads: Reads) -> tuple[list[bytes], list[bytes]]:
    """The records of both mates as FASTQ has them."""
    first, second = (
        [
            f"@{name} {mate + 1}:N:0:1\n".encode() + bases.tobytes() + b"\n+\n" + quality.tobytes() + b"\n"
            for name, bases, quality in zip(
                reads.names, reads.bases[mate], (reads.qualities[mate] + 33).astype(np.uint8), strict=True
            )
        ]
        for mate in (0, 1)
    )
    return first, second


def write_libraries(
    folder: Path, sample: str, libraries: Iterable[Library], random: np.random.Generator
) -> dict[str, str]:
    """Sequence several libraries as one sample; the row of the sheet."""
    both: tuple[list[bytes], list[bytes]] = ([], [])
    for number, library in enumerate(libraries):
        reads = sequence(library, load_flow_cell(library, random), f"SIMULATED:{number + 1}:TESTCELL", random)
        for records, more in zip(both, fastq_records(reads), strict=True):
            records += more
    order = random.permutation(len(both[0]))
    names = [f"{sample}_R{mate}.fastq.gz" for mate in (1, 2)]
    for name, records in zip(names, both, strict=True):
        text = b"".join(records[row] for row in order)
        (folder / name).write_bytes(gzip.compress(text, compresslevel=1, mtime=0))
    return {"sample_id": sample, "read1": names[0], "read2": names[1]}


def write_sheet(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """A sample sheet."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def let_settle(folder: Path) -> None:
    """Let files look as if they had lain there for a minute, so that the landing zone takes them at once."""
    then = time.time() - 60
    for path in folder.iterdir():
        if not path.name.startswith("."):
            os.utime(path, (then, then))
