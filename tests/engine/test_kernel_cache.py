"""A compiled kernel is used again only while it and all that it imports is unchanged."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import kernel as kernel_module
from engine.kernel_cache import compiled_once, imported_files, source_stamp

ENGINE = Path(engine.__file__).parent
INNER = """from engine.kernel import kernel

@kernel
def one():
    return {value}
"""
OUTER = """from engine.kernel import kernel
from engine.{package}.inner import one

@kernel
def two():
    return one() + 1
"""


def run_outer(package: Path, before: str = "") -> int:
    """What the outer kernel gives in a new process."""
    code = f"{before}from engine.{package.name}.outer import two; print(two())"
    root = package.parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=environment)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the engine's with a kernel in it, ``outer.two``, that calls one of another file."""
    folder = tmp_path / "engine" / "made_up"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "kernel.py", "kernel_cache.py", "kernel_references.py"):
        (tmp_path / "engine" / name).write_text((ENGINE / name).read_text())
    (folder / "__init__.py").touch()
    (folder / "inner.py").write_text(INNER.format(value=1))
    (folder / "outer.py").write_text(OUTER.format(package=folder.name))
    return folder


def test_a_changed_import_compiles_again(package: Path) -> None:
    for value in (1, 41):
        (package / "inner.py").write_text(INNER.format(value=value))
        assert run_outer(package) == value + 1
        assert run_outer(package, before="import numba; ") == value + 1
    compiled = list((package / "__pycache__").glob("outer.two-*.nbc"))
    assert compiled, "kernels are kept on disk"


ALL_AT_ONCE = """
import sys, time
from pathlib import Path
from typing import Any
from engine.made_up.outer import two
Path(sys.argv[1]).touch()
while not Path("go").exists():
    time.sleep(0.001)
assert two() == 2
print(sum(two.stats.cache_misses.values()))
"""


def test_of_processes_that_need_a_kernel_at_once_one_compiles_it(package: Path) -> None:
    root = package.parent.parent
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ALL_AT_ONCE, name],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c")
    ]
    while not all((root / name).exists() for name in "abc"):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    (root / "go").touch()
    compiled = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert sorted(compiled) == [0, 0, 1]


def test_a_process_that_died_while_it_compiled_is_not_waited_for(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from typing import Any
from engine.kernel_cache import compiled_once
with compiled_once(Path({str(tmp_path)!r}), "one"):
    os._exit(3)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 3
    with compiled_once(tmp_path, "one"):
        assert (tmp_path / "one.lock").exists()


def test_where_nothing_can_be_kept_a_kernel_is_compiled_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with compiled_once(tmp_path / "file" / "folder", "one"):
        pass
    with pytest.raises(ValueError, match="its own"), compiled_once(tmp_path, "one"):
        raise ValueError("its own")
    with compiled_once(tmp_path, "one"):
        pass


def test_an_account_that_may_write_nowhere_is_told_once_and_its_kernels_run(caplog: pytest.LogCaptureFixture) -> None:
    """For a function of no file, too, numba finds no folder to keep it in."""
    scope: dict[str, Any] = {}
    exec("def one_more(number): return number + 1\ndef one_less(number): return number - 1", scope)
    kernel_module._tell_that_nothing_is_kept.cache_clear()
    assert kernel_module.kernel(scope["one_more"])(1) == 2 and kernel_module.kernel(scope["one_less"])(1) == 0
    assert [("NUMBA_CACHE_DIR" in record.message) for record in caplog.records] == [True]


def test_imports_are_followed_to_modules_and_through_packages() -> None:
    kernels = ENGINE / "reads" / "bam_writer_kernels.py"
    assert {path.relative_to(ENGINE).as_posix() for path in imported_files(kernels)} == {
        "kernel.py",
        "files/bgzf.py",
        "reads/record_kernels.py",
    }
    writer = ENGINE / "reads" / "bam_writer.py"
    assert kernels in imported_files(writer), "a module taken from its package by name"
    assert source_stamp(kernels) != source_stamp(writer)


def test_the_imports_of_every_kernel_are_seen_as_the_syntax_tree_has_them() -> None:
    """Stamps find imports by a pattern, which starts numba sooner than parsing would; it must miss none."""
    kernels = [path for path in ENGINE.rglob("*.py") if re.search("^@(kernel|njit)", path.read_text(), re.M)]
    assert len(kernels) > 20
    for path in kernels:
        found = {file.relative_to(ENGINE.parent).with_suffix("").as_posix() for file in imported_files(path)}
        named = {place.removesuffix("/__init__").replace("/", ".") for place in found}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} imports by a relative name, which the pattern does not find"
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                ours = str(node.module).partition(".")[0] == "engine"
                assert not ours or named & {str(node.module), *inside}, f"{path}: {node.module}"
            elif isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.startswith("engine")], path
