"""The connection pool and one session a request."""

from collections.abc import Iterator
from functools import cache

import sqlalchemy
from sqlalchemy.orm import Session

from .settings import settings


def create_engine() -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        # A connection that a restart of the database has cut is replaced.
        pool_pre_ping=True,
        connect_args={"connect_timeout": 3},
    )


engine = cache(create_engine)


def session() -> Iterator[Session]:
    with Session(engine()) as current:
        yield current
