"""The api: its routes and how it says that it lives and that it can work."""

from typing import Annotated

import redis
from fastapi import Depends, FastAPI, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from . import cache, chat, database, items, metrics

app = FastAPI(title="AI Assistant", version="1.0.0")
app.middleware("http")(metrics.measure)
app.include_router(items.router)
app.include_router(chat.router)
app.get("/metrics", include_in_schema=False)(metrics.metrics)


@app.get("/health")
def health() -> dict[str, str]:
    """The process answers. Says nothing of others: restarting the api would not
    bring a lost database back."""
    return {"status": "ok"}


def _database(session: Session) -> str:
    try:
        revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return "ok" if revision else "not migrated"
    except SQLAlchemyError as error:
        missing = getattr(error.orig, "sqlstate", None) == "42P01" if hasattr(error, "orig") else False
        return "not migrated" if missing else "unreachable"


def _cache() -> str:
    try:
        cache.client.ping()
        return "ok"
    except redis.RedisError:
        return "unreachable"


@app.get("/ready")
def ready(response: Response, session: Annotated[Session, Depends(database.session)]) -> dict[str, str]:
    """The api can do its work: its database is migrated and its cache answers."""
    report = {"database": _database(session), "cache": _cache()}
    if set(report.values()) != {"ok"}:
        response.status_code = 503
    return report
