"""Requests counted and timed for Prometheus, over all workers of the process."""

import os
import time

# Workers share their numbers through files; the client wants to know before it
# is imported. /tmp is a tmpfs: a restart begins at zero.
if int(os.environ.get("API_WORKERS", "1")) > 1:
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "/tmp/metrics")
    os.makedirs(os.environ["PROMETHEUS_MULTIPROC_DIR"], exist_ok=True)

from fastapi import Request, Response  # noqa: E402
from prometheus_client import (  # noqa: E402
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("http_request_duration_seconds", "Time to answer", ["method", "route"])


async def measure(request: Request, call_next):
    started = time.perf_counter()
    status = 500
    try:
        response = await call_next(request)
        status = response.status_code
        return response
    finally:
        # The route's pattern, never the path: ids would make a series each.
        route = getattr(request.scope.get("route"), "path", "unknown")
        REQUESTS.labels(request.method, route, status).inc()
        SECONDS.labels(request.method, route).observe(time.perf_counter() - started)


def metrics() -> Response:
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
