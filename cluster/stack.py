"""The embedded stack as a whole: every part up and answering, or none of them running."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

from cluster import api_server, mlflow_server, ray_head, state
from cluster.errors import AlreadyUp, StartFailed, StopFailed
from cluster.ports import choose, describe, listener
from cluster.processes import Child, ProcessId, ask, family, start, stop, tail
from cluster.services import Links, Recipe, Service
from cluster.settings import LOOPBACK, ClusterSettings
from cluster.state import Part, State

PARTS: Mapping[str, Recipe] = MappingProxyType(
    {"ray": ray_head.service, "mlflow": mlflow_server.service, "api": api_server.service}
)
PROBE_EVERY_S = 0.2
STRANGERS_EVERY_S = 2.0


class Tell(Protocol):
    """How progress reaches whoever asked."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def waiting(self, names: Sequence[str], seconds: float) -> None:
        """These parts do not answer yet, after so many seconds."""

    def ready(self, name: str, url: str, seconds: float) -> None:
        """A part answers."""


def up(settings: ClusterSettings, tell: Tell, parts: Mapping[str, Recipe] = PARTS) -> State:
    """Start all parts at once and wait until each answers.

    Raises AlreadyUp, Busy, PortInUse before anything is started; StartFailed after everything that was
    started is stopped again. The same holds for any exception on the way, KeyboardInterrupt included.
    """
    with state.locked(settings.home):
        _refuse_or_clean(settings, tell)
        links = _links(settings, parts)
        services = [recipe(settings, links) for recipe in parts.values()]
        try:
            children = _start(settings, services)
            _await_ready(settings, services, children, tell)
        except BaseException:
            tell.note("stopping what was started")
            _stop(settings)
            raise
        found = state.read(settings.home)
        assert found is not None
        whole = found.model_copy(update={"ready": True})
        state.write(settings.home, whole)
        return whole


def down(settings: ClusterSettings) -> bool:
    """Stop everything that `up` started and all that came from it; False where there was nothing.

    Raises Busy, and StopFailed where something outlives every signal.
    """
    with state.locked(settings.home):
        known = state.read(settings.home)
        there = known is not None or bool(family([], settings.identity))
        _stop(settings)
        return there


def current(settings: ClusterSettings) -> State | None:
    """The stack of this folder while all its parts run."""
    known = state.read(settings.home)
    whole = known is not None and known.ready and len(known.living) == len(known.parts)
    return known if whole else None


def _refuse_or_clean(settings: ClusterSettings, tell: Tell) -> None:
    running = current(settings)
    if running is not None:
        addresses = ", ".join(f"{part.name} {part.url}" for part in running.parts)
        raise AlreadyUp(f"the stack in {settings.home} is up: {addresses}; stop it with `make down`")
    known = state.read(settings.home)
    if known is not None:
        ended = [part.name for part in known.parts if part.name not in known.living]
        what = f"{', '.join(ended)} ended" if ended else "the last start was cut off"
        tell.note(f"{settings.home / 'state.json'} is of a stack that is not whole ({what}): cleaning up")
    elif family([], settings.identity):
        tell.note("processes of a stack without a state file are running: stopping them")
    _stop(settings)


def _links(settings: ClusterSettings, parts: Mapping[str, Recipe]) -> Links:
    """An address for each part; a port is looked at only where the part is to be started."""
    wanted = {
        "api": (settings.port, "CFTRAY_PORT", "the API"),
        "mlflow": (settings.mlflow_port, "CFTRAY_MLFLOW_PORT", "MLflow"),
        "ray": (settings.ray_dashboard_port, "CFTRAY_RAY_DASHBOARD_PORT", "Ray's dashboard"),
    }
    urls = {
        name: f"http://{LOOPBACK}:{choose(*choice) if name in parts else choice[0]}" for name, choice in wanted.items()
    }
    return Links(**urls, ray_token=ray_head.token(settings.token_file))


def _start(settings: ClusterSettings, services: Sequence[Service]) -> list[Child]:
    """Start the parts; each is in the state file before the next is started."""
    children: list[Child] = []
    parts: list[Part] = []
    for service in services:
        child = start(service.command, env=service.env, log=service.log, folder=service.folder)
        children.append(child)
        parts.append(Part(name=service.name, process=child.id, url=service.url, log=service.log))
        state.write(settings.home, State(ready=False, parts=tuple(parts)))
    return children


def _await_ready(settings: ClusterSettings, services: Sequence[Service], children: Sequence[Child], tell: Tell) -> None:
    started = looked = time.monotonic()
    waiting = dict(zip((service.name for service in services), zip(services, children, strict=True), strict=True))
    while waiting:
        seconds = time.monotonic() - started
        tell.waiting(list(waiting), seconds)
        if seconds > settings.start_timeout_s:
            _, (service, _) = waiting.popitem()
            raise _failure(service, f"does not answer after {seconds:.0f} s (CFTRAY_START_TIMEOUT_S)")
        for name, (service, child) in list(waiting.items()):
            if child.popen.poll() is not None:
                raise _failure(service, f"ended with exit code {child.popen.returncode} before it was ready")
            if service.ready():
                _check_listener(settings, service, child.id)
                tell.ready(name, service.url, time.monotonic() - started)
                del waiting[name]
        if waiting and time.monotonic() - looked > STRANGERS_EVERY_S:
            looked = time.monotonic()
            for service, child in waiting.values():
                _check_listener(settings, service, child.id)
        if waiting:
            time.sleep(PROBE_EVERY_S)


def _check_listener(settings: ClusterSettings, service: Service, root: ProcessId) -> None:
    """Whoever listens is ours: a stranger may have taken the port after it was found free."""
    port = urlsplit(service.url).port
    pid = listener(port) if port else None
    if pid is not None and pid not in {one.pid for one in family([root], settings.identity)}:
        raise _failure(service, f"found port {port} taken meanwhile by {describe(pid)}")


def _failure(service: Service, what: str) -> StartFailed:
    lines = "".join(f"\n  {line}" for line in tail(service.log))
    return StartFailed(f"{service.name} {what}; the end of {service.log}:{lines or ' nothing'}")


def _stop(settings: ClusterSettings) -> None:
    known = state.read(settings.home)
    parts = known.parts if known is not None else ()
    # The API first: it must not take a head that is going down for one that failed.
    ask([part.process for part in parts if part.name == "api"], grace_s=settings.stop_grace_s)
    left = stop([part.process for part in parts], settings.identity, grace_s=settings.stop_grace_s)
    if left:
        raise StopFailed(f"still running after SIGKILL: {', '.join(describe(one.pid) for one in left)}")
    ray_head.keep_logs(settings.ray_temp, settings.logs / "ray")
    ray_head.remove_temp(settings.ray_temp)
    state.clear(settings.home)
