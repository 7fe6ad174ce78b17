"""What Ray's own process is asked to do differently, against the pinned Ray's private parts."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster import ray_hook
from cluster.ray_head import HOOK

raylet = pytest.importorskip("ray._raylet")


def test_the_hook_is_where_ray_is_told_to_find_it() -> None:
    module, _, name = HOOK.rpartition(".")

    assert module == ray_hook.__name__
    assert callable(getattr(ray_hook, name))


def test_files_of_chosen_ports_are_there_before_the_raylet_starts(tmp_path: Path) -> None:
    node = raylet.NodeID.from_random().hex()
    port_file = tmp_path / raylet.get_port_filename(node, raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME)
    seen: list[int] = []

    def start_raylet(
        node_id: str, session_dir: str, *, dashboard_agent_listen_port: int, metrics_export_port: int | None = None
    ) -> str:
        seen.append(int(port_file.read_text()))
        return "started"

    start = ray_hook.told_of_ports(start_raylet)

    assert start(node, str(tmp_path), dashboard_agent_listen_port=45678) == "started"
    assert seen == [45678]
    assert [path.name for path in tmp_path.iterdir()] == [port_file.name]


def test_the_pinned_ray_takes_the_arguments_that_the_hook_reads() -> None:
    from ray._private import services

    names = set(inspect.signature(services.start_raylet).parameters)

    assert names >= {
        "session_dir", "node_id", "metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port",
        "runtime_env_agent_port",
    }  # fmt: skip


def test_a_worker_node_is_left_as_it_is() -> None:
    parameters = SimpleNamespace(ray_client_server_port=10001)

    ray_hook.before_start(parameters, head=False)

    assert parameters.ray_client_server_port == 10001
