"""The cache: an answer it cannot give is asked of the database instead."""

import logging

import redis

from . import metrics
from .settings import settings

log = logging.getLogger("api.cache")
client = (
    redis.Redis.from_url(
        settings.redis_url,
        max_connections=settings.redis_pool_size,
        socket_timeout=settings.redis_timeout,
        socket_connect_timeout=settings.redis_timeout,
        decode_responses=True,
    )
    if settings.redis_url
    else None
)
# Every key hangs on a generation: forgetting them all is one increment.
GENERATION = "documents:generation"


def key(name: str) -> str | None:
    """Where the value belongs now. Taken before the database is asked: what changes
    meanwhile moves on to another generation, and the old value with the old key."""
    if client is None:
        return None
    try:
        return f"documents:{client.get(GENERATION) or 0}:{name}"
    except redis.RedisError as error:
        log.warning("cache not reached: %s", error)
        return None


def read(place: str | None) -> str | None:
    if place is None:
        return None
    try:
        found = client.get(place)
    except redis.RedisError as error:
        log.warning("cache not read: %s", error)
        metrics.CACHE.labels("error").inc()
        return None
    metrics.CACHE.labels("hit" if found is not None else "miss").inc()
    return found


def write(place: str | None, value: str) -> None:
    if place is None:
        return
    try:
        client.set(place, value, ex=settings.cache_ttl)
    except redis.RedisError as error:
        log.warning("cache not written: %s", error)


def forget() -> None:
    """What was read before a change of documents is not read after it."""
    if client is None:
        return
    try:
        client.incr(GENERATION)
    except redis.RedisError as error:
        log.warning("cache not cleared: %s", error)
