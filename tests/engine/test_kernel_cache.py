"""A compiled kernel is used again only while it and all that it imports is unchanged."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import engine
from engine.kernel_cache import imported_files, source_stamp

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


def test_a_changed_import_compiles_again(tmp_path: Path) -> None:
    package = tmp_path / "engine" / "made_up"
    package.mkdir(parents=True)
    for name in ("__init__.py", "kernel.py", "kernel_cache.py"):
        (tmp_path / "engine" / name).write_text((ENGINE / name).read_text())
    (package / "__init__.py").touch()
    (package / "outer.py").write_text(OUTER.format(package=package.name))
    for value in (1, 41):
        (package / "inner.py").write_text(INNER.format(value=value))
        assert run_outer(package) == value + 1
        assert run_outer(package, before="import numba; ") == value + 1
    compiled = list((package / "__pycache__").glob("outer.two-*.nbc"))
    assert compiled, "kernels are kept on disk"


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
