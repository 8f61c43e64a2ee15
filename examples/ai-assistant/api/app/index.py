"""Both indexes together. The database is the truth: an index that cannot be
reached is made up for later by `reindex`, and the document says so until then."""

import logging
from datetime import UTC, datetime

import httpx
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from . import fulltext, metrics, vectors
from .models import Document

log = logging.getLogger("api.index")
FAILURES = (httpx.HTTPError, RuntimeError, KeyError, ValueError)


def _used():
    return [index for index in (vectors, fulltext) if index.client is not None]


def put(session: Session, documents: list[Document]) -> bool:
    """Writes them to both indexes and notes when; says whether both have them."""
    if not documents:
        return True
    plain = [{"id": each.id, "title": each.title, "body": each.body} for each in documents]
    complete = True
    for index in _used():
        try:
            index.put(plain)
        except FAILURES as error:
            log.warning("%s has not got %d documents: %s", index.__name__, len(plain), error)
            complete = False
    metrics.INDEXED.labels("ok" if complete else "error").inc(len(plain))
    now = datetime.now(UTC) if complete else None
    ids = [each["id"] for each in plain]
    # Not by the mapped objects: that would change updated_at too.
    session.execute(update(Document).where(Document.id.in_(ids)).values(indexed_at=now, updated_at=Document.updated_at))
    session.commit()
    return complete


def remove(identity: int) -> None:
    for index in _used():
        try:
            index.remove(identity)
        except FAILURES as error:
            # Searches look documents up in the database, so one that is gone is not found.
            log.warning("%s still has document %d: %s", index.__name__, identity, error)


def reindex(session: Session, everything: bool = False) -> int:
    """Documents that an index missed, or all; returns how many."""
    question = select(Document).order_by(Document.id)
    if not everything:
        question = question.where(or_(Document.indexed_at.is_(None), Document.indexed_at < Document.updated_at))
    found = list(session.scalars(question))
    for start in range(0, len(found), 200):
        put(session, found[start : start + 200])
    return len(found)


def drop() -> None:
    for index in _used():
        try:
            index.drop()
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:
                raise
