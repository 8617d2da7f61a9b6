"""Spark annotates a cohort's alleles as one machine does, row for row."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pysam
import pytest

from engine.annotate.alleles import Allele, annotate_alleles
from engine.cohort.columns import GOLD, typed_table
from engine.errors import ToolError
from engine.genotype.joint import genotype_gvcfs
from engine.reference.bundle_file import write_bundle
from resources.spark import session
from tests.builders.tp53 import tp53_bundle, whole_contig
from tests.conftest import PROJECT
from tests.engine.genotype.test_regional import indexed

SPARK = PROJECT / ".spark" / "bin" / "python"
"""Where ``make spark`` puts Spark with the platform."""
GENE = (7_571_700, 7_590_900)


def alleles_of(fasta: Path, count: int) -> list[Allele]:
    """Substitutions, deletions and insertions drawn at random within a gene, each left-aligned by its own letters."""
    draw = random.Random(1)
    with pysam.FastaFile(str(fasta)) as genome:
        sequence = genome.fetch("17", *GENE).upper()
    found: set[Allele] = set()
    while len(found) < count:
        at = draw.randrange(1, len(sequence) - 5)
        first, second = sequence[at], sequence[at + 1]
        other = draw.choice([base for base in "ACGT" if base not in (first, second)])
        kinds = [(first, other)] * 4 + [(first, first + other)] + ([(first + second, first)] if first != second else [])
        ref, alt = draw.choice(kinds)
        found.add(("17", GENE[0] + at + 1, ref, alt))
    return sorted(found)


_ON_SPARK = """
import os
import signal
import sys
import threading
import time
from pathlib import Path
import pyarrow.parquet as pq
from resources.spark import annotate_cohort, session
from tests.builders.tp53 import tp53_bundle

def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

def is_worker(pid):
    # Whether it was forked by Spark's daemon of Python workers, below this process.
    line = [pid]
    while line[-1] > 1 and line[-1] != os.getpid():
        line.append(parent(line[-1]))
    daemons = [b"pyspark.daemon" in Path(f"/proc/{one}/cmdline").read_bytes() for one in line[:2]]
    return line[-1] == os.getpid() and daemons == [True, True]

def workers():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if is_worker(int(folder.name)):
                yield int(folder.name)
        except OSError:
            pass  # it has ended

def kill_one():
    while not (found := list(workers())):
        time.sleep(0.05)
    time.sleep(0.5)  # it is in the midst of its work
    os.kill(found[0], signal.SIGKILL)
    (folder / "killed").touch()

shared, folder = Path(sys.argv[1]), Path(sys.argv[2])
spark = session(2, folder)
threading.Thread(target=kill_one, daemon=True).start()
made = annotate_cohort(spark, [str(folder / "counts.parquet")], tp53_bundle(shared, folder), parts=4)
pq.write_table(made.toArrow(), folder / "spark.parquet")
spark.stop()
"""


def test_a_cohorts_alleles_are_annotated_as_by_one_machine_though_a_worker_is_killed(
    shared_data: Path, tmp_path: Path
) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    bundle = tp53_bundle(shared_data, tmp_path)
    alleles = alleles_of(bundle.fasta, 400)
    gone = ("17", GENE[0] + 50, "A", "N")  # of a sample that was taken out
    rows = [(*allele, "female", 1, 1, 0, 0, 0) for allele in (*alleles, *alleles[:50])]
    rows += [(*gone, "male", sign, sign, 0, 0, 0) for sign in (1, -1)]
    pq.write_table(typed_table(rows, GOLD["allele_count"]), tmp_path / "counts.parquet")
    pq.write_table(annotate_alleles(alleles, bundle, tmp_path), tmp_path / "one.parquet")
    done = ran(SPARK, tmp_path, _ON_SPARK, str(shared_data), str(tmp_path))
    assert (tmp_path / "killed").exists() and "crashed" in done.stderr
    count = f"select count(*), count(distinct gene), count(hgvs_c) from '{tmp_path}/one.parquet'"
    (told,) = duckdb.sql(count).fetchall()
    assert told[0] == 400 and told[1] >= 1 and told[2] > 100
    require_same_rows(tmp_path, 400)


_NOTEBOOKS_ON_SPARK = """
import sys
from pathlib import Path
from engine.notebook.run import run_notebook
from notebooks import FOLDER

folder, engine = Path(sys.argv[1]), sys.argv[2]
inputs = {name: folder / name for name in ("cohort", "bundle.json", "there.parquet")}
for name, more in (("annotate", {}), ("merge_and_analyze", {"others": {"elsewhere": "there.parquet"}})):
    (folder / engine / name).mkdir(parents=True)
    parameters = {"engine": engine, **more}
    run_notebook(FOLDER / f"{name}.ipynb", folder / engine / name, inputs=inputs, parameters=parameters, scratch=folder)
"""


def test_the_notebooks_make_the_same_tables_on_spark_as_on_one_machine(shared_data: Path, tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    bundle = tp53_bundle(shared_data, tmp_path)
    write_bundle(bundle, tmp_path / "bundle.json")
    (tmp_path / "cohort").mkdir()
    with duckdb.connect() as db:
        db.execute("create table alleles (contig varchar, position int, ref varchar, alt varchar)")
        db.executemany("insert into alleles values (?, ?, ?, ?)", alleles_of(bundle.fasta, 200))
        counted = "allele_count, 120 as allele_number, allele_count / 120 as allele_frequency, allele_count as carriers"
        numbered = "select *, 1 + position % 9 as allele_count from alleles"
        table = tmp_path / "cohort" / "cohort_allele_frequency.parquet"
        db.execute(f"copy (select contig, position, ref, alt, {counted} from ({numbered})) to '{table}'")
        there = (
            "select contig, position, ref, alt, 7 as count, 200 as frequency_number from alleles where position % 3 = 0"
        )
        db.execute(f"copy ({there}) to '{tmp_path}/there.parquet'")
    for python, engine in ((SPARK, "spark"), (Path(sys.executable), "one-machine")):
        ran(python, tmp_path, _NOTEBOOKS_ON_SPARK, str(tmp_path), engine)
    for name in ("annotate/annotated_alleles", "merge_and_analyze/merged_frequencies"):
        here, spark = (pq.read_table(tmp_path / engine / f"{name}.parquet") for engine in ("one-machine", "spark"))
        assert len(here) >= 200 and here.to_pylist() == spark.to_pylist()


_JOINT_CALL_ON_SPARK = """
import sys
from pathlib import Path
from engine.reference.intervals import Interval
from resources.spark import genotype_cohort, genotype_everywhere, session
from tests.builders.tp53 import whole_contig

shared, folder = Path(sys.argv[1]), Path(sys.argv[2])
spark = session(2, folder)
regions = [Interval("17", start, start + 4_000) for start in range(7_570_000, 7_594_000, 4_000)]
gvcfs = sorted(folder.glob("*.g.vcf.gz"))
bundle = whole_contig(shared, folder)
print(genotype_cohort(spark, gvcfs, bundle, folder / "spark.vcf.gz", regions=regions))
spark.stop()
print(genotype_everywhere(gvcfs, bundle, folder / "everywhere.vcf.gz"))
"""


def test_samples_are_genotyped_together_by_region_as_by_one_machine(shared_data: Path, tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    golden = shared_data / "gatk_goldens" / "tp53"
    gvcfs = indexed(tmp_path, *(path for path in sorted(golden.glob("NA*.g.vcf.gz"))))
    bundle = whole_contig(shared_data, tmp_path)
    summary = genotype_gvcfs(gvcfs, bundle.contigs, tmp_path / "one.vcf.gz", fasta=bundle.fasta)
    done = ran(SPARK, tmp_path, _JOINT_CALL_ON_SPARK, str(shared_data), str(tmp_path))
    assert done.stdout.count(str(summary)) == 2 and summary.records > 10
    for made in ("spark", "everywhere"):
        assert (tmp_path / f"{made}.vcf.gz").read_bytes() == (tmp_path / "one.vcf.gz").read_bytes()


_SERVER = """
import sys
from pathlib import Path
from resources.spark import session

spark = session(2, Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
spark.stop()
"""
_BY_A_SERVER = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from resources.spark import annotate_cohort, session
from tests.builders.tp53 import tp53_bundle

shared, folder = Path(sys.argv[1]), Path(sys.argv[2])
spark = session(2, folder)
assert type(spark).__module__ == "pyspark.sql.connect.session"
made = annotate_cohort(spark, [str(folder / "counts.parquet")], tp53_bundle(shared, folder), parts=2)
pq.write_table(made.toArrow(), folder / "spark.parquet")
spark.stop()
"""


@contextmanager
def spark_server(folder: Path) -> Iterator[str]:
    """Where a server of Spark Connect listens, on loopback alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"plugins": "org.apache.spark.sql.connect.SparkConnectPlugin"}
    told |= {"connect.grpc.binding.address": "127.0.0.1", "connect.grpc.binding.port": str(port)}
    (folder / "conf").mkdir()
    (folder / "conf" / "spark-defaults.conf").write_text(
        "".join(f"spark.{name} {value}\n" for name, value in told.items())
    )
    variables = os.environ | {"PYTHONPATH": str(PROJECT), "SPARK_CONF_DIR": str(folder / "conf")}
    with (folder / "server.log").open("w") as log:
        command = [str(SPARK), "-c", _SERVER, str(folder)]
        server = subprocess.Popen(
            command, env=variables, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert server.stdout and server.stdout.readline() == "ready\n", (folder / "server.log").read_text()[-3000:]
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.communicate(timeout=60)


def test_a_server_that_spark_remote_names_annotates_as_one_machine_does(shared_data: Path, tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    bundle = tp53_bundle(shared_data, tmp_path)
    alleles = alleles_of(bundle.fasta, 60)
    rows = [(*allele, "female", 1, 1, 0, 0, 0) for allele in alleles]
    pq.write_table(typed_table(rows, GOLD["allele_count"]), tmp_path / "counts.parquet")
    pq.write_table(annotate_alleles(alleles, bundle, tmp_path), tmp_path / "one.parquet")
    with spark_server(tmp_path) as remote:
        ran(SPARK, tmp_path, _BY_A_SERVER, str(shared_data), str(tmp_path), SPARK_REMOTE=remote)
    require_same_rows(tmp_path, 60)


def ran(python: Path, folder: Path, program: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A program that ended well, in a folder, by one of the environments."""
    done = subprocess.run(
        [str(python), "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def require_same_rows(folder: Path, count: int) -> None:
    for one, other in (("one", "spark"), ("spark", "one")):
        differing = f"from '{folder}/{one}.parquet' except all from '{folder}/{other}.parquet'"
        assert duckdb.sql(differing).fetchall() == []
    assert pq.read_metadata(folder / "spark.parquet").num_rows == count


def test_where_spark_is_not_installed_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ToolError, match="Spark is not installed") as caught:
        session(1, tmp_path)
    assert "make spark" in caught.value.remedy
