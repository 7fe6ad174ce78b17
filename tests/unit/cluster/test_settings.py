"""Settings come from the environment, and what the parts are started with follows from them."""

from __future__ import annotations

import importlib.util
import os
import runpy
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import api_server, mlflow_server, ray_head
from cluster.environment import base_environment
from cluster.errors import ClusterError
from cluster.services import Links
from cluster.settings import SOCKET_ROOM, ClusterSettings, load

LINKS = Links(
    api="http://127.0.0.1:8000", mlflow="http://127.0.0.1:5000", ray="http://127.0.0.1:8265", ray_token="t" * 64
)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ClusterSettings]:
    made = ClusterSettings(home=tmp_path / "home")
    made.home.mkdir()
    yield made
    ray_head.remove_temp(made.ray_temp)


def test_a_wrong_setting_is_refused_in_words_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFTRAY_PORT", "http")
    with pytest.raises(ClusterError, match="CFTRAY_PORT=http"):
        load()


def test_the_folder_of_sockets_is_short_however_deep_the_state_lies(tmp_path: Path) -> None:
    deep = ClusterSettings(home=tmp_path.joinpath(*["a-rather-long-folder-name"] * 12))
    other = ClusterSettings(home=tmp_path / "other")

    assert len(str(deep.ray_temp)) <= max(SOCKET_ROOM, len(f"/tmp/{deep.ray_temp.name}"))
    assert deep.ray_temp != other.ray_temp


def test_the_folder_of_sockets_is_for_its_owner_alone_and_made_anew(tmp_path: Path) -> None:
    temp = tmp_path / "ray"
    ray_head.make_temp(temp)
    (temp / "old").touch()

    ray_head.make_temp(temp)

    assert stat.S_IMODE(temp.stat().st_mode) == 0o700
    assert list(temp.iterdir()) == []


def test_a_link_in_the_place_of_the_folder_of_sockets_is_refused(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "ray").symlink_to(precious)

    with pytest.raises(ClusterError, match="not this user's folder"):
        ray_head.make_temp(tmp_path / "ray")

    assert precious.is_dir()


def test_the_token_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ray-token"

    first = ray_head.token(path)

    assert len(first) == 64
    assert ray_head.token(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_of_the_shell_do_not_reach_the_workers(
    settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("CFTRAY_API_KEY", "secret")
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "eth0")

    env = ray_head.service(settings, LINKS).env

    assert "secret" not in env.values()
    assert env["NCCL_SOCKET_IFNAME"] == "eth0"
    assert LINKS.ray_token not in env.values()


def test_keys_of_the_operator_s_endpoints_reach_those_who_ask_and_no_others(
    settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "endpoints.yaml").write_text("judge: {url: 'https://host/v1', key_env: JUDGE_KEY}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CFTRAY_ENDPOINTS", "endpoints.yaml")
    monkeypatch.setenv("JUDGE_KEY", "sk-judge")
    monkeypatch.setenv("OTHER_KEY", "sk-other")

    asking, planning = ray_head.service(settings, LINKS).env, api_server.service(settings, LINKS).env

    assert asking["JUDGE_KEY"] == "sk-judge"
    assert {"sk-judge", "sk-other"} & set(planning.values()) == set()
    assert "sk-other" not in asking.values()
    assert asking["CFTRAY_ENDPOINTS"] == planning["CFTRAY_ENDPOINTS"] == str(tmp_path / "endpoints.yaml")


def test_endpoints_that_can_t_be_read_are_told_before_anything_starts(
    settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFTRAY_ENDPOINTS", "{judge: {url: nowhere}}")
    with pytest.raises(ClusterError, match=r"judge\.url"):
        ray_head.service(settings, LINKS)


def test_caches_lie_in_the_stack_s_folder(settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HOME", raising=False)

    env = base_environment(settings)

    for name in ("XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR", "TORCH_EXTENSIONS_DIR", "TRITON_CACHE_DIR"):
        assert Path(env[name]).is_relative_to(settings.home), name


def test_everything_listens_on_loopback(settings: ClusterSettings) -> None:
    ray = ray_head.service(settings, LINKS)
    options = dict(zip(ray.command, ray.command[1:], strict=False))

    assert options["--node-ip-address"] == options["--dashboard-host"] == "127.0.0.1"
    assert ray.env["RAY_AUTH_MODE"] == "token"
    assert "127.0.0.1" in mlflow_server.service(settings, LINKS).command
    assert api_server.service(settings, LINKS).env["CFTRAY_HOST"] == "127.0.0.1"


def test_the_api_s_own_settings_reach_it(settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("api.settings")
    from api.settings import Settings

    monkeypatch.setenv("CFTRAY_MAX_JOBS", "3")
    env = api_server.service(settings, LINKS).env
    for name in [name for name in os.environ if name.startswith("CFTRAY_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    seen = Settings()

    assert seen.max_jobs == 3
    assert seen.port == 8000
    assert seen.store == settings.store
    assert seen.ray_token is not None
    assert seen.ray_token.get_secret_value() == LINKS.ray_token
    assert seen.mlflow_url == LINKS.mlflow
    assert seen.database_url.get_secret_value() == f"sqlite:///{settings.home}/control.db"


def test_mlflow_is_told_by_the_names_that_it_reads(settings: ClusterSettings) -> None:
    package = importlib.util.find_spec("mlflow")
    if package is None or package.origin is None:
        pytest.skip("mlflow is not installed")
    # The file by itself: the package around it takes seconds to import.
    constants = runpy.run_path(str(Path(package.origin).parent / "server/constants.py"))

    env = mlflow_server.service(settings, LINKS).env

    for name in ("BACKEND_STORE_URI", "ARTIFACT_ROOT", "ARTIFACTS_DESTINATION", "SERVE_ARTIFACTS"):
        assert constants[f"{name}_ENV_VAR"] in env
