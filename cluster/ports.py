"""Which ports are free, and who holds the others."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import psutil

from cluster.errors import PortInUse
from cluster.settings import LOOPBACK


def is_free(port: int) -> bool:
    """Whether one can listen on the port on loopback now."""
    with socket.socket() as probe:
        # Without this a port stays taken for a minute after its last connection closed.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free(count: int) -> list[int]:
    """That many distinct free ports."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def listener(port: int) -> int | None:
    """The process that listens on the port, where this user may know it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
            return int(one.pid)
    return None


def describe(pid: int) -> str:
    """`process 123 (name)`."""
    try:
        return f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.Error:
        return f"process {pid}"


def choose(port: int, setting: str, what: str) -> int:
    """The port itself, or any free one for 0. Raises PortInUse, which names the setting and the holder."""
    if port == 0:
        return any_free(1)[0]
    if is_free(port):
        return port
    by = listener(port)
    raise PortInUse(
        f"port {port}, wanted for {what}, is in use{f' by {describe(by)}' if by else ''}; "
        f"end that, or choose another with {setting}=…"
    )
