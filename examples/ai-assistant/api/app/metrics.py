"""Numbers for Prometheus, over all workers of the process."""

import os

from .settings import settings

# Workers share their numbers through files; the client wants to know before it
# is imported. /tmp is a tmpfs: a restart begins at zero.
if settings.workers > 1:
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "/tmp/metrics")
    os.makedirs(os.environ["PROMETHEUS_MULTIPROC_DIR"], exist_ok=True)

from fastapi import HTTPException, Response  # noqa: E402
from prometheus_client import (  # noqa: E402
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time until the answer is complete, for streams until it begins",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
OPEN = Gauge("http_requests_in_progress", "Requests being answered", multiprocess_mode="livesum")
CACHE = Counter("cache_reads_total", "Reads of the cache", ["result"])
INDEXED = Counter("documents_indexed_total", "Documents sent to the indexes", ["result"])
CHAT_EVENTS = Counter("chat_events_total", "Events of streamed answers", ["model"])
UP = Gauge("dependency_up", "1 while a dependency answers, looked at every 15 seconds", ["dependency"], multiprocess_mode="mostrecent")
LATENCY = Histogram("dependency_latency_seconds", "Time a dependency takes to say that it is there", ["dependency"])


def metrics() -> Response:
    if not settings.metrics:
        raise HTTPException(404, "ENABLE_METRICS is false")
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
