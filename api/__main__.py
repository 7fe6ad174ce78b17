"""Serve the API: `python -m api`. Settings are `CFTRAY_…` in the environment; see `api.settings`."""

from __future__ import annotations

import logging
import sys

import uvicorn
from pydantic import ValidationError

from api.app import create_app
from api.settings import Settings

log = logging.getLogger("cftray.api")

SHUTDOWN_S = 3
"""An event stream never ends by itself: at shutdown it is cut after this, and its reader goes on later."""


def main() -> int:
    """Serve until told to stop; 2 where the settings are wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            log.error("%s: %s", f"CFTRAY_{name}" if name else "settings", fault["msg"].removeprefix("Value error, "))
        return 2
    if not settings.loopback:
        log.error("CFTRAY_HOST is %s: without access keys the service listens on loopback only", settings.host)
        return 2
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
