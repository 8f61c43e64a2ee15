"""Documents: create, read, update, delete; lists and searches are cached until one changes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import httpx
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from . import cache, fulltext, index, vectors
from .database import Database
from .models import Document
from .security import LoggedIn

router = APIRouter(prefix="/api", tags=["documents"])


class DocumentWritten(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(default="", max_length=100_000)


class DocumentRead(DocumentWritten):
    model_config = ConfigDict(from_attributes=True)
    id: int
    created_at: datetime
    updated_at: datetime
    indexed_at: datetime | None


class Found(BaseModel):
    id: int
    title: str
    body: str
    score: float


class Kind(StrEnum):
    TEXT = "text"
    VECTOR = "vector"


LISTED, HITS = TypeAdapter(list[DocumentRead]), TypeAdapter(list[Found])


def _found(session: Session, identity: int) -> Document:
    document = session.get(Document, identity)
    if document is None:
        raise HTTPException(404, f"no document {identity}")
    return document


def _store(session: Session, document: Document) -> Document:
    session.add(document)
    document.indexed_at = None
    try:
        session.commit()
    except IntegrityError as error:
        raise HTTPException(409, f"a document titled {document.title!r} exists") from error
    index.put(session, [document])
    cache.forget()
    session.refresh(document)
    return document


def _cached(name: str, make) -> Response:
    place = cache.key(name)
    if (cached := cache.read(place)) is not None:
        return Response(cached, media_type="application/json", headers={"X-Cache": "hit"})
    body = make().decode()
    cache.write(place, body)
    return Response(body, media_type="application/json", headers={"X-Cache": "miss"})


@router.get("/documents", response_model=list[DocumentRead])
def list_documents(session: Database, limit: Annotated[int, Query(ge=1, le=500)] = 100, after: int = 0) -> Response:
    def make() -> bytes:
        question = select(Document).where(Document.id > after).order_by(Document.id).limit(limit)
        return LISTED.dump_json(LISTED.validate_python(session.scalars(question).all(), from_attributes=True))

    return _cached(f"list:{after}:{limit}", make)


@router.post("/documents", response_model=DocumentRead, status_code=201)
def create_document(written: DocumentWritten, session: Database, _: LoggedIn) -> Document:
    return _store(session, Document(**written.model_dump()))


@router.get("/documents/{identity}", response_model=DocumentRead)
def read_document(identity: int, session: Database) -> Document:
    return _found(session, identity)


@router.put("/documents/{identity}", response_model=DocumentRead)
def update_document(identity: int, written: DocumentWritten, session: Database, _: LoggedIn) -> Document:
    document = _found(session, identity)
    document.title, document.body = written.title, written.body
    return _store(session, document)


@router.delete("/documents/{identity}", status_code=204)
def delete_document(identity: int, session: Database, _: LoggedIn) -> None:
    session.delete(_found(session, identity))
    session.commit()
    index.remove(identity)
    cache.forget()


def _in_database(session: Session, text: str, limit: int) -> list[tuple[int, float]]:
    words = func.to_tsvector("simple", Document.title + " " + Document.body)
    question = func.plainto_tsquery("simple", text)
    rank = func.ts_rank(words, question)
    rows = session.execute(select(Document.id, rank).where(words.op("@@")(question)).order_by(rank.desc()).limit(limit))
    return [(identity, score) for identity, score in rows]


def find(session: Session, text: str, kind: Kind, limit: int) -> list[Found]:
    """The documents that answer best; those an index still has and the database has not are left out."""
    if kind is Kind.VECTOR and vectors.client is None:
        raise HTTPException(404, "QDRANT_URL is not set: there is no vector search here")
    try:
        if kind is Kind.VECTOR:
            ranked = vectors.search(text, limit)
        elif fulltext.client is not None:
            ranked = fulltext.search(text, limit)
        else:
            ranked = _in_database(session, text, limit)
    except (httpx.HTTPError, KeyError, ValueError) as error:
        raise HTTPException(502, f"the {kind} index did not answer: {type(error).__name__}") from error
    rows = {row.id: row for row in session.scalars(select(Document).where(Document.id.in_([i for i, _ in ranked])))}
    return [
        Found(id=identity, title=rows[identity].title, body=rows[identity].body, score=score)
        for identity, score in ranked
        if identity in rows
    ]


@router.get("/search", response_model=list[Found])
def search(
    session: Database,
    q: Annotated[str, Query(min_length=1, max_length=1000)],
    kind: Kind = Kind.TEXT,
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    return _cached(f"search:{kind}:{limit}:{q}", lambda: HITS.dump_json(find(session, q, kind, limit)))
