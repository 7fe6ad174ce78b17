"""What the embedded stack lets one choose, from the environment (`CFTRAY_…`)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cluster.errors import ClusterError

PROJECT = Path(__file__).resolve().parent.parent
"""Where this `cluster` package lies: a checkout, or site-packages."""

LOOPBACK = "127.0.0.1"

Port = Annotated[int, Field(ge=0, le=65535)]

SOCKET_ROOM = 42
"""Characters that Ray leaves of AF_UNIX's 107 bytes for the folder above its session's sockets."""


def default_home() -> Path:
    """`.cftray` in the checkout, or in the working folder where the package is installed."""
    return (PROJECT if (PROJECT / "pyproject.toml").exists() else Path.cwd()) / ".cftray"


class ClusterSettings(BaseSettings):
    """Every setting with its default; an environment variable is `CFTRAY_` and the upper-case name.

    A port of 0 stands for any free one.
    """

    model_config = SettingsConfigDict(env_prefix="CFTRAY_", extra="ignore", frozen=True, validate_default=True)

    home: Annotated[Path, Field(description="state, logs and results", default_factory=default_home)]
    port: Annotated[Port, Field(description="the API")] = 8000
    mlflow_port: Annotated[Port, Field(description="the MLflow server")] = 5000
    ray_dashboard_port: Annotated[Port, Field(description="Ray's dashboard and job API")] = 8265
    ray_port: Annotated[Port, Field(description="Ray's control store; 0: any free one")] = 0
    cpus: Annotated[int | None, Field(ge=1, description="cores that Ray may give out; null: all")] = None
    object_store_mb: Annotated[int, Field(ge=80, description="shared memory of Ray's object store")] = 1024
    start_timeout_s: Annotated[float, Field(gt=0, description="until every part answers")] = 180.0
    stop_grace_s: Annotated[float, Field(ge=0, description="from the polite signal to the hard one")] = 5.0

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def logs(self) -> Path:
        """Logs of the parts, one file each."""
        return self.home / "logs"

    @property
    def store(self) -> Path:
        """Records and outputs of stages."""
        return self.home / "store"

    @property
    def token_file(self) -> Path:
        """The token that Ray asks for."""
        return self.home / "ray-token"

    @property
    def identity(self) -> str:
        """Names this stack: in its processes' environment and in its temporary folder's name."""
        return hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:12]

    @property
    def ray_temp(self) -> Path:
        """A short folder for Ray's sockets, whose paths may hold 107 bytes in all."""
        name = f"cftray-{os.getuid()}-{self.identity}"
        root = Path(tempfile.gettempdir())
        return (root if len(str(root / name)) <= SOCKET_ROOM else Path("/tmp")) / name


def load(**changes: Any) -> ClusterSettings:
    """Settings from the environment, with `changes`. Raises ClusterError in words of the environment."""
    try:
        return ClusterSettings(**changes)
    except ValidationError as error:
        lines = [f"CFTRAY_{str(one['loc'][0]).upper()}={one['input']}: {one['msg']}" for one in error.errors()]
        raise ClusterError("\n".join(lines)) from error
