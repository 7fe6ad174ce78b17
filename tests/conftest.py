"""What all tests share: one Ray cluster a session, and a home of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from cluster import stack as embedded
from cluster.settings import ClusterSettings, load
from cluster.state import State
from tests.unit.endpoint.server import Server, completion, running, says

JUDGE = "judge"
"""The name of the session's judge."""

# How long an example takes says nothing on a machine that others use too.
hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")

# Ray reads these when it is imported, and a test module may import it before any fixture runs: without the
# first it replaces 127.0.0.1 by the host's address, where the embedded head does not listen; without the
# second it never shows the head its token.
os.environ.update(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0", RAY_AUTH_MODE="token")


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing a test runs writes into the user's home; compiled ops are kept for the session."""
    before = dict(os.environ)
    caches = tmp_path_factory.mktemp("caches")
    os.environ.update(
        HF_HOME=str(caches / "hf"),
        HF_HUB_OFFLINE="1",
        MPLCONFIGDIR=str(caches / "matplotlib"),
        XDG_CACHE_HOME=str(caches / "xdg"),
        DS_ACCELERATOR="cpu",
        OMP_NUM_THREADS="1",
        TOKENIZERS_PARALLELISM="false",
    )
    os.environ.setdefault("TORCH_EXTENSIONS_DIR", str(caches / "torch_extensions"))
    yield
    os.environ.clear()
    os.environ.update(before)


@dataclass(frozen=True)
class RayHead:
    """A running Ray head: its address for `ray.init`, its dashboard, its token."""

    address: str
    dashboard: str
    token: str


@dataclass(frozen=True)
class EmbeddedStack:
    """The embedded stack of this session."""

    settings: ClusterSettings
    state: State

    @property
    def store(self) -> Path:
        return self.settings.store


class Quiet:
    """Tells nobody of the start."""

    def note(self, text: str) -> None:
        pass

    def waiting(self, names: Sequence[str], seconds: float) -> None:
        pass

    def ready(self, name: str, url: str, seconds: float) -> None:
        pass


@pytest.fixture(scope="session")
def judge() -> Iterator[Server]:
    """A judge that says that an answer is no better than another."""
    with running() as server:
        server.always = says(completion("tie"))
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, judge: Server) -> Iterator[EmbeddedStack]:
    """Ray, MLflow and the API on free ports: one of each for the whole session. They know the judge by name."""
    home = tmp_path_factory.mktemp("stack")
    settings = load(home=home, port=0, mlflow_port=0, ray_dashboard_port=0, cpus=2)
    with pytest.MonkeyPatch.context() as patch:  # no other test shall find it
        patch.setenv("CFTRAY_ENDPOINTS", json.dumps({JUDGE: {"url": judge.url}}))
        state = embedded.up(settings, Quiet())
    try:
        yield EmbeddedStack(settings=settings, state=state)
    finally:
        # A process that is still joined to a head dies with it, and pytest's summary with the process.
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()
        embedded.down(settings)


@pytest.fixture(scope="session")
def ray_head(stack: EmbeddedStack) -> RayHead:
    """The stack's Ray head, with this process allowed to join it."""
    address = (stack.settings.ray_temp / "ray_current_cluster").read_text().strip()
    os.environ.update(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN_PATH=str(stack.settings.token_file),
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_ADDRESS=address,
    )
    token = stack.settings.token_file.read_text().strip()
    return RayHead(address=address, dashboard=stack.state.url("ray"), token=token)
