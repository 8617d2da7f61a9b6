"""The options of a deployment: defaults that serve, one clear error for what cannot be used, one table for people."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from resources.environment import OPTIONS, PROJECT, Settings, SettingsError

DOCUMENTED = (PROJECT / "README.md").read_text()


def test_without_any_option_the_demo_is_served() -> None:
    settings = Settings.from_environment({})
    assert (settings.reference, settings.caller, settings.aligner) == ("demo", "haplotype", "bwa-mem3")
    assert settings.data == PROJECT / "data" / "demo"
    assert settings.threads >= 1 and settings.thresholds is None


def test_a_laboratorys_own_reference_gives_the_data_folder_its_name() -> None:
    settings = Settings.from_environment({"GENOMICS_REFERENCE": "/lab/references/panel.yaml"})
    assert settings.data == PROJECT / "data" / "panel"


def test_an_installed_copy_keeps_data_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.environment.PROJECT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({}).data == tmp_path / "data" / "demo"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GENOMICS_ENV", "azur"),
        ("GENOMICS_CALLER", "deepvariant"),
        ("GENOMICS_THREADS", "0"),
        ("GENOMICS_THREADS", "many"),
        ("GENOMICS_MAX_RUNS", "-1"),
        ("GENOMICS_READS", "move"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_remedy(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is '{value}'.*Remedy: set it to"):
        Settings.from_environment({variable: value})


def test_the_profile_decides_on_recalibration() -> None:
    assert Settings.from_environment({"GENOMICS_PROFILE": "gatk-best-practices"}).recalibrates
    assert not Settings.from_environment({}).recalibrates


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.variable)
def test_every_option_stands_in_the_readme_with_default_and_meaning(option) -> None:
    (row,) = [line for line in DOCUMENTED.splitlines() if line.startswith(f"| `{option.variable}`")]
    assert option.meaning in row and option.default in row
    assert all(f"`{choice}`" in row for choice in option.choices)


def test_a_folder_with_a_home_directory_is_expanded() -> None:
    assert Settings.from_environment({"GENOMICS_DATA": "~/genomes"}).data == Path.home() / "genomes"


@pytest.mark.parametrize("name", ["lab?", "a##idx##b"])
def test_a_data_folder_in_which_something_could_not_be_kept_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    for given in (name, f"{name}/data", "link"):
        with pytest.raises(SettingsError, match="the data folder is"):
            Settings.from_environment({"GENOMICS_DATA": str(tmp_path / given)})


@pytest.mark.parametrize("name", ["-rf", " lead", "trail ", "~", "a&b;c", "#1", "a:b", "{a}", "x" * 255, "日本語"])
def test_a_data_folder_may_have_any_other_name(tmp_path: Path, name: str) -> None:
    settings = Settings.from_environment({"GENOMICS_DATA": str(tmp_path / name)})
    assert settings.data == (tmp_path / name).resolve()


def test_no_module_reads_an_option_by_its_name() -> None:
    """All are read together, by the table of options; elsewhere they are handed on as settings."""
    packages = ("engine", "resources", "console", "portal", "genomics_assets")
    for path in (path for package in packages for path in (PROJECT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            reads = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
            asked = [node.slice] if reads else node.args[:1] if isinstance(node, ast.Call) else []
            of = ast.unparse(node.value if reads else node.func) if asked else ""
            if "environ" in of or "getenv" in of:
                assert "GENOMICS_" not in ast.unparse(asked[0]), f"{path}:{node.lineno}"


def test_no_import_but_that_of_the_definitions_reads_an_option() -> None:
    """With an option that cannot be used every module can be imported, and the code location says what is wrong."""
    reads_when_loaded = ("genomics_assets.definitions", "genomics_assets.serve")
    modules = [
        path.relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")
        for package in ("engine/ops", "resources", "console", "portal", "genomics_assets")
        for path in sorted((PROJECT / package).rglob("*.py"))
        if path.stem not in ("__init__", "__main__", "env") and "versions" not in path.parts
    ]
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)"
    wrong = os.environ | {"GENOMICS_MAX_RUNS": "many"}

    def import_all(names: Iterable[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *names]
        return subprocess.run(command, env=wrong, cwd=PROJECT, capture_output=True, text=True, check=False)

    imported = import_all(name for name in modules if name not in reads_when_loaded)
    assert imported.returncode == 0, imported.stderr
    assert "GENOMICS_MAX_RUNS" in import_all(["genomics_assets.definitions"]).stderr


def test_messages_that_name_persons_are_not_kept_in_the_data_folder(tmp_path: Path) -> None:
    known = {"GENOMICS_DATA": str(tmp_path / "data")}
    with pytest.raises(SettingsError, match="a folder within the data folder"):
        Settings.from_environment(known | {"GENOMICS_HL7": str(tmp_path / "data" / "out")})
    for place in (str(tmp_path / "out"), "mllp://127.0.0.1:2575"):
        assert Settings.from_environment(known | {"GENOMICS_HL7": place}).hl7 == place


def test_errors_of_umis_that_nobody_said_there_are_any_of_are_refused(tmp_path: Path) -> None:
    given = {"GENOMICS_UMI_ERRORS": "join", "GENOMICS_DATA": str(tmp_path)}
    with pytest.raises(SettingsError, match="GENOMICS_UMI does not say"):
        Settings.from_environment(given)
    assert Settings.from_environment({**given, "GENOMICS_UMI": "name"}).umi_errors == "join"
