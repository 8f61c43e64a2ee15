"""A chat that repeats what it is told: a model's place, kept without a model."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

router = APIRouter(prefix="/api/chat", tags=["chat"])


class Question(BaseModel):
    message: str = Field(min_length=1, max_length=10_000)


class Answer(BaseModel):
    model: str = "echo"
    answer: str


def _answer(question: Question) -> str:
    return f"You said: {question.message}"


@router.post("")
def chat(question: Question) -> Answer:
    return Answer(answer=_answer(question))


@router.post("/stream")
def stream(question: Question) -> StreamingResponse:
    """The answer word by word, as server-sent events."""

    async def words() -> AsyncIterator[str]:
        for word in _answer(question).split():
            yield f"data: {json.dumps({'word': word})}\n\n"
            await asyncio.sleep(0.05)
        yield "event: done\ndata: {}\n\n"

    return StreamingResponse(words(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
