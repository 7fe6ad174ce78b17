"""What a deployment may set, and what it may not leave as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import Settings


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CFTRAY_PORT", "9001")
    monkeypatch.setenv("CFTRAY_DATA_ROOTS", f"{tmp_path}{os.pathsep}{tmp_path / 'more'}")
    settings = Settings()
    assert settings.base_url == "http://127.0.0.1:9001"
    assert settings.data_roots == (tmp_path.resolve(), (tmp_path / "more").resolve())


@pytest.mark.parametrize(
    "wrong",
    [
        {"ray_token": "changeme"},
        {"ray_token": ""},
        {"database_url": "postgresql://cftray:postgres@db/cftray"},
        {"database_url": "mysql://db/cftray"},
        {"database_url": "nonsense"},
        {"ray_address": "ray://head:10001"},
        {"port": 70000},
    ],
)
def test_default_secrets_and_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_secrets_are_not_shown() -> None:
    settings = Settings.model_validate({"ray_token": "s3cr3t-value", "database_url": "postgresql://u:hidden@db/x"})
    assert "s3cr3t-value" not in repr(settings)
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_only_loopback_is_for_this_machine_alone(host: str, loopback: bool) -> None:
    assert Settings(host=host).loopback is loopback


def test_without_keys_the_service_refuses_to_listen_to_the_world(tmp_path: Path) -> None:
    environment = os.environ | {"CFTRAY_HOST": "0.0.0.0"}
    done = subprocess.run([sys.executable, "-m", "api"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_importing_the_service_imports_nothing_heavy() -> None:
    heavy = ["torch", "ray", "deepspeed", "transformers", "lm_eval", "mlflow"]
    check = f"import sys, api.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
