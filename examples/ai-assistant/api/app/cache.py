"""The cache: an answer it cannot give is asked of the database instead."""

import logging

import redis

from .settings import settings

log = logging.getLogger("uvicorn.error")
client = redis.Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1, decode_responses=True)


def read(key: str) -> str | None:
    try:
        return client.get(key)
    except redis.RedisError as error:
        log.warning("cache not read: %s", error)
        return None


def write(key: str, value: str) -> None:
    try:
        client.set(key, value, ex=settings.cache_ttl)
    except redis.RedisError as error:
        log.warning("cache not written: %s", error)


def forget(key: str) -> None:
    try:
        client.delete(key)
    except redis.RedisError as error:
        log.warning("cache not cleared: %s", error)
