"""Answers the part of Grafana's API that health checks and imports use.

Reads the provisioned data sources and dashboards; returns JSON, a page that
lists them, and what a data source answered. Nothing but health, metrics and
the login page is shown without the admin's password.
"""

import base64
import hmac
import html
import re
import urllib.error
import urllib.request

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from . import VERSION
from .provisioning import dashboards

NOTE = "This is a stand-in of aictl, not Grafana."
OPEN_PATHS = {"/api/health", "/login", "/metrics"}


class RequireAdmin:
    def __init__(self, app, admin):
        self.app, self.expected = app, base64.b64encode(":".join(admin).encode())

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given.removeprefix(b"Basic "), self.expected):
                message = "Invalid username or password" if given else "Unauthorized"
                refusal = JSONResponse({"message": message}, 401, {"WWW-Authenticate": 'Basic realm="Grafana stand-in"'})
                return await refusal(scope, receive, send)
        await self.app(scope, receive, send)


def missing(what):
    return JSONResponse({"message": f"{what} not found"}, 404)


def page(body):
    return HTMLResponse(f"<!doctype html><title>Grafana stand-in</title><h1>Grafana stand-in</h1><p>{NOTE} ({VERSION})</p>{body}")


def url(dashboard):
    return f"/d/{dashboard['uid']}/{re.sub(r'[^a-z0-9]+', '-', dashboard.get('title', '').lower()).strip('-')}"


def panel(given):
    queries = [target.get("expr") or target.get("query") or "" for target in given.get("targets") or []]
    return f"<li>{html.escape(given.get('title') or '')}: <code>{html.escape(' | '.join(queries))}</code>"


def forward(address, method, body, kind):
    """(status, content type, body) of a data source's answer."""
    headers = {"Content-Type": kind} if kind else {}
    request = urllib.request.Request(address, body or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()
    except OSError as error:
        return 502, "text/plain", f"the data source does not answer: {error}".encode()


class Api:
    def __init__(self, sources, folder):
        self.sources, self.folder = sources, folder

    async def health(self, _request):
        return JSONResponse({"commit": "standin", "database": "ok", "version": VERSION, "standin": NOTE})

    async def login(self, _request):
        return page('<p><a href="/">Log in</a></p>')

    async def home(self, _request):
        rows = "".join(f"<li>{html.escape(source['name'])} ({html.escape(source['type'])})" for source in self.sources)
        boards = "".join(
            f"<h2>{html.escape(found.get('title') or '')}</h2><ul>{''.join(map(panel, found.get('panels') or []))}</ul>"
            for _, found in dashboards(self.folder)
        )
        return page(f"<h2>Data sources</h2><ul>{rows}</ul>{boards}")

    async def metrics(self, _request):
        registry = CollectorRegistry()
        Gauge("grafana_build_info", "Which program this is", ["version", "edition"], registry=registry).labels(VERSION, "standin").set(1)
        Gauge("grafana_stat_totals_dashboard", "Dashboards", registry=registry).set(len(dashboards(self.folder)))
        Gauge("grafana_stat_totals_datasource", "Data sources", registry=registry).set(len(self.sources))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def search(self, request):
        words, tags = request.query_params.get("query", "").lower(), set(request.query_params.getlist("tag"))
        found = [
            {
                "id": number, "uid": board["uid"], "title": board.get("title", ""), "url": url(board), "type": "dash-db",
                "tags": board.get("tags") or [], "folderTitle": folder,
            }
            for number, (folder, board) in enumerate(dashboards(self.folder), 1)
        ]  # fmt: skip
        return JSONResponse([one for one in found if words in one["title"].lower() and tags <= set(one["tags"])])

    async def dashboard(self, request):
        for folder, board in dashboards(self.folder):
            if board["uid"] == request.path_params["uid"]:
                meta = {"type": "db", "provisioned": True, "folderTitle": folder, "url": url(board)}
                return JSONResponse({"meta": meta, "dashboard": board})
        return missing("Dashboard")

    async def data_sources(self, _request):
        return JSONResponse(self.sources)

    def source(self, key):
        return next((one for one in self.sources if key in (one["uid"], str(one["id"]))), None)

    async def data_source(self, request):
        source = self.source(request.path_params["key"])
        return JSONResponse(source) if source else missing("Data source")

    async def reachable(self, request):
        source = self.source(request.path_params["key"])
        if not source:
            return missing("Data source")
        code, _, body = await run_in_threadpool(forward, source["url"].rstrip("/") + "/api/v1/query?query=1", "GET", b"", "")
        if code == 200:
            return JSONResponse({"status": "OK", "message": "Successfully queried the Prometheus API."})
        return JSONResponse({"status": "ERROR", "message": body.decode(errors="replace")[:200]}, 400)

    async def proxy(self, request):
        source = self.source(request.path_params["key"])
        if not source:
            return missing("Data source")
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{source['url'].rstrip('/')}/{request.path_params['path']}{query}"
        kind = request.headers.get("content-type", "")
        code, kind, body = await run_in_threadpool(forward, address, request.method, await request.body(), kind)
        return Response(body, code, media_type=kind)


def application(sources, folder, admin):
    api = Api(sources, folder)
    get = {
        "/api/health": api.health, "/login": api.login, "/metrics": api.metrics, "/api/search": api.search, "/": api.home,
        "/api/dashboards/uid/{uid}": api.dashboard, "/d/{rest:path}": api.home, "/api/datasources": api.data_sources,
        "/api/datasources/uid/{key}": api.data_source, "/api/datasources/uid/{key}/health": api.reachable,
        "/api/datasources/{key}": api.data_source,
    }  # fmt: skip
    routes = [Route(path, call) for path, call in get.items()]
    for path in ("/api/datasources/proxy/uid/{key}/{path:path}", "/api/datasources/proxy/{key}/{path:path}"):
        routes.append(Route(path, api.proxy, methods=["GET", "POST"]))
    return Starlette(routes=routes, middleware=[Middleware(RequireAdmin, admin=admin)])
