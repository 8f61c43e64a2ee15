"""What the environment says, read once. README.md has the table of names and defaults.

A dependency whose address is not given is not used; a value that cannot be right
ends the process at its start, with the name of the variable."""

import os
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url

ALGORITHMS = ("HS256", "HS384", "HS512")
PLACEHOLDERS = ("change_me", "changeme", "change-me", "secret", "password", "your-", "example")


class SettingError(SystemExit):
    """Ends the process with a sentence instead of a traceback."""

    def __init__(self, name: str, what: str):
        super().__init__(f"{name} {what}")


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def _number(name: str, default: int, least: int = 0) -> int:
    text = _text(name, str(default))
    try:
        value = int(text)
    except ValueError:
        raise SettingError(name, f"is {text!r}, which is no whole number") from None
    if value < least:
        raise SettingError(name, f"is {value}; the least is {least}")
    return value


def _seconds(name: str, default: float) -> float:
    text = _text(name, str(default))
    try:
        return float(text)
    except ValueError:
        raise SettingError(name, f"is {text!r}, which is no number of seconds") from None


def _switch(name: str, default: bool) -> bool:
    text = _text(name, "true" if default else "false").lower()
    if text not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
        raise SettingError(name, f"is {text!r}; write true or false")
    return text in ("true", "1", "yes", "on")


def _secret(name: str) -> str:
    value = os.environ.get(name, "")
    if value and (len(value) < 32 or value.lower().startswith(PLACEHOLDERS)):
        raise SettingError(name, "is a placeholder or shorter than 32 characters")
    return value


def _algorithm() -> str:
    name = _text("JWT_ALGORITHM", "HS256")
    if name not in ALGORITHMS:
        raise SettingError("JWT_ALGORITHM", f"is {name!r}; it can be {', '.join(ALGORITHMS)}")
    return name


def _database_url() -> URL:
    if url := _text("DATABASE_URL"):
        # The scheme that users write means the driver that is installed.
        return make_url(url).set(drivername="postgresql+psycopg")
    # In parts, so that a password may hold any character.
    return URL.create(
        "postgresql+psycopg",
        username=_text("POSTGRES_USER", "postgres"),
        password=os.environ.get("POSTGRES_PASSWORD"),
        host=_text("POSTGRES_HOST", "localhost"),
        port=_number("POSTGRES_PORT", 5432, 1),
        database=_text("POSTGRES_DB", "postgres"),
    )


@dataclass(frozen=True)
class Settings:
    environment: str = _text("APP_ENVIRONMENT", "dev")
    host: str = _text("API_HOST", "0.0.0.0")
    port: int = _number("API_PORT", 8000, 1)
    workers: int = _number("UVICORN_WORKERS", _number("API_WORKERS", 1, 1), 1)
    max_requests: int = _number("UVICORN_MAX_REQUESTS", 0)
    max_requests_jitter: int = _number("UVICORN_MAX_REQUESTS_JITTER", 0)
    shutdown_seconds: int = _number("SHUTDOWN_SECONDS", 20, 1)
    drain_file: str = _text("DRAIN_FILE")
    log_level: str = _text("LOG_LEVEL", "info")
    logstash_url: str = _text("LOGSTASH_URL")
    metrics: bool = _switch("ENABLE_METRICS", True)
    profiling: bool = _switch("ENABLE_PROFILING", False)

    database_url: URL = field(default_factory=_database_url, repr=False)
    database_pool_size: int = _number("DATABASE_POOL_SIZE", 5, 1)
    database_max_overflow: int = _number("DATABASE_MAX_OVERFLOW", 10)

    redis_url: str = field(default=_text("REDIS_URL"), repr=False)
    redis_pool_size: int = _number("REDIS_POOL_SIZE", 20, 1)
    redis_timeout: float = _seconds("REDIS_TIMEOUT", 1)
    cache_ttl: int = _number("CACHE_TTL", 30, 1)

    qdrant_url: str = _text("QDRANT_URL").rstrip("/")
    qdrant_api_key: str = field(default=_text("QDRANT_API_KEY"), repr=False)
    vector_size: int = _number("QDRANT_VECTOR_SIZE", 384, 8)
    hnsw_m: int = _number("QDRANT_HNSW_M", 16, 4)
    hnsw_ef_construct: int = _number("QDRANT_HNSW_EF_CONSTRUCT", 100, 4)

    elasticsearch_url: str = _text("ELASTICSEARCH_URL").rstrip("/")
    elasticsearch_username: str = _text("ELASTICSEARCH_USERNAME")
    elasticsearch_password: str = field(default=os.environ.get("ELASTICSEARCH_PASSWORD", ""), repr=False)

    jwt_secret_key: str = field(default=_secret("JWT_SECRET_KEY") or _secret("SECRET_KEY"), repr=False)
    jwt_algorithm: str = _algorithm()
    jwt_expire_minutes: int = _number("JWT_EXPIRE_MINUTES", 60, 1)

    ollama_url: str = _text("OLLAMA_URL").rstrip("/")
    ollama_model: str = _text("OLLAMA_MODEL", "llama3.2")
    openai_api_key: str = field(default=_text("OPENAI_API_KEY"), repr=False)
    openai_url: str = _text("OPENAI_BASE_URL", "https://api.openai.com/v1").rstrip("/")
    openai_model: str = _text("OPENAI_MODEL", "gpt-4o-mini")
    anthropic_api_key: str = field(default=_text("ANTHROPIC_API_KEY"), repr=False)
    anthropic_url: str = _text("ANTHROPIC_BASE_URL", "https://api.anthropic.com").rstrip("/")
    anthropic_model: str = _text("ANTHROPIC_MODEL", "claude-3-5-haiku-latest")
    model_timeout: float = _seconds("MODEL_TIMEOUT", 120)

    # Which outside systems a token is there for; their connectors are not part of this example.
    integrations: tuple[str, ...] = tuple(
        name for name in ("confluence", "jira", "gitlab") if _text(f"{name.upper()}_API_TOKEN")
    )


settings = Settings()
