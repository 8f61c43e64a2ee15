"""What the environment says, read once."""

import os
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url


def _database_url() -> URL:
    if url := os.environ.get("DATABASE_URL"):
        return make_url(url)
    # In parts, so that a password may hold any character.
    return URL.create(
        "postgresql+psycopg",
        username=os.environ.get("POSTGRES_USER", "postgres"),
        password=os.environ.get("POSTGRES_PASSWORD"),
        host=os.environ.get("POSTGRES_HOST", "localhost"),
        port=int(os.environ.get("POSTGRES_PORT", "5432")),
        database=os.environ.get("POSTGRES_DB", "postgres"),
    )


@dataclass(frozen=True)
class Settings:
    database_url: URL = field(default_factory=_database_url)
    database_pool_size: int = int(os.environ.get("DATABASE_POOL_SIZE", "5"))
    redis_url: str = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
    cache_ttl: int = int(os.environ.get("CACHE_TTL", "30"))


settings = Settings()
