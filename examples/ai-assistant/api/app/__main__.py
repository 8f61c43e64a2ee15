"""Runs the server: python3 -m app."""

import uvicorn

from . import logs, stopping
from .settings import settings

if __name__ == "__main__":
    logs.configure()
    stopping.begin()
    limits = {}
    if settings.max_requests:
        limits = {"limit_max_requests": settings.max_requests, "limit_max_requests_jitter": settings.max_requests_jitter}
    uvicorn.run(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        **limits,
    )
