"""The language model: Ollama, OpenAI or Anthropic when one is configured, else a
stand-in that answers from the documents it is given, always in the same words.
Every one gives its answer in pieces."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx

from .settings import settings

INSTRUCTION = "Answer in a few sentences. Use these documents where they help:\n"


def name() -> str:
    if settings.ollama_url:
        return f"ollama:{settings.ollama_model}"
    if settings.openai_api_key:
        return f"openai:{settings.openai_model}"
    if settings.anthropic_api_key:
        return f"anthropic:{settings.anthropic_model}"
    return "stand-in"


def ask(question: str, documents: list[dict]) -> AsyncIterator[str]:
    if settings.ollama_url:
        return _ollama(question, _context(documents))
    if settings.openai_api_key:
        return _openai(question, _context(documents))
    if settings.anthropic_api_key:
        return _anthropic(question, _context(documents))
    return _stand_in(question, documents)


def _context(documents: list[dict]) -> str:
    return INSTRUCTION + "\n".join(f"- {each['title']}: {each['body'][:500]}" for each in documents)


async def _stand_in(question: str, documents: list[dict]) -> AsyncIterator[str]:
    if documents:
        answer = f"You asked: {question} The closest document is {documents[0]['title']}: {documents[0]['body']}"
    else:
        answer = f"You asked: {question} There is no document about it, and no model is configured."
    for word in answer.split():
        yield word + " "
        await asyncio.sleep(0.03)


async def _lines(url: str, body: dict, headers: dict | None = None) -> AsyncIterator[str]:
    timeout = httpx.Timeout(10, read=settings.model_timeout)
    async with httpx.AsyncClient(timeout=timeout) as client, client.stream("POST", url, json=body, headers=headers) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.strip():
                yield line


async def _events(url: str, body: dict, headers: dict) -> AsyncIterator[dict]:
    async for line in _lines(url, body, headers):
        if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
            yield json.loads(data)


async def _ollama(question: str, context: str) -> AsyncIterator[str]:
    messages = [{"role": "system", "content": context}, {"role": "user", "content": question}]
    body = {"model": settings.ollama_model, "messages": messages, "stream": True}
    async for line in _lines(f"{settings.ollama_url}/api/chat", body):
        part = json.loads(line)
        if text := part.get("message", {}).get("content"):
            yield text
        if part.get("done"):
            return


async def _openai(question: str, context: str) -> AsyncIterator[str]:
    messages = [{"role": "system", "content": context}, {"role": "user", "content": question}]
    body = {"model": settings.openai_model, "messages": messages, "stream": True}
    headers = {"Authorization": f"Bearer {settings.openai_api_key}"}
    async for event in _events(f"{settings.openai_url}/chat/completions", body, headers):
        for choice in event.get("choices", []):
            if text := choice.get("delta", {}).get("content"):
                yield text


async def _anthropic(question: str, context: str) -> AsyncIterator[str]:
    messages = [{"role": "user", "content": question}]
    body = {"model": settings.anthropic_model, "system": context, "messages": messages, "max_tokens": 1024, "stream": True}
    headers = {"x-api-key": settings.anthropic_api_key, "anthropic-version": "2023-06-01"}
    async for event in _events(f"{settings.anthropic_url}/v1/messages", body, headers):
        if text := event.get("delta", {}).get("text"):
            yield text
