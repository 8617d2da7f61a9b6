"""Real human reads through the same job: NA12878 scored against its truth, TP53 R273H of NA11994 told in the bundle.

The FASTQ files are made from published BAMs (Platinum Genomes, 1000 Genomes exomes); the references are declared in a
YAML of their own, as a laboratory does.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysam
import pytest

from engine.compare.comparison import compare
from resources.environment import build_resources
from tests.builders.deployment import Deployment, write_sheet

pytestmark = pytest.mark.slow

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
R273H = (
    "17 7577120 C T 12366 TP53 Pathogenic reviewed_by_expert_panel Li-Fraumeni_syndrome MONDO:0018875 "
    "SO:0001583|missense_variant rs28934576"
)
CLINVAR_COLUMNS = (
    "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids consequence rsid"
)
EXOME_FRAGMENT = """
raw_reads:
  pairs: {minimum: 500}
aligned_reads:
  mean_coverage: {minimum: 10}
  fraction_20x: {minimum: 0.2}
"""


def test_na12878_is_called_as_well_as_its_truth_demands(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "na12878_chr20_10m"
    deployment = deploy(tmp_path, targets="chr20\t10000000\t10100000\n")
    genes = shared_data / "genemodel_chr20" / "chr20.b37.gff3.gz"
    (deployment.settings.data / "sources" / "genes.gff3.gz").write_bytes(genes.read_bytes())
    with pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz")) as chromosome:
        bases = chromosome.fetch("20", 9_950_000, 10_150_000)
        length = chromosome.get_reference_length("20")
    write_fasta(deployment, "chr20", ("N" * 9_950_000 + bases).ljust(length, "N"))
    run_sample(deployment, "NA12878", "female", source / "NA12878_S1.chr20.10_10p1mb.bam")

    truth, confident = (source / f"test_nist.b37_chr20_100kbp_at_10mb.{kind}" for kind in ("vcf.gz", "bed"))
    calls = deployment.lake.require("variants", "NA12878")
    fasta = build_resources(deployment.settings).knowledge.bundle("reference_genome").fasta
    judged = compare(truth, deployment.lake.path(calls, "NA12878.vcf.gz"), fasta, confident).types
    assert (judged["SNP"].truth_total, judged["INDEL"].truth_total) == (45, 4)
    # Measured: all 49 found, nothing else called.
    assert ratio(judged["SNP"].recall) >= 0.95 and ratio(judged["SNP"].precision) >= 0.95
    assert ratio(judged["INDEL"].recall) >= 0.75 and ratio(judged["INDEL"].precision) >= 0.75
    # Outside the confident regions what is in the truth is true, what is not may be: measured 184 of 186.
    everywhere = compare(truth, deployment.lake.path(calls, "NA12878.vcf.gz"), fasta).types
    assert ratio(everywhere["SNP"].recall) >= 0.97


def ratio(value: float | None) -> float:
    assert value is not None
    return value


def test_r273h_arrives_in_the_bundle_with_zygosity_clinvar_and_names(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "iarc_tp53_93exomes"
    thresholds = tmp_path / "exome_fragment.yaml"
    thresholds.write_text(EXOME_FRAGMENT)
    options = {"GENOMICS_THRESHOLDS": str(thresholds)}
    deployment = deploy(tmp_path, targets="17\t7572900\t7579900\tTP53\n", with_clinvar=True, **options)
    with pysam.FastaFile(str(source / "17.Npadded_to_b37_coords.fa.gz")) as chromosome:
        write_fasta(deployment, "17", chromosome.fetch("17"))
    sources = deployment.settings.data / "sources"
    (sources / "genes.gff3.gz").write_bytes((source / "tp53.b37.gff3.gz").read_bytes())
    (sources / "clinvar.tsv").write_text("\t".join(CLINVAR_COLUMNS.split()) + "\n" + "\t".join(R273H.split()) + "\n")
    run_sample(deployment, "NA11994", "male", source / "NA11994.bam")

    receipt = deployment.lake.require("fhir_bundle", "NA11994")
    bundle = json.loads(deployment.lake.path(receipt, receipt.files[0].name).read_text())
    (variant,) = [told for told in observed_variants(bundle) if "12366" in told["81252-9"]]
    assert variant["53034-5"] == {"LA6706-1"}, "heterozygous"
    assert variant["48018-6"] == {"HGNC:11998"}
    assert variant["81290-9"] == {"NC_000017.10:g.7577120C>T"}
    assert any(name.endswith(":c.818G>A") for name in variant["48004-6"])
    assert any("Arg273His" in name for name in variant["48005-3"])
    assert "rs28934576" in variant["81252-9"]


def deploy(folder: Path, *, targets: str, with_clinvar: bool = False, **options: str) -> Deployment:
    """A deployment with a reference of its own; the caller writes its FASTA and gene model."""
    sources = folder / "data" / "sources"
    sources.mkdir(parents=True)
    (sources / "targets.bed").write_text(targets)
    clinvar = "clinvar: clinvar.tsv\nclinvar_release: '2024-12-15'\n" if with_clinvar else ""
    declaration = folder / "reference.yaml"
    parts = f"fasta: reference.fa.gz\ntargets: targets.bed\ngene_model: genes.gff3.gz\n{clinvar}"
    declaration.write_text(f"name: real\nbuild: GRCh37\n{parts}")
    deployment = Deployment(folder, str(declaration), options)
    deployment.prepare()
    return deployment


def write_fasta(deployment: Deployment, contig: str, bases: str) -> None:
    with pysam.BGZFile(str(deployment.settings.data / "sources" / "reference.fa.gz"), "wb") as stream:
        stream.write(f">{contig}\n{bases}\n".encode())


def run_sample(deployment: Deployment, sample: str, sex: str, bam: Path) -> None:
    """Deliver the reads of a BAM as FASTQ files and run the sample from there."""
    names = f"{sample}_R1.fastq.gz", f"{sample}_R2.fastq.gz"
    delivered = [(fastq(read1), fastq(read2)) for read1, read2 in pairs(bam)]
    for name, reads in zip(names, zip(*delivered, strict=True), strict=True):
        (deployment.settings.landing / name).write_bytes(gzip.compress("".join(reads).encode(), 1))
    row = {"sample_id": sample, "sex": sex, "read1": names[0], "read2": names[1], "secondary_findings_consent": "yes"}
    write_sheet(deployment.settings.landing / "sheet.csv", [row])
    assert deployment.register() == (sample,)
    for job, of in (("knowledge", None), ("sample", sample)):
        done = deployment.execute(job, of)
        assert done.returncode == 0, done.stderr[-6000:]


def pairs(bam: Path) -> Iterator[tuple[pysam.AlignedSegment, pysam.AlignedSegment]]:
    """Read 1 and read 2 of each template that has both, by name, not by place: as a sequencer gives them."""
    mates: dict[str, dict[bool, pysam.AlignedSegment]] = {}
    with pysam.AlignmentFile(str(bam)) as alignments:
        for read in alignments:
            if not read.is_secondary and not read.is_supplementary:
                mates.setdefault(str(read.query_name), {})[read.is_read2] = read
    for _, both in sorted(mates.items()):
        if len(both) == 2:
            yield both[False], both[True]


def fastq(read: pysam.AlignedSegment) -> str:
    bases, qualities = str(read.query_sequence), pysam.qualities_to_qualitystring(read.query_qualities or [])
    if read.is_reverse:
        bases, qualities = bases.translate(COMPLEMENT)[::-1], qualities[::-1]
    return f"@{read.query_name} {2 if read.is_read2 else 1}:N:0:1\n{bases}\n+\n{qualities}\n"


def observed_variants(bundle: dict[str, Any]) -> Iterator[dict[str, set[str]]]:
    """The codes that each Variant of a bundle gives, by LOINC code of the component."""
    for resource in (entry["resource"] for entry in bundle["entry"]):
        profiles = resource.get("meta", {}).get("profile", [])
        if resource["resourceType"] == "Observation" and any(each.endswith("/variant") for each in profiles):
            told: dict[str, set[str]] = {}
            for component in resource["component"]:
                codes = {coding["code"] for coding in component.get("valueCodeableConcept", {}).get("coding", [])}
                told.setdefault(component["code"]["coding"][0]["code"], set()).update(codes)
            yield told
