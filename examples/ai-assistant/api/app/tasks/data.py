"""Sample documents, the indexes, the cache, and beginning again."""

import os

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from .. import cache, database, index
from ..models import Document

SAMPLES = {
    "Starting the stack": "One command starts every service in the order of their dependencies and waits until each is healthy.",
    "Backups": "A backup set holds the database, the cache and the vector index. It is restored into scratch containers before it is believed.",
    "Blue-green deployment": "The new side is started and probed beside the old one; the proxy switches traffic when it is ready and no request is lost.",
    "Rolling back": "A release is images, configuration and secrets together. Going back restores all three to the last good release.",
    "Secrets": "Passwords are generated, kept in a file that only its owner can read, and never printed.",
    "Health checks": "Every service says for itself whether it is healthy; the smoke test asks each of them from outside.",
    "Monitoring": "Prometheus scrapes the api and the exporters, Alertmanager sends the alerts, Grafana draws request rate and latency.",
    "Logging": "Each line of a log is a JSON object. Logstash takes them over HTTP and Elasticsearch keeps them searchable for Kibana.",
    "Vector search": "Texts become vectors; the nearest neighbours of a question are found by an HNSW graph in Qdrant.",
    "Full text search": "Elasticsearch analyses words and ranks documents by how well they match the question.",
    "Caching": "Redis keeps the answers of lists and searches for a short time; a change of a document forgets them all.",
    "Least privilege": "The api logs in to the database as a user that may read and write rows but cannot change the schema.",
}


def sample_data() -> str:
    """The sample documents are there and indexed; documents that exist stay as they are."""
    with Session(database.engine()) as session:
        there = set(session.scalars(select(Document.title).where(Document.title.in_(SAMPLES))))
        session.add_all(Document(title=title, body=body) for title, body in SAMPLES.items() if title not in there)
        session.commit()
        indexed = index.reindex(session)
        missed = session.scalars(select(Document.title).where(Document.indexed_at.is_(None))).all()
    cache.forget()
    if missed:
        raise RuntimeError(f"{len(missed)} documents could not be indexed; run it again once the indexes answer")
    return f"{len(SAMPLES) - len(there)} documents added, {len(there)} were there, {indexed} indexed"


def reindex() -> str:
    """Both indexes are made anew from the database."""
    index.drop()
    with Session(database.engine()) as session:
        count = index.reindex(session, everything=True)
    cache.forget()
    return f"{count} documents indexed"


def reset_database() -> str:
    """Everything is deleted and the schema is made anew."""
    if os.environ.get("APP_ENVIRONMENT") == "prod" and os.environ.get("ALLOW_RESET") != "yes":
        raise RuntimeError("this is prod: set ALLOW_RESET=yes in .env to delete all its data")
    config = Config("alembic.ini")
    command.downgrade(config, "base")
    command.upgrade(config, "head")
    index.drop()
    cache.forget()
    return "the database is empty and migrated, the indexes and the cache are empty"


def flush_cache() -> str:
    """Nothing is left in the cache's database."""
    if cache.client is None:
        return "REDIS_URL is not set: there is no cache"
    count = cache.client.dbsize()
    cache.client.flushdb()
    return f"{count} keys forgotten"


SLOWEST = """
    SELECT round(total_exec_time::numeric, 1), calls, round(mean_exec_time::numeric, 2), regexp_replace(query, '\\s+', ' ', 'g')
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() ORDER BY total_exec_time DESC LIMIT 10
"""


def slow_queries() -> str:
    """The statements that took most time since the statistics began; values are not in them."""
    with database.engine().connect() as connection:
        rows = connection.execute(text(SLOWEST)).all()
    lines = [f"{total:>10} ms {calls:>8} calls {mean:>9} ms each  {query[:120]}" for total, calls, mean, query in rows]
    return "\n".join(lines) or "no statement was counted yet"
