"""The api: its routes, and how it says that it lives and that it can work."""

import asyncio
import contextlib
import logging

from fastapi import FastAPI

from . import chat, documents, logs, metrics, model, readiness, stopping, users
from .requests import Observed
from .settings import settings

logs.configure()


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI):
    stopping.watch()
    logging.getLogger("api").info("started", extra={"fields": {"model": model.name(), "environment": settings.environment}})
    looking = asyncio.create_task(readiness.keep_looking())
    yield
    looking.cancel()
    logging.getLogger("api").info("stopped")


app = FastAPI(title="AI Assistant", version="1.0.0", lifespan=lifespan)
app.add_middleware(Observed)
app.include_router(users.router)
app.include_router(documents.router)
app.include_router(chat.router)
app.get("/metrics", include_in_schema=False)(metrics.metrics)
app.get("/ready")(readiness.ready)


@app.get("/health")
async def health() -> dict[str, str]:
    """The process answers. Says nothing of others: restarting the api would not
    bring a lost database back."""
    return {"status": "ok"}


@app.get("/api/info")
async def info() -> dict:
    return {
        "version": app.version,
        "environment": settings.environment,
        "model": model.name(),
        "search": {"text": "elasticsearch" if settings.elasticsearch_url else "database", "vector": bool(settings.qdrant_url)},
        "integrations": settings.integrations,
    }
