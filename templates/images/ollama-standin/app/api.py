"""Answers the routes of Ollama and the OpenAI-like ones beside them.

Reads JSON; returns JSON, NDJSON streams (/api) or server-sent events (/v1).
Models other than the stand-in's are unknown, as ones that were never pulled.
"""

import asyncio
import datetime
import json
import time

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from . import VERSION, text


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def full_name(name):
    return name if ":" in name else name + ":latest"


def content(message):
    """The text of a message whose content is a string or OpenAI's parts."""
    given = message.get("content") or ""
    return given if isinstance(given, str) else " ".join(part.get("text", "") for part in given)


def question(messages):
    asked = [content(message) for message in messages if message.get("role") == "user"]
    return asked[-1] if asked else ""


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Api:
    def __init__(self, models, delay):
        self.models, self.delay = [full_name(m.strip()) for m in models if m.strip()], delay

    async def body(self, request):
        try:
            given = json.loads(await request.body() or b"{}")
        except ValueError as error:
            raise Refused(400, f"invalid JSON: {error}") from None
        if not isinstance(given, dict):
            raise Refused(400, "the body is no JSON object")
        name = given.get("model") or given.get("name")
        if not name:
            raise Refused(400, "model is required")
        if full_name(name) not in self.models:
            raise Refused(404, f"model '{name}' not found; this stand-in has {', '.join(self.models)}")
        return given

    async def spoken(self, asked):
        for word in text.words(asked):
            await asyncio.sleep(self.delay)
            yield word

    # Ollama's own routes

    def describe(self, name):
        details = {"format": "stand-in", "family": "stand-in", "parameter_size": "0", "quantization_level": "none"}
        return {"name": name, "model": name, "modified_at": "1970-01-01T00:00:00Z", "size": 0, "digest": "0" * 64, "details": details}

    async def tags(self, _request):
        return JSONResponse({"models": [self.describe(name) for name in self.models]})

    async def show(self, request):
        given = await self.body(request)
        named = self.describe(full_name(given.get("model") or given["name"]))
        return JSONResponse({"license": "none: a stand-in", "details": named["details"]})

    async def version(self, _request):
        return JSONResponse({"version": VERSION})

    async def answer(self, request, asked, shape):
        """`shape(word)` makes a line's own part; the last line says how it ended."""
        given = await self.body(request)
        head = lambda: {"model": given["model"], "created_at": now()}  # noqa: E731
        prompt = asked(given)
        begun, said = time.monotonic_ns(), len(text.words(prompt))

        def end():
            counts = {"prompt_eval_count": len(prompt.split()), "eval_count": said}
            return {"done": True, "done_reason": "stop", "total_duration": time.monotonic_ns() - begun, **counts}

        if given.get("stream") is False:
            return JSONResponse(head() | shape("".join(text.words(prompt))) | end())

        async def lines():
            async for word in self.spoken(prompt):
                yield json.dumps(head() | shape(word) | {"done": False}) + "\n"
            yield json.dumps(head() | shape("") | end()) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def generate(self, request):
        return await self.answer(request, lambda given: given.get("prompt") or "", lambda word: {"response": word})

    async def chat(self, request):
        shape = lambda word: {"message": {"role": "assistant", "content": word}}  # noqa: E731
        return await self.answer(request, lambda given: question(given.get("messages") or []), shape)

    async def embeddings(self, request):
        given = await self.body(request)
        return JSONResponse({"embedding": text.embedding(given.get("prompt") or "")})

    async def embed(self, request):
        given = await self.body(request)
        asked = given.get("input") or []
        asked = [asked] if isinstance(asked, str) else asked
        return JSONResponse({"model": given["model"], "embeddings": [text.embedding(one) for one in asked]})

    async def pull(self, request):
        await self.body(request)
        return JSONResponse({"status": "success"})

    # OpenAI's routes

    async def models_list(self, _request):
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "stand-in"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def completions(self, request):
        given = await self.body(request)
        prompt = question(given.get("messages") or [])
        head = {"id": "chatcmpl-standin", "created": int(time.time()), "model": given["model"]}
        if not given.get("stream"):
            message = {"role": "assistant", "content": "".join(text.words(prompt))}
            said = len(text.words(prompt))
            usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": said}
            usage["total_tokens"] = sum(usage.values())
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": usage})

        def event(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return f"data: {json.dumps(head | {'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"

        async def events():
            yield event({"role": "assistant", "content": ""})
            async for word in self.spoken(prompt):
                yield event({"content": word})
            yield event({}, "stop")
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def openai_embeddings(self, request):
        given = await self.body(request)
        asked = given.get("input") or []
        asked = [asked] if isinstance(asked, str) else asked
        data = [{"object": "embedding", "index": i, "embedding": text.embedding(one)} for i, one in enumerate(asked)]
        return JSONResponse({"object": "list", "data": data, "model": given["model"], "usage": {"prompt_tokens": 0, "total_tokens": 0}})


async def banner(_request):
    return PlainTextResponse("aictl stand-in for Ollama is running; no language model is inside")


async def refused(request, error):
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": {"message": str(error), "type": "stand-in", "code": error.code}}, error.code)
    return JSONResponse({"error": str(error)}, error.code)


def application(models, delay):
    api = Api(models, delay)
    table = [
        ("GET", "/api/tags", api.tags), ("POST", "/api/show", api.show), ("GET", "/api/version", api.version),
        ("POST", "/api/generate", api.generate), ("POST", "/api/chat", api.chat), ("POST", "/api/pull", api.pull),
        ("POST", "/api/embeddings", api.embeddings), ("POST", "/api/embed", api.embed),
        ("GET", "/v1/models", api.models_list), ("POST", "/v1/chat/completions", api.completions),
        ("POST", "/v1/embeddings", api.openai_embeddings),
    ]  # fmt: skip
    routes = [Route("/", banner)] + [Route(path, call, methods=[method]) for method, path, call in table]
    return Starlette(routes=routes, exception_handlers={Refused: refused})
