"""The version of the code changes with whatever computes a result, and with nothing else."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from dbt_project import FOLDER
from engine.code_version import ABSENT, SEAM, CodeBase, code_version
from engine.errors import ToolError

ENGINE = Path(engine.__file__).parent
STARTS = ("engine.reads.intake", "engine.call.caller", "engine.genotype.sample", "engine.annotate.annotate")


def write(root: Path, files: Mapping[str, str]) -> None:
    """A package tree named ``engine`` below ``root``; folders without ``__init__.py`` get an empty one."""
    for name, text in files.items():
        path = root / "engine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py":
            (path.parent / "__init__.py").touch()
            (root / "engine" / "__init__.py").touch()
        path.write_text(text)


def tree_version(root: Path, *starts: str, files: tuple[Path, ...] = (), stop_at: frozenset[str] = SEAM):
    """The version as a new process would find it."""
    return CodeBase(root / "engine").version(starts, files, (), stop_at)


def closure(root: Path, start: str) -> set[str]:
    return set(tree_version(root, start).modules) - {"engine"}


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("import engine.reads.bam", {"engine.reads", "engine.reads.bam"}),
        ("from engine.reads import bam", {"engine.reads", "engine.reads.bam"}),
        ("from engine.reads import *", {"engine.reads", "engine.reads.bam", "engine.reads.lane"}),
        ("from engine.reads.bam import x", {"engine.reads", "engine.reads.bam"}),
        ("from .reads.bam import x", {"engine.reads", "engine.reads.bam"}),
        ("from . import reads", {"engine.reads"}),
        ("from engine import reads as r\nr.lane.x", {"engine.reads", "engine.reads.lane"}),
        ("def f():\n    from engine.reads import bam", {"engine.reads", "engine.reads.bam"}),
        ("class A:\n    def f(self):\n        import engine.reads.bam", {"engine.reads", "engine.reads.bam"}),
        ("try:\n    import engine.reads.bam\nexcept ImportError:\n    pass", {"engine.reads", "engine.reads.bam"}),
        ("if True:\n    import engine.reads.bam", {"engine.reads", "engine.reads.bam"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import engine.reads.bam", set()),
        (
            "import typing\nif typing.TYPE_CHECKING:\n    import engine.reads.bam\nelse:\n    import engine.reads.lane",
            {"engine.reads", "engine.reads.lane"},
        ),
        ("PLACE = 'engine.reads.bam:open'", set()),
        (
            "from importlib import import_module\nPLACE = 'engine.reads.bam:open'\nimport_module(PLACE)",
            {"engine.reads", "engine.reads.bam"},
        ),
        (
            "from importlib import import_module\ndef f(x):\n    return import_module(f'engine.reads.{x}')",
            {"engine.reads", "engine.reads.bam", "engine.reads.lane"},
        ),
        ("import engine.reads.nothing", {"engine.reads"}),
    ],
)
def test_imports_are_followed_however_they_are_written(tmp_path: Path, text: str, imported: set[str]) -> None:
    write(tmp_path, {"start.py": text, "reads/bam.py": "x = 1", "reads/lane.py": "x = 1"})
    assert closure(tmp_path, "engine.start") == {"engine.start"} | imported


def test_a_text_of_another_module_counts_where_somebody_imports_by_text(tmp_path: Path) -> None:
    files = {
        "names.py": "CALLER = 'engine.caller'",
        "caller.py": "",
        "loads.py": "import importlib, engine.names\nimportlib.import_module(engine.names.CALLER)",
        "tells.py": "import engine.names\nprint(engine.names.CALLER)",
    }
    write(tmp_path, files)
    assert "engine.caller" in closure(tmp_path, "engine.loads")
    assert "engine.caller" not in closure(tmp_path, "engine.tells")


@st.composite
def import_graphs(draw: st.DrawFn) -> dict[str, set[str]]:
    """Modules, some in packages, and which of them each imports."""
    names = [f"engine.{package}m{n}" for n in range(6) for package in [draw(st.sampled_from(["", "p.", "q.r."]))]]
    return {name: draw(st.sets(st.sampled_from(names), max_size=3)) for name in names}


def import_line(importing: str, imported: str, style: int) -> str:
    package, _, name = imported.rpartition(".")
    up = "." * (importing.count("."))
    relative = f"from {up}{package.removeprefix('engine').removeprefix('.')} import {name}"
    return (f"import {imported}", f"from {imported} import X", f"def f():\n    from {package} import {name}", relative)[
        style
    ]


@given(graph=import_graphs(), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_constant_changes_exactly_the_versions_whose_closure_holds_it(
    tmp_path_factory: pytest.TempPathFactory, graph: dict[str, set[str]], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("tree")
    text = {
        name: "X = 1\n" + "\n".join(import_line(name, other, data.draw(st.integers(0, 3))) for other in sorted(others))
        for name, others in graph.items()
    }
    write(root, {f"{name.removeprefix('engine.').replace('.', '/')}.py": said for name, said in text.items()})
    (root / "engine" / "q").mkdir(exist_ok=True)
    (root / "engine" / "q" / "__init__.py").touch()
    before = {name: tree_version(root, name).source for name in graph}
    changed = data.draw(st.sampled_from(sorted(graph)))
    path = root / f"{changed.replace('.', '/')}.py"
    path.write_text(path.read_text().replace("X = 1", "X = 2"))
    holders = set()
    for name in graph:
        reached, waiting = set(), [name]
        while waiting:
            reached.add(module := waiting.pop())
            waiting += graph[module] - reached
        holders |= {name} if changed in reached else set()
    assert {name for name in graph if tree_version(root, name).source != before[name]} == holders


def copy_of_the_engine(tmp_path: Path) -> Path:
    shutil.copytree(ENGINE, tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_constant_of_the_gvcf_measures_makes_every_later_step_stale(tmp_path: Path) -> None:
    root = copy_of_the_engine(tmp_path)
    starts = (*STARTS, "engine.classify.findings", "engine.fhir.bundle", "engine.cohort.contribution")
    before = {start: tree_version(root, start) for start in starts}
    gvcf = root / "engine" / "call" / "gvcf.py"
    assert "CALLED_FROM = 20\n" in gvcf.read_text()
    gvcf.write_text(gvcf.read_text().replace("CALLED_FROM = 20\n", "CALLED_FROM = 95\n"))
    changed = {start for start in starts if tree_version(root, start).source != before[start].source}
    assert changed == {start for start in starts if "engine.call.gvcf" in before[start].modules}
    assert {"engine.call.caller", "engine.cohort.contribution"} <= changed
    assert "engine.reads.intake" not in changed


@pytest.mark.parametrize("start", STARTS)
def test_what_python_loads_lies_in_the_closure(start: str) -> None:
    code = f"import sys, json, {start}; print(json.dumps([m for m in sys.modules if m.split('.')[0] == 'engine']))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    # numba loads the module that says where it keeps its kernels: it decides when to compile, not what is computed.
    assert set(json.loads(loaded)) - {"engine.kernel_cache"} <= set(code_version(start).modules)


MODULE = '''"""What it is for."""

import math  # why


def area(radius: float) -> float:
    """The area."""
    return math.pi * radius**2


class Shape:
    """A shape."""

    sides = 3
    """How many."""
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# another reason"),
        ('"""What it is for."""', '"""Something else."""\n'),
        ('    """The area."""\n', ""),
        ('    """How many."""\n', ""),
        ("radius**2", "radius ** 2"),
        ("    return", "\n\n    return"),
        ("math.pi * radius**2", "(\n        math.pi\n        * radius**2\n    )"),
        ("sides = 3", "sides = 0x3"),
    ],
)
def test_comments_docstrings_and_layout_change_nothing(tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path, {"start.py": MODULE})
    before = tree_version(tmp_path, "engine.start")
    assert old in MODULE
    write(tmp_path, {"start.py": MODULE.replace(old, new)})
    assert tree_version(tmp_path, "engine.start") == before


def test_comments_and_blank_lines_in_any_file_of_the_engine_change_nothing(tmp_path: Path) -> None:
    root = copy_of_the_engine(tmp_path)
    before = [tree_version(root, start) for start in STARTS]
    for path in (root / "engine").rglob("*.py"):
        path.write_text("# a comment before all\n\n" + path.read_text() + "\n\n# and one after\n")
    assert [tree_version(root, start) for start in STARTS] == before


@pytest.mark.parametrize(("old", "new"), [("radius**2", "radius**3"), ("sides = 3", "sides = 4"), ("float:", "int:")])
def test_changed_code_is_another_version(tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path, {"start.py": MODULE})
    before = tree_version(tmp_path, "engine.start")
    write(tmp_path, {"start.py": MODULE.replace(old, new)})
    assert tree_version(tmp_path, "engine.start").source != before.source


def test_a_docstring_counts_where_somebody_reads_docstrings(tmp_path: Path) -> None:
    write(tmp_path, {"said.py": '"""One."""', "start.py": "import engine.said\nprint(engine.said.__doc__)"})
    before = tree_version(tmp_path, "engine.start")
    write(tmp_path, {"said.py": '"""Two."""'})
    assert tree_version(tmp_path, "engine.start") != before


OPS = """
from engine.ops.artifact import artifact
from engine import kept, unused
import engine.effect

LIMIT = 3
HANDLERS = {}


def handles(name):
    def enter(function):
        HANDLERS[name] = function
    return enter


@handles("x")
def _handle_x():
    from engine import handled


@artifact(takes=["reads"])
def calls(person):
    from engine.inner import compute
    return _helper(compute) + HANDLERS["x"]()


def _helper(value):
    return kept.work(value) + LIMIT


@artifact(takes=["calls"])
def report(person):
    from engine.reporting import write
    return write(unused)
"""


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    names = ("kept", "unused", "effect", "handled", "inner", "reporting", "machinery")
    files = {f"{name}.py": "X = 1" for name in names}
    files |= {"ops/calls.py": OPS, "ops/artifact.py": "import engine.machinery"}
    write(tmp_path, files)
    (tmp_path / "engine" / "ops" / "__init__.py").write_text("from engine.ops import calls")
    return tmp_path


def test_a_function_needs_its_imports_and_its_helpers_but_not_its_neighbours(ops: Path) -> None:
    assert closure(ops, "engine.ops.calls:calls") == {
        "engine.ops.calls:calls",
        *("engine.inner", "engine.kept", "engine.unused", "engine.effect", "engine.handled"),
    }
    assert closure(ops, "engine.ops.calls:report") == {
        "engine.ops.calls:report",
        *("engine.reporting", "engine.kept", "engine.unused", "engine.effect"),
    }


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("LIMIT = 3", "LIMIT = 4", {"calls"}),
        ("+ LIMIT", "- LIMIT", {"calls"}),
        ("return write(unused)", "return write(unused, 1)", {"report"}),
        ('takes=["calls"]', 'takes=["calls", "reads"]', {"report"}),
        ("from engine import handled", "from engine import handled as h", {"calls"}),
        ("import engine.effect", "import engine.effect, engine.inner", {"calls", "report"}),
        ("LIMIT = 3", "LIMIT = 3\nprint(LIMIT)", {"calls", "report"}),
    ],
)
def test_a_function_has_the_version_of_its_slice(ops: Path, old: str, new: str, changed: set[str]) -> None:
    before = {name: tree_version(ops, f"engine.ops.calls:{name}").source for name in ("calls", "report")}
    assert old in OPS
    (ops / "engine" / "ops" / "calls.py").write_text(OPS.replace(old, new))
    after = {name: tree_version(ops, f"engine.ops.calls:{name}").source for name in before}
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(("text", "cut"), [("globals()", False), ("vars()", False), ("vars(HANDLERS)", True)])
def test_a_module_that_looks_names_up_as_text_is_not_cut(ops: Path, text: str, cut: bool) -> None:
    (ops / "engine" / "ops" / "calls.py").write_text(OPS.replace("LIMIT = 3", f"LIMIT = 3\nNAMES = {text}"))
    assert ("engine.reporting" not in closure(ops, "engine.ops.calls:calls")) == cut


def test_the_steps_of_the_platform_have_closures_of_their_own() -> None:
    """A release of ClinVar's reader builds no aligner index again, and no step takes in what reads after it."""
    modules = {
        step: set(code_version(f"engine.ops.{step}").modules)
        for step in ("knowledge:aligner_index", "knowledge:clinvar", "reads:raw_reads", "calls:gvcf", "calls:variants")
    }
    assert "engine.annotate.clinvar" in modules["knowledge:clinvar"] - modules["knowledge:aligner_index"]
    assert "engine.align.index" in modules["knowledge:aligner_index"] - modules["knowledge:clinvar"]
    assert {"engine.call.caller", "engine.call.gvcf"} <= modules["calls:gvcf"]
    assert "engine.call.haplotype.caller" not in modules["reads:raw_reads"]
    assert not any(name.startswith(("resources", "genomics_assets")) for step in modules.values() for name in step)


def test_the_seam_is_followed_where_it_is_asked_for(ops: Path) -> None:
    found = tree_version(ops, "engine.ops.calls:calls", stop_at=frozenset())
    assert "engine.machinery" in found.modules


def test_a_data_file_counts_for_the_modules_that_look_beside_themselves(tmp_path: Path) -> None:
    files = {
        "genes/table.py": "from pathlib import Path\nDATA = Path(__file__).with_name('data')",
        "genes/plain.py": "X = 1",
        "genes/data/genes.tsv": "BRCA1\n",
        "uses.py": "from engine.genes.table import DATA",
    }
    write(tmp_path, files)
    starts = ("engine.genes.table", "engine.uses", "engine.genes.plain")
    before = [tree_version(tmp_path, start).source for start in starts]
    write(tmp_path, {"genes/data/genes.tsv": "BRCA2\n"})
    after = [tree_version(tmp_path, start).source for start in starts]
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False]


def test_the_sql_of_the_cohort_tables_counts_for_whoever_builds_them(tmp_path: Path) -> None:
    root = copy_of_the_engine(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "dbt_project", ignore=shutil.ignore_patterns("__pycache__"))
    starts = ("engine.cohort.tables", "engine.cohort.contribution")
    before = [tree_version(root, start) for start in starts]
    assert not {"dbt_project", "genomics-assets"} & set(before[0].packages)
    model = tmp_path / "dbt_project" / "models" / "marts" / "fct_call.sql"
    model.write_text(model.read_text() + "\nwhere copies > 1\n")
    after = [tree_version(root, start) for start in starts]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_the_engines_own_tables_count_for_the_findings() -> None:
    assert "engine.classify.acmg_secondary_findings" in code_version("engine.classify.findings").modules
    source = (ENGINE / "classify" / "acmg_secondary_findings.py").read_text()
    assert any(isinstance(node, ast.Name) and node.id == "__file__" for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize(
    ("name", "one", "same", "other"),
    [
        ("a.sql", "select 1 -- one", "select\n    1 /* the first */", "select 2 -- one"),
        ("a.sql", "select 'a -- b'", "select  'a -- b' {# said #}", "select 'a -- c'"),
        ("a.yaml", "a: 1\nb: 2", "b: 2  # two\na: 1", "a: 1\nb: 3"),
        ("a.tsv", "x\ty\n", "x\ty\n", "x\tz\n"),
    ],
)
def test_further_files_count_by_what_they_say(tmp_path: Path, name: str, one: str, same: str, other: str) -> None:
    write(tmp_path, {"start.py": "X = 1"})
    folder = tmp_path / "further"
    folder.mkdir()
    found = []
    for text in (one, same, other):
        (folder / name).write_text(text)
        found.append(tree_version(tmp_path, "engine.start", files=(folder,)).source)
    assert found[0] == found[1] != found[2]


def test_installed_packages_are_told_with_their_versions(tmp_path: Path) -> None:
    text = "import numpy as np, json\nfrom yaml import safe_load\ndef f():\n    import not_installed_anywhere"
    write(tmp_path, {"start.py": text})
    assert tree_version(tmp_path, "engine.start").packages == {
        "PyYAML": version("PyYAML"),
        "not_installed_anywhere": ABSENT,
        "numpy": version("numpy"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    assert code_version("engine.errors", distributions=("dbt-core",)).packages["dbt-core"] == version("dbt-core")


def test_a_receipt_gets_the_packages_and_the_engines_own_part() -> None:
    found = code_version("engine.genotype.sample")
    assert found.tools("variants") == {"engine.variants": found.source, **found.packages}
    assert found.digest != code_version("engine.genotype.sample", distributions=("dbt-core",)).digest


@pytest.mark.parametrize("start", ["engine.nowhere", "engine.errors:nothing", "engine.nowhere:f"])
def test_a_start_that_is_not_there_is_refused(start: str) -> None:
    with pytest.raises(ValueError, match=r"nowhere|nothing"):
        code_version(start)


def test_a_further_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="missing"):
        code_version("engine.errors", files=(tmp_path / "gone.sql",))


def test_a_damaged_absent_or_forged_cache_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.code_cache._SETTLED", -(10**15))
    write(tmp_path, {"start.py": "import engine.other", "other.py": "X = 1"})
    expected = tree_version(tmp_path, "engine.start")
    (cached,) = (tmp_path / "engine" / "__pycache__").glob("code_version*.json")
    content = cached.read_bytes()
    for damaged in (b"", b"\xff\xfe", content[:-20], content.replace(b"engine.other", b"engine.aaaaa"), b"[]\n{}"):
        cached.write_bytes(damaged)
        assert tree_version(tmp_path, "engine.start") == expected
        assert cached.read_bytes() == content
    cached.unlink()
    assert tree_version(tmp_path, "engine.start") == expected


def test_what_was_learnt_is_used_again_and_an_edit_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.code_cache._SETTLED", -(10**15))
    write(tmp_path, {"start.py": "X = 1"})
    before = tree_version(tmp_path, "engine.start")
    with monkeypatch.context() as patched:
        patched.setattr("engine.code_version.read_source", lambda *_, **__: pytest.fail("read again"))
        assert tree_version(tmp_path, "engine.start") == before
    start = tmp_path / "engine" / "start.py"
    facts = start.stat()
    start.write_text("X = 2")
    os.utime(start, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert tree_version(tmp_path, "engine.start") != before, "same size, time of change put back"


def test_a_file_changed_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, {"start.py": "X = 1"})
    tree_version(tmp_path, "engine.start")
    kept = "".join(path.read_text() for path in (tmp_path / "engine" / "__pycache__").glob("code_version*.json"))
    assert "source engine.start" not in kept


def test_a_read_only_source_keeps_its_cache_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.code_cache._SETTLED", -(10**15))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path, {"start.py": "X = 1"})
    (tmp_path / "engine" / "__pycache__").write_text("a file where the folder should be")
    before = tree_version(tmp_path, "engine.start")
    assert list((tmp_path / "cache").rglob("code_version*.json"))
    (tmp_path / "cache").chmod(0o500)
    assert tree_version(tmp_path, "engine.start") == before
