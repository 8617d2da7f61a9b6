"""What is rolled out in Azure and on Kubernetes: read by parsers and judged by checkov and Helm, offline.

Nothing here can tell whether Azure takes it: no compiler of Bicep's types is to be had without a download.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pycep import BicepParser

from resources.environment import OPTIONS

PROJECT = Path(__file__).resolve().parent.parent
BICEP = PROJECT / "deploy" / "azure" / "main.bicep"
CHART = PROJECT / "deploy" / "helm"
CHECKOV = PROJECT / ".checkov" / "bin" / "checkov"
HELM = shutil.which("helm") or shutil.which("helm", path=PROJECT / ".helm")
NAMES = {option.variable for option in OPTIONS}
GIVEN = {
    "image": {"repository": "registry.example.org/genomics", "digest": f"sha256:{'0' * 64}"},
    "allowedFrom": {"kubernetes.io/metadata.name": "proxy"},
}
WANTED = {
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.HealthcareApis/workspaces/fhirservices",
    "Microsoft.App/jobs",
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
}


def resources() -> dict[str, dict[str, Any]]:
    """What the Bicep file declares: type and properties, by its symbolic name."""
    parsed = BicepParser().parse(file_path=BICEP)
    return {name: {**one["config"], "type": one["type"]} for name, one in parsed["resources"].items()}


def nested(value: Any, wanted: str) -> list[Any]:
    """Every value under a key, however deep."""
    if isinstance(value, dict):
        own = [inner for key, inner in value.items() if key == wanted]
        return own + [found for inner in value.values() for found in nested(inner, wanted)]
    return [found for inner in value for found in nested(inner, wanted)] if isinstance(value, list) else []


def test_everything_that_the_platform_needs_is_rolled_out() -> None:
    assert {one["type"] for one in resources().values()} >= WANTED


def test_nothing_is_reached_from_the_internet() -> None:
    told = resources()
    closed = [one for one in told.values() if nested(one, "publicNetworkAccess")]
    assert len(closed) >= 5
    assert {value for one in closed for value in nested(one, "publicNetworkAccess")} == {"Disabled"}
    assert {value for one in told.values() for value in nested(one, "publicAccess")} == {"None"}
    assert {value for one in told.values() for value in nested(one, "defaultAction")} == {"Deny"}
    reached = re.findall(r"group: '(\w+)'", BICEP.read_text())
    assert reached == ["blob", "dfs", "vault", "healthcareworkspace"]


def test_nobody_signs_in_with_a_key_or_password() -> None:
    told = resources()
    assert nested(told["storage"], "allowSharedKeyAccess") == [False]
    assert nested(told["database"], "passwordAuth") == ["Disabled"]
    assert nested(told["logs"], "disableLocalAuth") == [True]
    assert "listKeys" not in BICEP.read_text() and "@secure" not in BICEP.read_text()


def test_what_was_deleted_comes_back_and_keys_cannot_be_purged() -> None:
    told = resources()
    assert nested(told["vault"], "enablePurgeProtection") == [True]
    assert nested(told["blobs"], "enabled") == [True, True]


def test_the_jobs_options_are_options_and_every_role_is_given_to_one_identity() -> None:
    told = resources()
    set_ = {one["name"] for one in nested(told["run"], "env")[0] if one["name"].startswith("GENOMICS_")}
    assert {"GENOMICS_ENV", "GENOMICS_LAKE", "GENOMICS_SECRETS", "GENOMICS_KEYS"} <= set_ <= NAMES
    given = [one for one in told.values() if one["type"] == "Microsoft.Authorization/roleAssignments"]
    assert len(given) == 5 and "Owner" not in BICEP.read_text()


def checked(framework: str, path: Path, home: Path) -> dict[str, Any]:
    """What checkov says; a file that it cannot read is told in a count, not in its exit code."""
    command = [CHECKOV, "--skip-download", "--compact", "-o", "json", "-f", path, "--framework", framework]
    variables = {**os.environ, "HOME": str(home), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=240)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not installed: make checkov")
def test_checkov_finds_nothing_that_is_not_justified(tmp_path: Path) -> None:
    said = checked("bicep", BICEP, tmp_path)
    assert said["summary"]["parsing_errors"] == 0 and said["summary"]["passed"] > 15
    assert said["results"]["failed_checks"] == []
    justified = [one["check_result"]["suppress_comment"] for one in said["results"]["skipped_checks"]]
    assert len(justified) == BICEP.read_text().count("checkov:skip=") and all(len(why) > 30 for why in justified)
    worse = tmp_path / "worse.bicep"
    worse.write_text(BICEP.read_text().replace("minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'"))
    assert checked("bicep", worse, tmp_path)["results"]["failed_checks"], "it must be able to fail"


def rendered(tmp_path: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    command = [str(HELM), "template", "genomics", CHART, "--namespace", "clinic", "-f", tmp_path / "values.yaml"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not HELM, reason="helm is not installed: make checkov")
def test_the_chart_runs_without_root_reached_by_the_proxy_alone(tmp_path: Path) -> None:
    done = rendered(tmp_path, GIVEN)
    assert done.returncode == 0, done.stderr
    kinds = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert set(kinds) == {"ServiceAccount", "Service", "StatefulSet", "NetworkPolicy"}
    pod = kinds["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["image"].endswith(GIVEN["image"]["digest"])
    assert kinds["Service"]["spec"]["type"] == "ClusterIP"
    (rule,) = kinds["NetworkPolicy"]["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": GIVEN["allowedFrom"]}}]
    shut = rendered(tmp_path, GIVEN | {"allowedFrom": {}}).stdout
    (policy,) = [one for one in yaml.safe_load_all(shut) if one["kind"] == "NetworkPolicy"]
    assert policy["spec"]["ingress"] == []


@pytest.mark.skipif(not HELM, reason="helm is not installed: make checkov")
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"image": {"repository": "r", "digest": "latest"}},
        GIVEN | {"optoins": {}},
        GIVEN | {"options": {"PASSWORD": "x"}},
    ],
)
def test_values_that_cannot_be_meant_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    done = rendered(tmp_path, wrong)
    assert done.returncode != 0 and "values don't meet the specifications of the schema" in done.stderr


@pytest.mark.skipif(not HELM or not CHECKOV.exists(), reason="helm or checkov is not installed: make checkov")
def test_checkov_finds_nothing_in_what_the_chart_makes(tmp_path: Path) -> None:
    path = tmp_path / "rendered.yaml"
    path.write_text(rendered(tmp_path, GIVEN).stdout)
    said = checked("kubernetes", path, tmp_path)
    assert said["summary"]["passed"] > 80 and said["summary"]["parsing_errors"] == 0
    assert said["results"]["failed_checks"] == []


_VALIDATED = """
import sys, kubernetes_validate, yaml
for one in yaml.safe_load_all(open(sys.argv[1])):
    kubernetes_validate.validate(one, "1.31", strict=True)
    print(one["kind"])
"""


@pytest.mark.skipif(not HELM or not CHECKOV.exists(), reason="helm or checkov is not installed: make checkov")
def test_kubernetes_schemas_take_what_the_chart_makes(tmp_path: Path) -> None:
    path, python = tmp_path / "rendered.yaml", CHECKOV.parent / "python"
    path.write_text(rendered(tmp_path, GIVEN).stdout)

    def judged() -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, "-c", _VALIDATED, path], capture_output=True, text=True, check=False)

    # In the order in which Helm would install them, not in the chart's.
    assert judged().stdout.split() == ["NetworkPolicy", "ServiceAccount", "Service", "StatefulSet"], judged().stderr
    path.write_text(path.read_text().replace("allowPrivilegeEscalation:", "allowPrivilegeEscalations:"))
    assert "allowPrivilegeEscalations" in judged().stderr, "it must be able to fail"


def test_the_charts_options_are_options_and_its_user_is_the_containers() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values["options"]) <= NAMES
    uid = re.findall(r"USER (\d+):", (PROJECT / "deploy" / "Containerfile").read_text())[0]
    template = (CHART / "templates" / "platform.yaml").read_text()
    assert set(re.findall(r"runAsUser: (\d+)", template)) == {uid}
    assert json.loads((CHART / "values.schema.json").read_text())["properties"].keys() >= values.keys()
