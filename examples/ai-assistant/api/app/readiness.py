"""Whether the api can do its work: each configured dependency is asked, all at once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor, wait

import httpx
from fastapi import Response
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from . import cache, database, fulltext, metrics, vectors
from .settings import settings

WITHIN = 5.0
asking = ThreadPoolExecutor(max_workers=10, thread_name_prefix="ready")


class NotYet(Exception):
    """It answers, and is not what is needed."""


def _database() -> None:
    with database.engine().connect() as connection:
        if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
            raise NotYet("not migrated")
        if connection.execute(text("SELECT version_num FROM alembic_version")).scalar() is None:
            raise NotYet("not migrated")


def _model() -> None:
    httpx.get(f"{settings.ollama_url}/api/tags", timeout=3).raise_for_status()


def _configured() -> dict:
    asked = {"database": _database}
    if cache.client is not None:
        asked["cache"] = cache.client.ping
    if vectors.client is not None:
        asked["vectors"] = vectors.look
    if fulltext.client is not None:
        asked["search"] = fulltext.look
    if settings.ollama_url:
        asked["model"] = _model
    return asked


def _verdict(name: str, ask) -> dict:
    started = time.perf_counter()
    try:
        ask()
        status, detail = "ok", None
    except NotYet as error:
        status, detail = str(error), None
    except Exception as error:  # Whatever a client raises: the dependency is not usable.
        # The kind only: messages of drivers name hosts and users.
        status, detail = "unreachable", type(error).__name__
    seconds = time.perf_counter() - started
    metrics.UP.labels(name).set(1 if status == "ok" else 0)
    metrics.LATENCY.labels(name).observe(seconds)
    verdict = {"status": status, "latency_ms": round(seconds * 1000, 1)}
    return {**verdict, "detail": detail} if detail else verdict


def look() -> dict[str, dict]:
    """The verdict on each configured dependency; the numbers for Prometheus are set too."""
    futures = {name: asking.submit(_verdict, name, ask) for name, ask in _configured().items()}
    wait(futures.values(), timeout=WITHIN)
    late = {"status": "unreachable", "latency_ms": WITHIN * 1000, "detail": "no answer in time"}
    return {name: future.result() if future.done() else late for name, future in futures.items()}


async def keep_looking() -> None:
    """So that the numbers are of now although nobody asks /ready."""
    while True:
        await run_in_threadpool(look)
        await asyncio.sleep(15)


def ready(response: Response) -> dict:
    """200 when every configured dependency answers, else 503; each with its own verdict."""
    checks = look()
    good = all(verdict["status"] == "ok" for verdict in checks.values())
    response.status_code = 200 if good else 503
    return {"status": "ready" if good else "not ready", "checks": checks}
