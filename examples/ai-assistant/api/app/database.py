"""The connection pool and one session a request."""

from collections.abc import Iterator
from functools import cache
from typing import Annotated

import sqlalchemy
from fastapi import Depends
from sqlalchemy.orm import Session

from .settings import settings


def create_engine() -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        # A connection that a restart of the database has cut is replaced.
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 3, "application_name": "ai-assistant"},
    )


engine = cache(create_engine)


def session() -> Iterator[Session]:
    with Session(engine()) as current:
        yield current


Database = Annotated[Session, Depends(session)]
