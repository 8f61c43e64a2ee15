"""The chat: a question, the documents that fit it, and the model's answer, whole
or as server-sent events."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from . import database, metrics, model, vectors
from .documents import Kind, find
from .stopping import stopping

log = logging.getLogger("api.chat")
router = APIRouter(prefix="/api/chat", tags=["chat"])
FAILURES = (httpx.HTTPError, json.JSONDecodeError)


class Question(BaseModel):
    message: str = Field(min_length=1, max_length=10_000)


class Answer(BaseModel):
    model: str
    answer: str
    sources: list[int]


def _documents(question: str) -> list[dict]:
    """What may help to answer. A chat without documents is better than none."""
    try:
        with Session(database.engine()) as session:
            kind = Kind.VECTOR if vectors.client is not None else Kind.TEXT
            return [each.model_dump() for each in find(session, question, kind, 3)]
    except (HTTPException, SQLAlchemyError) as error:
        log.warning("answering without documents: %s", error)
        return []


@router.post("")
async def chat(question: Question) -> Answer:
    documents = await run_in_threadpool(_documents, question.message)
    try:
        parts = [part async for part in model.ask(question.message, documents)]
    except FAILURES as error:
        raise HTTPException(502, f"the model did not answer: {type(error).__name__}") from error
    return Answer(model=model.name(), answer="".join(parts).strip(), sources=[each["id"] for each in documents])


def _event(kind: str, **data) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _next(parts: AsyncIterator[str]) -> str | None:
    return await anext(parts, None)


async def _stream(question: str) -> AsyncIterator[str]:
    documents = await run_in_threadpool(_documents, question)
    sources = [{"id": each["id"], "title": each["title"]} for each in documents]
    yield _event("start", model=model.name(), sources=sources)
    parts = model.ask(question, documents)
    told = asyncio.ensure_future(stopping.wait())
    try:
        while True:
            part = asyncio.ensure_future(_next(parts))
            await asyncio.wait({part, told}, return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                yield _event("end", reason="shutdown")
                return
            if (text := part.result()) is None:
                yield _event("end", reason="complete")
                return
            metrics.CHAT_EVENTS.labels(model.name()).inc()
            yield _event("word", text=text)
            if told.done():
                yield _event("end", reason="shutdown")
                return
    except FAILURES as error:
        log.error("the model did not answer: %s", error)
        yield _event("end", reason="failed", detail=type(error).__name__)
    finally:
        told.cancel()


@router.post("/stream")
async def stream(question: Question) -> StreamingResponse:
    """Events `start` (model, sources), `word` (text) and `end` (reason: complete, shutdown, failed)."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(question.message), media_type="text/event-stream", headers=headers)
