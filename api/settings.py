"""What a deployment may choose, from the environment (`CFTRAY_…`); nothing is read on import."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cftray.endpoint import read_endpoints
from cftray.errors import EndpointRefused

DEFAULT_SECRETS = frozenset(
    {"", "changeme", "changethis", "cftray", "default", "password", "postgres", "secret", "token"}
)
"""Values that a copied example leaves behind; a service that starts with them is open to everybody."""

_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)

Roots = Annotated[tuple[Path, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting with its default; an environment variable is `CFTRAY_` and the upper-case name."""

    model_config = SettingsConfigDict(env_prefix="CFTRAY_", extra="ignore", frozen=True, validate_default=True)

    database_url: SecretStr = SecretStr("sqlite:///.cftray/control.db")
    store: Path = Path(".cftray/store")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: Annotated[str | None, Field(description="where people reach the API; null: host and port")] = None
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1 << 20

    ray_address: Annotated[str, Field(description="Ray's dashboard, which serves the job API")] = (
        "http://127.0.0.1:8265"
    )
    ray_token: SecretStr | None = None
    ray_public_url: Annotated[str | None, Field(description="for links; null: ray_address")] = None
    mlflow_url: str | None = None
    mlflow_public_url: Annotated[str | None, Field(description="for links; null: mlflow_url")] = None

    job_python: Annotated[str, Field(description="the interpreter of jobs, where the cluster finds it")] = (
        sys.executable
    )
    job_env: Annotated[dict[str, str], Field(description="environment of jobs; empty: the cluster's")] = {}
    max_jobs: Annotated[int, Field(ge=1, description="jobs at a time; later ones stay queued")] = 8
    max_attempts: Annotated[int, Field(ge=1, description="attempts until infra failures count")] = 3
    retry_backoff_s: Annotated[float, Field(ge=0, description="before a second attempt; doubles")] = 5.0
    cancel_grace_s: Annotated[float, Field(ge=0, description="a job's time to stop by itself")] = 30.0
    heartbeat_ttl_s: Annotated[float, Field(gt=0, description="silence of a job that Ray calls ended")] = 15.0
    lost_after_s: Annotated[float, Field(gt=0, description="silence of a job that Ray calls running")] = 180.0
    poll_s: Annotated[float, Field(gt=0, description="between looks while something is open")] = 0.5
    idle_poll_s: Annotated[float, Field(gt=0, description="between looks otherwise")] = 5.0

    data_roots: Roots = ()
    model_roots: Roots = ()
    endpoints: Annotated[str | None, Field(description="named endpoints: a YAML or JSON file, or the text")] = None

    @field_validator("data_roots", "model_roots", mode="before")
    @classmethod
    def _from_path_list(cls, value: Any) -> Any:
        """Like PATH: folders joined by the system's path separator."""
        parts = value.split(os.pathsep) if isinstance(value, str) else value
        return tuple(Path(part).expanduser().resolve() for part in parts if str(part))

    @field_validator("endpoints")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            read_endpoints(value)
        except EndpointRefused as error:
            raise ValueError(error.message) from None
        return value

    @field_validator("store")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("ray_address", "public_url", "mlflow_url", "ray_public_url", "mlflow_public_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        _URL.validate_python(value)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _no_default_secrets(self) -> Self:
        if self.ray_token is not None and self.ray_token.get_secret_value().strip().lower() in DEFAULT_SECRETS:
            raise ValueError("CFTRAY_RAY_TOKEN is an example's value; generate one (`openssl rand -hex 32`)")
        try:
            url = make_url(self.database_url.get_secret_value())
        except ArgumentError as error:
            raise ValueError(
                "CFTRAY_DATABASE_URL is no database URL; expected sqlite:///… or postgresql://…"
            ) from error
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError(f"CFTRAY_DATABASE_URL names {url.get_backend_name()}; expected sqlite or postgresql")
        if url.password is not None and str(url.password).lower() in DEFAULT_SECRETS:
            raise ValueError("CFTRAY_DATABASE_URL holds an example's password; set one of your own")
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def base_url(self) -> str:
        """The service's address for links."""
        return self.public_url or f"http://{self.host}:{self.port}"
