"""Documents and messages name only commands, options, files and targets that exist; generated pages are current."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from console.cli import parser as genomics_parser
from engine.cli import _parser as engine_parser
from engine.quality.thresholds import as_markdown, load_thresholds
from resources.described_tables import as_markdown as tables_as_markdown
from resources.environment import OPTIONS

PROJECT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".github/pull_request_template.md")
DOCUMENTS = sorted([*(PROJECT / name for name in (*AT_THE_TOP, "demo/README.md")), *(PROJECT / "docs").rglob("*.md")])
CODE = ("engine", "resources", "console", "genomics_assets", "portal", "demo", "benchmarks", "release")
FOLDERS = (*CODE, "deploy", "dbt_project", "distributions", "tests", "docs", ".ci", ".github")
FOREIGN_OPTIONS = {"--ploidy-regions"}
"""Of GATK, where we say how we differ."""

PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")
FILE_AT_THE_TOP = re.compile(r"`([\w.-]+\.(?:md|toml|lock)|Makefile|\.ci/run)`")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
PARSERS = {"genomics": genomics_parser, "genomics-engine": engine_parser}


def named(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def faults(text: str, folder: Path = PROJECT) -> list[str]:
    """What a document names that does not exist; links are relative to ``folder``."""
    found = [name for name in PATH.findall(text) if not (PROJECT / name).exists()]
    found += [
        name for name in FILE_AT_THE_TOP.findall(text) if not any((at / name).exists() for at in (PROJECT, folder))
    ]
    found += [link for link in re.findall(r"\]\((?!\w+:)([^)#\s]+)", text) if not (folder / link).exists()]
    found += [f"make {target}" for target in MAKE.findall(text) if target not in make_targets()]
    for line, whole in commands(text):
        found += [f"{line}: {fault}" for fault in command_faults(line, whole=whole)]
    return found


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def named_in(text: str) -> list[tuple[str, str]]:
    """File and name of each test that a document names."""
    return NAMED_TEST.findall(text)


def test_every_test_that_a_document_names_is_there() -> None:
    named_tests = {pair for document in DOCUMENTS for pair in named_in(document.read_text())}
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named_tests)
        if not (PROJECT / file).is_file() or f"\ndef {name}(" not in (PROJECT / file).read_text()
    ]
    assert not missing


def test_each_kind_of_wrong_answer_has_its_tests() -> None:
    rows = [line for line in (PROJECT / "docs/answers.md").read_text().splitlines() if re.match(r"\| \d", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 18))
    assert all(named_in(row) and "::" not in NAMED_TEST.sub("", row) for row in rows)


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Lines of code blocks, which must be whole, and spans of code, which may be the beginning of a command."""
    for block in BLOCK.findall(text):
        yield from ((line, True) for line in block.splitlines())
    yield from ((span, False) for span in SPAN.findall(BLOCK.sub("", text)))


def command_faults(line: str, *, whole: bool) -> list[str]:
    """What is wrong with one command; nothing where the line is none of the project's."""
    try:
        words = shlex.split(line.translate({ord("["): None, ord("]"): None}), comments=True)
    except ValueError:  # prose or output with an apostrophe
        return []
    while words and (words[0] == "time" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        words = words[1:]
    program, arguments = (Path(words[0]).name, words[1:]) if words else ("", [])
    if program in PARSERS:
        return parser_faults(PARSERS[program](), arguments, whole=whole and "..." not in arguments)
    if program == "python" and arguments[:1] == ["-m"]:
        return module_faults(*arguments[1:])
    if program == "make":
        return variable_faults(arguments)
    if program == "pip":
        return [word for word in arguments if word.startswith(".") and not (PROJECT / word).exists()]
    if program in ("dagster", "dg"):
        return dagster_faults(program, arguments)
    if program.startswith("--"):
        return [program] if program not in every_option() | FOREIGN_OPTIONS else []
    return []


def parser_faults(parser: argparse.ArgumentParser, arguments: list[str], *, whole: bool) -> list[str]:
    if whole:
        try:
            parser.parse_args(arguments)
        except SystemExit as ended:
            return ["cannot be run as it stands"] if ended.code else []
        return []
    subcommands = subparsers(parser)
    command = next((word for word in arguments if not word.startswith("-")), None)
    known = options_of(subcommands.get(command, parser) if command else parser)
    wrong = [command] if command and command not in subcommands else []
    return wrong + [word for word in arguments if word.startswith("--") and word not in known]


def module_faults(module: str, *arguments: str) -> list[str]:
    place = PROJECT / module.replace(".", "/")
    if module.split(".")[0] not in CODE:
        return []
    if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists():
        return ["there is no such module"]
    options = [word for word in arguments if word.startswith("--")]
    return [option for option in options if option not in help_of("python", "-m", module)]


def variable_faults(arguments: list[str]) -> list[str]:
    """Variables given to make; its targets are looked for in prose too."""
    read = (PROJECT / "Makefile").read_text() + (PROJECT / "demo" / "serve.py").read_text()
    given = [word.partition("=")[0] for word in arguments if "=" in word]
    return [name for name in given if not re.search(rf"\b{name}\b", read)]


def dagster_faults(program: str, arguments: list[str]) -> list[str]:
    group = list(iter_until_option(arguments))
    told = help_of(program, *group)
    return [word for word in arguments if word.startswith("-") and word not in told.replace(",", " ").split()]


def iter_until_option(words: list[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("-"):
            return
        yield word


@cache
def help_of(program: str, *arguments: str) -> str:
    command = [str(BIN / program), *arguments, "--help"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=PROJECT, env=os.environ | {"COLUMNS": "200"}, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(action.choices)


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


@cache
def every_option() -> set[str]:
    parsers = [make() for make in PARSERS.values()]
    commands = [part for parser in parsers for part in (parser, *subparsers(parser).values())]
    below = [part for command in commands if command not in parsers for part in commands_below(command)]
    return {option for part in (*commands, *below) for option in options_of(part)}


def commands_below(command: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Of a command that has commands of its own."""
    groups = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    return [part for group in groups for part in group.choices.values()]


@cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def test_the_threshold_page_is_the_threshold_table() -> None:
    assert (PROJECT / "docs" / "thresholds.md").read_text() == as_markdown(load_thresholds())


def test_the_page_of_tables_is_made_of_their_columns() -> None:
    assert (PROJECT / "docs" / "tables.md").read_text() == tables_as_markdown()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_what_a_document_names_exists(document: Path) -> None:
    assert faults(document.read_text(), document.parent) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_option_of_the_deployment_that_a_document_names_is_one(document: Path) -> None:
    known = {option.variable for option in OPTIONS}
    assert set(re.findall(r"\bGENOMICS_[A-Z_]*[A-Z]\b", document.read_text())) <= known


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("`engine/no_such_file.py`", "engine/no_such_file.py"),
        ("`no-such.lock`", "no-such.lock"),
        ("[a page](docs/no_such_page.md)", "docs/no_such_page.md"),
        ("run make nothing", "make nothing"),
        ("`make release VERSON=0.2.0`", "VERSON"),
        ("`python -m engine.nothing`", "there is no such module"),
        ("`python -m demo.simulate --no-such DIR`", "--no-such"),
        ("`genomics vrify`", "vrify"),
        ("`genomics verify --everything`", "--everything"),
        ("```\ngenomics retry S0001\n```", "cannot be run as it stands"),  # lacks a reason
        ("```\ngenomics-engine call --reference REF.fa --output X.g.vcf.gz\n```", "cannot be run as it stands"),
        ("`.venv/bin/genomics-engine call --intervalls x`", "--intervalls"),
        ("the option `--refernce`", "--refernce"),
        ("`pip install ./distributions/nothing`", "./distributions/nothing"),
        ("`dagster job backfill --every`", "--every"),
    ],
)
def test_a_document_that_names_what_is_not_there_is_found(text: str, fault: str) -> None:
    (found,) = faults(text)
    assert fault in found


def messages() -> Iterator[tuple[str, str]]:
    """Commands named in the code's own texts: file, and the words behind the program's name."""
    for package in CODE:
        for path in sorted((PROJECT / package).rglob("*.py")):
            text = path.read_text()
            for command in re.findall(r"\bgenomics(?:-engine)? [a-z]+(?: --[a-z-]+)*|python -m [\w.]+\w", text):
                yield named(path), command


def test_a_command_that_a_message_or_docstring_names_exists() -> None:
    named_commands = set(messages())
    assert ("resources/gate.py", "genomics override") in named_commands
    assert not [(file, command) for file, command in named_commands if command_faults(command, whole=False)]


def test_hooks_before_a_commit_are_the_quick_part_of_the_checks() -> None:
    """The tools are the environment's own, so that no other host is asked for them."""
    repositories = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    recipe = (PROJECT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    for hook in repositories[0]["hooks"]:
        assert hook["language"] == "system"
        command = " ".join([hook["entry"], *hook.get("args", [])])
        assert command.replace(".venv/bin/", "$(BIN)/") in recipe
