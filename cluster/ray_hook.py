"""What Ray is asked to do differently when the embedded head starts; runs inside Ray's own process.

Ray's raylet starts its agents and then waits for a file from each that says where it listens: 15 s, a
constant, and then it aborts. On a busy machine importing an agent takes longer, and a start that would
have succeeded ends. Here the ports are chosen before, so the files are written before, too.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any


def before_start(parameters: Any, head: bool) -> None:
    """RAY_START_HOOK: Ray calls this with its parameters before it starts any process."""
    if not head:
        return
    services: Any = importlib.import_module("ray._private.services")
    parameters.ray_client_server_port = None  # nobody here uses Ray Client, so its server need not run
    services.start_raylet = told_of_ports(services.start_raylet)


def told_of_ports(start_raylet: Callable[..., Any]) -> Callable[..., Any]:
    """`start_raylet` that finds the files of its agents' ports written."""
    raylet: Any = importlib.import_module("ray._raylet")
    arguments = {
        raylet.METRICS_AGENT_PORT_NAME: "metrics_agent_port",
        raylet.METRICS_EXPORT_PORT_NAME: "metrics_export_port",
        raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME: "dashboard_agent_listen_port",
        raylet.RUNTIME_ENV_AGENT_PORT_NAME: "runtime_env_agent_port",
    }

    @functools.wraps(start_raylet)
    def start(*positional: Any, **named: Any) -> Any:
        given = inspect.signature(start_raylet).bind(*positional, **named).arguments
        for file_name, argument in arguments.items():
            if given.get(argument):
                raylet.persist_port(given["session_dir"], given["node_id"], file_name, given[argument])
        return start_raylet(*positional, **named)

    return start
