"""Answers Kibana's status by the state of Elasticsearch, and a search page.

Reads ELASTICSEARCH_HOSTS, SERVER_HOST, SERVER_PORT and SERVER_NAME as Kibana's
image does. Never green while Elasticsearch does not answer.
"""

import html
import json
import os
import urllib.parse
import urllib.request

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.routing import Route

from . import VERSION


def hosts():
    given = os.environ.get("ELASTICSEARCH_HOSTS") or os.environ.get("ELASTICSEARCH_URL") or "http://elasticsearch:9200"
    named = json.loads(given) if given.startswith("[") else given.split(",")
    return [host.strip().rstrip("/") for host in named]


def ask(path):
    """The answer of the first host that gives one."""
    reason = None
    for host in hosts():
        try:
            with urllib.request.urlopen(host + path, timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            reason = f"{host}: {error}"
    raise OSError(reason)


def state():
    try:
        health = ask("/_cluster/health")
        return ("red", "Elasticsearch is red") if health["status"] == "red" else ("green", "Elasticsearch answers")
    except (OSError, KeyError) as error:
        return "red", f"Elasticsearch does not answer: {error}"


async def status(_request):
    color, message = await run_in_threadpool(state)
    overall = {"state": color, "title": color.capitalize(), "nickname": message}
    core = {"elasticsearch": {"level": "available" if color == "green" else "critical", "summary": message}}
    body = {
        "name": os.environ.get("SERVER_NAME", "kibana-standin"), "version": {"number": VERSION, "build_snapshot": False},
        "status": {"overall": overall, "statuses": [], "core": core},
        "standin": "This is a stand-in of aictl, not Kibana.",
    }  # fmt: skip
    return JSONResponse(body, 200 if color == "green" else 503)


def search(pattern, words):
    query = urllib.parse.urlencode({"q": words or "*", "size": 50, "ignore_unavailable": "true"})
    return ask(f"/{urllib.parse.quote(pattern, safe='*,')}/_search?{query}")["hits"]["hits"]


async def page(request):
    pattern, words = request.query_params.get("index", "*"), request.query_params.get("q", "")
    try:
        hits = await run_in_threadpool(search, pattern, words)
        rows = "".join(
            f"<tr><td>{html.escape(hit['_index'])}<td><code>{html.escape(json.dumps(hit['_source'], ensure_ascii=False))}</code>"
            for hit in hits
        )
    except (OSError, KeyError) as error:
        rows = f"<tr><td colspan=2>{html.escape(str(error))}"
    form = f'<form><input name=index value="{html.escape(pattern)}"> <input name=q value="{html.escape(words)}" placeholder="message:error"> <button>Search</button></form>'
    text = f"<!doctype html><title>Kibana stand-in</title><h1>Kibana stand-in</h1><p>This is a stand-in of aictl ({VERSION}), not Kibana.</p>{form}<table>{rows}</table>"
    return HTMLResponse(text)


async def home(_request):
    return RedirectResponse("/app/home")


if __name__ == "__main__":
    print("This is a stand-in for Kibana, not Kibana.", flush=True)
    routes = [Route("/", home), Route("/api/status", status), Route("/status", status), Route("/app/{rest:path}", page)]
    uvicorn.run(
        Starlette(routes=routes),
        host=os.environ.get("SERVER_HOST", "0.0.0.0"),
        port=int(os.environ.get("SERVER_PORT", "5601")),
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
