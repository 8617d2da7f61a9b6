"""Which code computes a result: the version that changes whenever anything that computes it has changed, and only then.

The code of a result is the import closure of the modules that compute it: those modules and what they import of the
engine, at the top of a file or inside a function, directly or not, with the packages on the way. Of each file the
syntax tree counts (:mod:`engine.code_source`), so that a changed comment, docstring or line break computes nothing
again. With the code count the data files beside a module that reads some, and the installed packages that the closure
imports, with their versions. What a closure takes too much costs a computation; what it lacks would be a stale result
called fresh. So in doubt it takes more:

- All that a file imports belongs to it, used or not; of a module that a text names, the same.
- A module that asks where it lies may read any data file of its package.
- An import that is not installed counts as absent: installing it is a change.

The engine's seam to Dagster is left out (:data:`SEAM`): it hands inputs over and publishes, and computes nothing.

>>> version = code_version("engine.genotype.sample")
>>> version.packages["pysam"] == code_version("engine.genotype.joint").packages["pysam"]
True
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from engine.code_cache import FileFacts, Signature, cache_places, signature
from engine.code_data import content_digest, digest
from engine.code_source import Source, read_source
from engine.errors import ToolError

SEAM = frozenset(
    {"dagster", "engine.code_version", "engine.ops"}
    | {f"engine.ops.{module}" for module in ("artifact", "dagster_op", "inputs", "services")}
)
"""Modules, and distributions' packages, that are not followed: they neither compute nor decide what is computed."""
BESIDE = ("dbt_project", "notebooks")
"""Packages beside the engine that are ours too, and followed."""
ABSENT = "absent"
"""Version of a package that is imported somewhere in the closure and not installed."""
_DIGITS = 12
_TIMELESS = (0, 0, 0)
_LEARNERS = ("code_cache.py", "code_data.py", "code_source.py", "code_version.py")


@dataclass(frozen=True)
class CodeVersion:
    """The version of the code that computes something.

    Attributes:
        source: digest of the engine's code in the closure, and of the data files that it reads.
        packages: version by name of each installed distribution that the closure imports, and of Python.
        modules: the closure: names of the engine's modules, in order.
    """

    source: str
    packages: Mapping[str, str]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of source and packages together."""
        told = [self.source, *(f"{name} {version}" for name, version in sorted(self.packages.items()))]
        return digest(told)[:_DIGITS]

    def tools(self, name: str) -> dict[str, str]:
        """Versions by name as a receipt tells them; ``name`` is that of the engine's part, an artifact's say."""
        return dict(sorted({**self.packages, f"engine.{name}": self.source}.items()))


def code_version(
    *starts: str,
    files: Sequence[Path] = (),
    distributions: Sequence[str] = (),
    stop_at: Collection[str] = SEAM,
) -> CodeVersion:
    """The version of what these modules and functions compute with.

    It is that of the files as this process found them at the first call.

    Args:
        starts: modules (``engine.genotype.sample``), or functions with what they use of their module
            (``engine.ops.calls:gvcf``).
        files: further files that take part, or folders of them.
        distributions: installed distributions that take part without being imported (programs, plug-ins).
        stop_at: modules and packages that are not followed.

    Raises:
        ValueError: there is no such module or function.
        ToolError: one of ``files`` is not there.
    """
    return _installed().version(starts, files, distributions, frozenset(stop_at))


@cache
def _installed() -> CodeBase:
    return CodeBase(Path(__file__).resolve().parent)


@dataclass(frozen=True)
class _File:
    path: Path
    seen: Signature


@dataclass(frozen=True)
class _Node:
    """A module, or a function's slice of one, with the modules that it imports, or may, and the packages of others."""

    source: Source
    imports: frozenset[str]
    mentions: frozenset[str]
    third_party: frozenset[str]


class CodeBase:
    """The modules of a package and of those beside it, as they were when first looked at.

    Args:
        package: folder of the top-level package, the engine.
    """

    def __init__(self, package: Path) -> None:
        self._root = package.parent
        self._ours = [name for name in (package.name, *BESIDE) if (package.parent / name / "__init__.py").exists()]
        learner = digest(Path(__file__).with_name(name).read_text("utf-8") for name in _LEARNERS)
        self._facts = FileFacts(cache_places(package, "code_version"), learner)
        self._nodes: dict[str, _Node] = {}
        self._resolved: dict[str, tuple[str, ...]] = {}

    def version(
        self, starts: Sequence[str], files: Sequence[Path], distributions: Sequence[str], stop_at: frozenset[str]
    ) -> CodeVersion:
        """See :func:`code_version`."""
        nodes = self._closure(starts, stop_at)
        sources = {name: nodes[name].source for name in sorted(nodes)}
        documented = any(source.reads_docs for source in sources.values())
        told = [f"{name} {one.code} {one.docs if documented else ''}" for name, one in sources.items()]
        told += [f"{name} {content}" for name, content in sorted(self._data(sources))]
        told += [f"{name} {content}" for path in files for name, content in sorted(self._tree(path))]
        found = CodeVersion(
            source=digest(told)[:_DIGITS],
            packages=self._packages(nodes.values(), distributions, stop_at),
            modules=tuple(sources),
        )
        self._facts.save()
        return found

    @cached_property
    def _files(self) -> tuple[dict[str, _File], dict[str, list[_File]]]:
        """Every module's file by dotted name, and the data files of each package."""
        modules: dict[str, _File] = {}
        data: dict[str, list[_File]] = {}
        for name in self._ours:
            _walk(self._root / name, name, modules, data)
        return modules, data

    def _closure(self, starts: Iterable[str], stop_at: frozenset[str]) -> dict[str, _Node]:
        """What is imported from ``starts`` on, by name; functions are followed as slices of their modules."""
        found: dict[str, _Node] = {}
        waiting = {*starts} | {parent for start in starts for parent in _parents(start) if parent not in stop_at}
        by_text = False
        while waiting:
            new = {name: self._node(name) for name in waiting}
            found |= new
            waiting = set[str]().union(*(node.imports for node in new.values()))
            by_text = by_text or any(node.source.imports_by_text for node in new.values())
            if by_text:
                waiting |= set[str]().union(*(node.mentions for node in found.values()))
            waiting -= found.keys() | stop_at
        return found

    def _node(self, name: str) -> _Node:
        if name not in self._nodes:
            source = self._source(name)
            self._nodes[name] = _Node(
                source,
                imports=frozenset(module for imported in source.imports for module in self._modules_of(imported)),
                mentions=frozenset(module for imported in source.mentions for module in self._modules_of(imported)),
                third_party=frozenset(name.partition(".")[0] for name in source.imports)
                - sys.stdlib_module_names
                - frozenset(self._ours),
            )
        return self._nodes[name]

    def _source(self, name: str) -> Source:
        module, _, function = name.partition(":")
        if module not in self._files[0]:
            raise ValueError(f"there is no module {module} below {self._root}")
        file = self._files[0][module]

        def learn() -> dict[str, Any]:
            is_package = file.path.name == "__init__.py"
            text = file.path.read_text("utf-8")
            return asdict(read_source(text, module, is_package=is_package, function=function or None))

        return Source(**self._facts.of(f"source {name}", file.seen, learn))

    def _modules_of(self, imported: str) -> tuple[str, ...]:
        """The modules of this tree that importing a dotted name runs: packages on the way, and the module itself."""
        if imported not in self._resolved:
            modules = self._files[0]
            whole = imported.removesuffix(".*")
            found = [name for name in (*_parents(whole), whole) if name in modules]
            inside = [name for name in modules if whole != imported and name.rpartition(".")[0] == whole]
            self._resolved[imported] = (*found, *inside)
        return self._resolved[imported]

    def _data(self, sources: Mapping[str, Source]) -> Iterator[tuple[str, str]]:
        """Names and digests of the data files that these modules may read."""
        modules, data = self._files
        readers = {name.partition(":")[0] for name, source in sources.items() if source.reads_data}
        packages = {name if modules[name].path.name == "__init__.py" else name.rpartition(".")[0] for name in readers}
        for package in packages:
            for file in data.get(package, ()):
                yield file.path.relative_to(self._root).as_posix(), self._content(file)

    def _tree(self, path: Path) -> Iterator[tuple[str, str]]:
        """Names and digests of a file, or of every file in a folder."""
        if not path.exists():
            raise ToolError("a file of the platform is missing", file=path, remedy="install the platform again")
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for file in files:
            if _counts(file.relative_to(path.parent)):
                name = file.relative_to(path.parent).as_posix()
                yield name, self._content(_File(file, signature(file.stat())))

    def _content(self, file: _File) -> str:
        key = f"content {file.path}"
        return str(self._facts.of(key, file.seen, lambda: content_digest(file.path)))

    def _packages(
        self, nodes: Iterable[_Node], distributions: Sequence[str], stop_at: frozenset[str]
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in distributions:
            found |= self._installed(name, partial(list[str], (name,)))
        for package in sorted(frozenset[str]().union(*(node.third_party for node in nodes)) - stop_at):
            found |= self._distributions_of(package)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return dict(sorted({**found, "python": python}.items()))

    def _distributions_of(self, package: str) -> dict[str, str]:
        """Version by name of the distributions that provide an imported package, as installed now."""
        return self._installed(f"of {package}", lambda: sorted(set(_providers().get(package, ())))) or {package: ABSENT}

    def _installed(self, what: str, names: Callable[[], Iterable[str]]) -> dict[str, str]:
        # The installation is in the key: processes with another search path keep facts of their own.
        key = f"distribution {what} {_installation()}"
        found: dict[str, str] = self._facts.of(key, _TIMELESS, lambda: {name: _version(name) for name in names()})
        return found


def _walk(folder: Path, package: str, modules: dict[str, _File], data: dict[str, list[_File]]) -> None:
    """Note the modules and data files of a package; a folder that is none holds data of the package around it."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not _counts(Path(entry.name)):
                continue
            path = Path(entry.path)
            if entry.is_dir():
                inner = f"{package}.{entry.name}"
                _walk(path, inner if (path / "__init__.py").exists() else package, modules, data)
            elif path.suffix == ".py":
                name = package if path.name == "__init__.py" else f"{package}.{path.stem}"
                modules[name] = _File(path, signature(entry.stat()))
            else:
                data.setdefault(package, []).append(_File(path, signature(entry.stat())))


def _counts(path: Path) -> bool:
    """Whether a file is one of ours: not compiled, hidden, or an editor's copy."""
    return not any(part == "__pycache__" or part.startswith(".") or part.endswith("~") for part in path.parts)


def _parents(name: str) -> list[str]:
    """The packages around a module: ``a`` and ``a.b`` of ``a.b.c``."""
    parts = name.partition(":")[0].split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@cache
def _providers() -> Mapping[str, Sequence[str]]:
    from importlib.metadata import packages_distributions  # takes longer to import than all facts to be read

    return packages_distributions()


def _version(distribution: str) -> str:
    from importlib.metadata import version

    return version(distribution)


@cache
def _installation() -> str:
    """What changes when a distribution is installed, updated or removed: the names of their metadata's folders."""
    names: list[str] = []
    for folder in sys.path:
        with suppress(OSError), os.scandir(folder or ".") as entries:
            names += (entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
    return digest(sorted(names))[:_DIGITS]
