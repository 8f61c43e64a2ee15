"""Around every request: an id, a line in the log, numbers. Plain ASGI, so that a
streamed answer passes through word by word."""

import logging
import re
import time
import uuid

from . import logs, metrics, stopping
from .settings import settings

log = logging.getLogger("api.request")
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Asked every few seconds by machines: worth a number, not a line.
QUIET = {"/health", "/ready", "/metrics"}


def _header(scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class Observed:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = _header(scope, b"x-request-id")
        identity = given if GIVEN.fullmatch(given) else uuid.uuid4().hex
        logs.request_id.set(identity)
        started = time.perf_counter()
        seen = {"status": 500, "streamed": False, "began": None}

        async def sending(message):
            if message["type"] == "http.response.start":
                seen["status"], seen["began"] = message["status"], time.perf_counter() - started
                headers = message.setdefault("headers", [])
                seen["streamed"] = any(value.startswith(b"text/event-stream") for key, value in headers if key == b"content-type")
                headers.append((b"x-request-id", identity.encode()))
                if stopping.draining():
                    headers.append((b"connection", b"close"))
                if settings.profiling:
                    headers.append((b"server-timing", f"app;dur={seen['began'] * 1000:.1f}".encode()))
            await send(message)

        metrics.OPEN.inc()
        try:
            await self.app(scope, receive, sending)
        finally:
            metrics.OPEN.dec()
            self._tell(scope, seen, time.perf_counter() - started)

    def _tell(self, scope, seen, whole: float) -> None:
        # The route's pattern, never the path: ids would make a series each.
        route = getattr(scope.get("route"), "path", "unknown")
        status = seen["status"]
        metrics.REQUESTS.labels(scope["method"], route, status).inc()
        metrics.SECONDS.labels(scope["method"], route).observe(seen["began"] if seen["streamed"] and seen["began"] else whole)
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "route": route,
            "status": status,
            "duration_ms": round(whole * 1000, 1),
            "client": _header(scope, b"x-real-ip") or (scope.get("client") or ("",))[0],
        }
        level = logging.ERROR if status >= 500 else logging.DEBUG if scope["path"] in QUIET else logging.INFO
        log.log(level, "%s %s %s", scope["method"], scope["path"], status, extra={"fields": fields})
