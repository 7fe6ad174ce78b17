"""Databases that the contracts run over."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres of the session's own on a Unix socket; it runs as `postgres`, never as root."""
    initdb = shutil.which("initdb") or (str(BINARIES[-1]) if BINARIES else None)
    if initdb is None:
        pytest.skip("PostgreSQL's server is not installed (initdb not found): this part runs where it is")
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="cftray-pg-"))
    shutil.chown(folder, user)
    control = str(Path(initdb).with_name("pg_ctl"))
    cluster = str(folder / "data")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    _run([initdb, "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8"], user)
    _run([control, "-D", cluster, "-o", options, "-l", str(folder / "log"), "-w", "start"], user)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        _run([control, "-D", cluster, "-m", "immediate", "stop"], user)
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(command: list[str], user: str) -> None:
    subprocess.run(
        command, user=user if os.getuid() == 0 else None, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=120
    )
