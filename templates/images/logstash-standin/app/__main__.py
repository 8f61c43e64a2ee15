"""Serves the HTTP input on its port and the node's API on 9600.

Reads the pipeline of /usr/share/logstash/pipeline; returns Logstash's answers.
An event is accepted only when there is room to keep it.
"""

import asyncio
import contextlib
import datetime
import json
import os
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from . import VERSION
from .output import Output
from .pipeline import index_of, load

API_PORT = int(os.environ.get("HTTP_PORT") or os.environ.get("API_HTTP_PORT") or "9600")
PIPELINE = load(os.environ.get("PATH_CONFIG", "/usr/share/logstash/pipeline"), os.environ)
OUTPUT = Output(PIPELINE.hosts, lambda event: index_of(PIPELINE.index, event))
ABOUT = {
    "host": socket.gethostname(), "version": VERSION, "http_address": f"0.0.0.0:{API_PORT}", "name": "logstash-standin",
    "status": "green", "standin": "This is a stand-in of aictl, not Logstash.",
}  # fmt: skip


def events(body, kind, host):
    """The events of a request: JSON as it is, anything else as a message."""
    given = json.loads(body) if "json" in kind or not kind else {"message": body.decode(errors="replace")}
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    many = given if isinstance(given, list) else [given]
    if not all(isinstance(one, dict) for one in many):
        raise ValueError("events are JSON objects")
    return [{"@timestamp": now, "@version": "1", "host": host} | one for one in many]


async def take(request):
    try:
        found = events(await request.body(), request.headers.get("content-type", ""), request.client.host)
        # An event whose time cannot be read has no index: it is refused here.
        for event in found:
            index_of(PIPELINE.index, event)
    except (ValueError, TypeError, AttributeError) as error:
        return PlainTextResponse(f"not an event: {error}", 400)
    return PlainTextResponse("ok") if OUTPUT.accept(found) else PlainTextResponse("busy", 429)


async def stats(_request):
    counted = {"in": OUTPUT.taken, "filtered": OUTPUT.taken, "out": OUTPUT.written}
    pipeline = {"events": counted, "queue": {"type": "memory", "events_count": OUTPUT.queue.qsize()}}
    refused = {"non_retryable_failures": OUTPUT.refused, "retries": OUTPUT.retries}
    return JSONResponse(ABOUT | {"events": counted, "pipelines": {"main": pipeline | {"outputs": refused}}})


async def about(_request):
    return JSONResponse(ABOUT)


async def dispatch(scope, receive, send):
    """One server, two ports: which one a request came in by decides."""
    chosen = NODE if scope["type"] == "lifespan" or scope["server"][1] == API_PORT else INPUT
    await chosen(scope, receive, send)


@contextlib.asynccontextmanager
async def lifespan(_app):
    carrier = asyncio.create_task(OUTPUT.run())
    yield
    await OUTPUT.drain(6)
    carrier.cancel()


INPUT = Starlette(routes=[Route("/{rest:path}", take, methods=["POST", "PUT"])])
NODE = Starlette(
    routes=[Route("/", about), Route("/_node", about), Route("/_node/stats", stats), Route("/_node/stats/{rest:path}", stats)],
    lifespan=lifespan,
)


def listener(port):
    bound = socket.create_server(("0.0.0.0", port), backlog=1024)
    bound.set_inheritable(True)
    return bound


if __name__ == "__main__":
    print("This is a stand-in for Logstash, not Logstash.", flush=True)
    if PIPELINE.left_out:
        print(f"left out of the pipeline: {', '.join(PIPELINE.left_out)}", flush=True)
    config = uvicorn.Config(dispatch, log_level="warning", timeout_graceful_shutdown=5)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener(PIPELINE.port), listener(API_PORT)]))
