"""The Ray head of the embedded stack: dashboard and job API on loopback, behind a token."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cluster.environment import base_environment, endpoint_environment, has_gpu, threads
from cluster.errors import ClusterError
from cluster.ports import any_free, choose
from cluster.services import Links, Service, answers
from cluster.settings import LOOPBACK, ClusterSettings

HOOK = "cluster.ray_hook.before_start"


class AgentPorts(NamedTuple):
    """Where the node's agents listen; chosen before they start, for `cluster.ray_hook`."""

    http: int
    grpc: int
    metrics: int
    runtime_env: int


def service(settings: ClusterSettings, links: Links) -> Service:
    """A head whose every port listens on loopback."""
    gcs = choose(settings.ray_port, "CFTRAY_RAY_PORT", "Ray's control store")
    ports = AgentPorts(*any_free(4))
    dashboard_metrics = any_free(1)[0]
    temp = make_temp(settings.ray_temp)
    return Service(
        name="ray",
        command=_command(settings, links, temp, gcs, ports),
        env=_environment(settings, temp, gcs=gcs, metrics=dashboard_metrics),
        folder=settings.home,
        log=settings.logs / "ray.log",
        url=links.ray,
        # The dashboard takes jobs, the node's agent starts them.
        ready=lambda: (
            answers(f"http://{LOOPBACK}:{ports.http}/api/local_raylet_healthz", links.ray_token)
            and answers(f"{links.ray}/api/jobs/", links.ray_token)
        ),
    )


def token(path: Path) -> str:
    """The token in `path`, made at first use and readable by its owner alone."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
    return path.read_text(encoding="utf-8").strip()


def make_temp(path: Path) -> Path:
    """An empty folder of this user alone. Raises ClusterError where somebody else has put one there."""
    remove_temp(path)
    path.mkdir(mode=0o700, parents=False)
    return path


def remove_temp(path: Path) -> None:
    """Remove what `make_temp` made, if it is there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise ClusterError(f"{path} is not this user's folder; remove it, or set TMPDIR to another place")
    shutil.rmtree(path, ignore_errors=True)


def keep_logs(temp: Path, folder: Path) -> None:
    """Save the logs of Ray's last session, which lie in its temporary folder, in `folder`."""
    session = temp / "session_latest" / "logs"
    if session.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(session.resolve(), folder, symlinks=True, ignore_dangling_symlinks=True)


def _command(settings: ClusterSettings, links: Links, temp: Path, gcs: int, ports: AgentPorts) -> tuple[str, ...]:
    options: dict[str, object] = {
        "node-ip-address": LOOPBACK,
        "port": gcs,
        "dashboard-host": LOOPBACK,
        "dashboard-port": urlsplit(links.ray).port,
        "dashboard-agent-listen-port": ports.http,
        "dashboard-agent-grpc-port": ports.grpc,
        "metrics-export-port": ports.metrics,
        "runtime-env-agent-port": ports.runtime_env,
        "min-worker-port": 0,  # any free ones, so that stacks side by side don't meet
        "max-worker-port": 0,
        "object-store-memory": settings.object_store_mb << 20,
        "temp-dir": temp,
        "num-cpus": settings.cpus or os.cpu_count() or 1,
        "log-color": "false",
    }
    flags = ("--head", "--block", "--disable-usage-stats", "--no-monitor")
    pairs = (text for name, value in options.items() for text in (f"--{name}", str(value)))
    return (sys.executable, "-m", "ray.scripts.scripts", "start", *flags, *pairs)


def _environment(settings: ClusterSettings, temp: Path, *, gcs: int, metrics: int) -> dict[str, str]:
    """Ray's own settings; its workers, and so all jobs, inherit them."""
    chosen = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.token_file),
        # Despite its name this decides, on Linux too, whether a node given 127.0.0.1 stays on loopback.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_START_HOOK": HOOK,
        "RAY_TMPDIR": str(temp),
        # Some of Ray's own actors look for a cluster by themselves and give up where they find two.
        "RAY_ADDRESS": f"{LOOPBACK}:{gcs}",
        "DASHBOARD_METRIC_PORT": str(metrics),
        # Ray Train's controller looks at its workers this often; the default of 2 s costs 3 s a phase.
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
        # A draining pause is for Ray Serve's callers, of whom there are none.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        # A busy machine is slow, not broken: processes of Ray get the time that the whole start gets.
        "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(int(settings.start_timeout_s)),
        "RAY_worker_register_timeout_seconds": str(int(settings.start_timeout_s)),
        "RAY_COLOR_PREFIX": "0",
    }
    env = {"OMP_NUM_THREADS": str(threads(settings))} | endpoint_environment() | base_environment(settings) | chosen
    return env if has_gpu() else {"DS_ACCELERATOR": "cpu"} | env
