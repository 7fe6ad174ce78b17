"""Dockerfiles, compose file and cluster YAML agree with the code: there is no engine here to run them."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cftray.endpoint import read_endpoints
from cluster.settings import PROJECT, ClusterSettings

DOCKERFILES = ("api", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / "docker/compose.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def launcher() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / "cluster/aws-a100.yaml").read_text())
    return found


def dockerfile(name: str) -> str:
    return (PROJECT / f"docker/{name}.Dockerfile").read_text()


def pinned(package: str) -> str:
    text = (PROJECT / "constraints.txt").read_text()
    found = re.search(rf"^{re.escape(package)}==(\S+)$", text, re.MULTILINE)
    assert found, package
    return found[1]


def default(setting: str) -> int:
    port = ClusterSettings.model_fields[setting].default
    assert isinstance(port, int)
    return port


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_exists(name: str) -> None:
    copied = [word for line in re.findall(r"^COPY (.+)$", dockerfile(name), re.MULTILINE) for word in line.split()[:-1]]

    assert copied
    for source in copied:
        assert (PROJECT / source).exists(), source


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_hold_python_and_extras_that_the_project_names(name: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    text = dockerfile(name)
    version = re.search(r"python:(\d+\.\d+)-slim", text)
    extras = re.findall(r"-c constraints\.txt '\.\[([a-z,]+)\]'", text)

    assert version
    assert f">={version[1]}" in project["requires-python"]
    assert extras == [{"api": "control", "worker": "worker"}[name]]
    assert set(extras) <= set(project["optional-dependencies"])


def test_the_api_s_image_holds_neither_torch_nor_ray() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = " ".join(project["dependencies"] + project["optional-dependencies"]["control"])

    assert not re.search(r"\b(torch|ray|deepspeed|transformers)\b", needed)


def test_compose_has_all_parts_and_publishes_on_loopback_only(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert set(services) == {"head", "worker", "mlflow", "postgres", "api"}
    assert services["worker"]["deploy"]["replicas"] == 2
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_compose_s_volumes_and_dependencies_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(compose["volumes"])
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        build = service.get("build")
        assert build is None or (PROJECT / build["dockerfile"]).exists()


def test_compose_s_ports_are_the_stack_s(compose: dict[str, Any]) -> None:
    services = compose["services"]
    api = services["api"]["environment"]
    mlflow, dashboard = default("mlflow_port"), default("ray_dashboard_port")

    assert services["mlflow"]["ports"] == [f"127.0.0.1:{mlflow}:{mlflow}"]
    assert services["head"]["ports"] == [f"127.0.0.1:{dashboard}:{dashboard}"]
    assert f"--dashboard-port={dashboard}" in services["head"]["command"]
    assert api["CFTRAY_PORT"] == str(default("port"))
    assert api["CFTRAY_MLFLOW_URL"].endswith(f":{mlflow}")
    assert api["CFTRAY_RAY_ADDRESS"].endswith(f":{dashboard}")


def test_compose_s_api_gets_settings_that_exist(compose: dict[str, Any]) -> None:
    settings = pytest.importorskip("api.settings").Settings
    names = {name.removeprefix("CFTRAY_").lower() for name in compose["services"]["api"]["environment"]}

    assert names <= set(settings.model_fields)


def test_compose_hands_endpoints_to_those_who_check_and_those_who_ask(compose: dict[str, Any]) -> None:
    services = compose["services"]
    given = {name: one.get("environment", {}).get("CFTRAY_ENDPOINTS") for name, one in services.items()}

    assert {name for name, value in given.items() if value is not None} == {"api", "head", "worker"}
    assert {value for value in given.values() if value is not None} == {"${CFTRAY_ENDPOINTS:-}"}
    assert read_endpoints("") == {}, "without the variable compose hands on an empty one"


def test_compose_hands_keys_to_ray_alone_and_does_not_need_them(compose: dict[str, Any]) -> None:
    files = {name: one.get("env_file") for name, one in compose["services"].items()}
    wanted = [{"path": "${CFTRAY_KEYS_FILE:-keys.env}", "required": False}]

    assert {name: one for name, one in files.items() if one} == {"head": wanted, "worker": wanted}
    assert "docker/keys.env" in (PROJECT / ".gitignore").read_text().splitlines()


def test_compose_pins_the_mlflow_that_the_stack_pins(compose: dict[str, Any]) -> None:
    assert compose["services"]["mlflow"]["image"].endswith(f":v{pinned('mlflow')}")


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|PASSWORD|KEY", name):
                assert str(value).startswith("${") or value == "token", name


def test_the_launcher_s_file_satisfies_ray_s_schema(launcher: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:
        pytest.skip("ray is not installed")
    schema = json.loads((Path(found.origin).parent / "autoscaler/ray-schema.json").read_text())

    jsonschema.validate(launcher, schema)


def test_the_launcher_starts_a100_nodes_behind_a_token(launcher: dict[str, Any]) -> None:
    nodes = launcher["available_node_types"]
    options = launcher["docker"]["run_options"]

    assert launcher["head_node_type"] in nodes
    assert nodes["a100"]["resources"]["accelerator_type:A100"] == 1
    assert nodes["a100"]["resources"]["GPU"] == 8
    assert nodes["a100"]["max_workers"] <= launcher["max_workers"]
    assert "--env=RAY_AUTH_MODE=token" in options
    assert any(one.startswith("--env=NCCL_SOCKET_IFNAME=") for one in options)
    assert any(one.startswith("--env=GLOO_SOCKET_IFNAME=") for one in options)
    [token] = launcher["file_mounts"]
    assert f"--env=RAY_AUTH_TOKEN_PATH={token}" in options


def test_the_launcher_s_dashboard_is_where_the_stack_s_is_and_on_loopback(launcher: dict[str, Any]) -> None:
    start = launcher["head_start_ray_commands"][-1]

    assert f"--dashboard-port={default('ray_dashboard_port')}" in start
    assert "--dashboard-host=127.0.0.1" in start
