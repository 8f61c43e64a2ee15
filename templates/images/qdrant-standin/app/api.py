"""Answers the REST routes of Qdrant 1.7 (and `points/query` of later ones).

Reads JSON requests; returns Qdrant's envelope {result, status, time}. A route
or a condition that is not there is an error, never an empty success.
"""

import contextlib
import email
import hmac
import json
import pathlib
import time
import urllib.parse
import urllib.request

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import VERSION, filters, store as storage

# Probes and the banner answer without a key, as in Qdrant.
OPEN_PATHS = {"/", "/healthz", "/livez", "/readyz"}


def envelope(result, begun, code=200):
    return JSONResponse({"result": result, "status": "ok", "time": time.monotonic() - begun}, code)


def failure(code, message):
    return JSONResponse({"status": {"error": message}, "time": 0.0}, code)


class RequireKey:
    def __init__(self, app, key):
        self.app, self.key = app, key.encode()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and self.key and scope["path"] not in OPEN_PATHS:
            headers = dict(scope["headers"])
            given = headers.get(b"api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
            if not hmac.compare_digest(given, self.key):
                text = "Invalid API key" if given else "Must provide an API key or an Authorization bearer token"
                return await PlainTextResponse(text, 403 if given else 401)(scope, receive, send)
        await self.app(scope, receive, send)


def upload(request, body):
    """The bytes of the file of a multipart form, or the body itself."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return body
    form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    for part in form.get_payload():
        if part.get_filename() is not None or part.get_param("name", header="content-disposition") == "snapshot":
            return part.get_payload(decode=True)
    raise storage.Wrong("the form has no file `snapshot`")


def fetch(location):
    if location.startswith("file://"):
        return pathlib.Path(urllib.parse.unquote(location.removeprefix("file://"))).read_bytes()
    if location.startswith(("http://", "https://")):
        with urllib.request.urlopen(location, timeout=60) as answer:
            return answer.read()
    raise storage.Wrong(f"location {location!r} is neither file:// nor http(s)://")


class Api:
    def __init__(self, store):
        self.store = store

    # Collections

    def collections(self, _name, _body, _request):
        return {"collections": [{"name": name} for name in sorted(self.store.collections)]}

    def create(self, name, body, _request):
        if "vectors" not in body:
            raise storage.Wrong("vectors are missing")
        self.store.create(name, body)
        return True

    def collection(self, name, _body, _request):
        found = self.store.get(name)
        count = len(found.points)
        params = {"vectors": found.config["vectors"], "shard_number": 1, "replication_factor": 1, "on_disk_payload": True}
        return {
            "status": "green", "optimizer_status": "ok", "vectors_count": count, "indexed_vectors_count": 0,
            "points_count": count, "segments_count": 1, "config": {"params": params}, "payload_schema": {},
        }  # fmt: skip

    def exists(self, name, _body, _request):
        return {"exists": self.store.resolved(name) in self.store.collections}

    def drop(self, name, _body, _request):
        return self.store.drop(name)

    def update(self, name, _body, _request):
        self.store.get(name)
        return True

    def index(self, name, _body, _request):
        # Every search looks at every point: an index changes no answer.
        self.store.get(name)
        return self.done(0)

    # Points

    @staticmethod
    def done(operation):
        return {"operation_id": operation, "status": "completed"}

    def upsert(self, name, body, _request):
        if "batch" in body:
            batch = body["batch"]
            ids, vectors = batch["ids"], batch["vectors"]
            if isinstance(vectors, dict):
                vectors = [dict(zip(vectors, row)) for row in zip(*vectors.values())]
            payloads = batch.get("payloads") or [None] * len(ids)
            if not len(ids) == len(vectors) == len(payloads):
                raise storage.Wrong("ids, vectors and payloads of the batch differ in length")
            return self.done(self.store.write(name, list(zip(ids, vectors, payloads))))
        points = [(point["id"], point["vector"], point.get("payload")) for point in body["points"]]
        return self.done(self.store.write(name, points))

    def chosen(self, name, body):
        """Ids that a request names, or that its filter selects."""
        if body.get("points") is not None:
            return [storage.checked_id(i) for i in body["points"]]
        if "filter" in body:
            return self.store.get(name).selected(body["filter"])
        raise storage.Wrong("neither points nor filter is given")

    def delete(self, name, body, _request):
        return self.done(self.store.delete(name, self.chosen(name, body)))

    def payload_set(self, name, body, _request):
        return self.done(self.store.change_payload(name, self.chosen(name, body), lambda old: old | body["payload"]))

    def payload_replace(self, name, body, _request):
        return self.done(self.store.change_payload(name, self.chosen(name, body), lambda _: body["payload"]))

    def payload_delete(self, name, body, _request):
        kept = lambda old: {key: value for key, value in old.items() if key not in body["keys"]}  # noqa: E731
        return self.done(self.store.change_payload(name, self.chosen(name, body), kept))

    def payload_clear(self, name, body, _request):
        return self.done(self.store.change_payload(name, self.chosen(name, body), lambda _: {}))

    def point(self, name, _body, request):
        found = self.store.get(name)
        text = request.path_params["id"]
        point_id = storage.checked_id(int(text) if text.isdigit() else text)
        if point_id not in found.points:
            raise storage.Missing(f"Point with id {text} does not exists!")
        return found.record(point_id, True, True)

    def retrieve(self, name, body, _request):
        found = self.store.get(name)
        ids = [storage.checked_id(i) for i in body["ids"]]
        shown = body.get("with_payload", True), body.get("with_vector", False)
        return [found.record(i, *shown) for i in ids if i in found.points]

    def hits(self, name, body, vector, space):
        found = self.store.get(name)
        best = found.search(
            vector, space, body.get("filter"), body.get("limit", 10), body.get("offset") or 0, body.get("score_threshold")
        )
        shown = body.get("with_payload", False), body.get("with_vector", False)
        return [{**found.record(i, *shown), "version": 0, "score": score} for i, score in best]

    def search(self, name, body, _request):
        vector = body["vector"]
        if isinstance(vector, dict):
            return self.hits(name, body, vector["vector"], vector["name"])
        return self.hits(name, body, vector, "")

    def search_batch(self, name, body, request):
        return [self.search(name, one, request) for one in body["searches"]]

    def query(self, name, body, _request):
        query, space = body.get("query"), body.get("using") or ""
        if isinstance(query, dict) and set(query) == {"nearest"}:
            query = query["nearest"]
        if not isinstance(query, list):
            found = self.store.get(name)
            point_id = storage.checked_id(query)
            if point_id not in found.points:
                raise storage.Missing(f"Point with id {query} does not exists!")
            query = found.points[point_id][0][space]
        return {"points": self.hits(name, body, query, space)}

    def scroll(self, name, body, _request):
        found = self.store.get(name)
        ids = sorted(found.selected(body.get("filter")), key=storage.id_order)
        if body.get("offset") is not None:
            begin = storage.id_order(storage.checked_id(body["offset"]))
            ids = [i for i in ids if storage.id_order(i) >= begin]
        limit = body.get("limit") or 10
        shown = body.get("with_payload", True), body.get("with_vector", False)
        points = [found.record(i, *shown) for i in ids[:limit]]
        return {"points": points, "next_page_offset": ids[limit] if len(ids) > limit else None}

    def count(self, name, body, _request):
        return {"count": len(self.store.get(name).selected(body.get("filter")))}

    # Snapshots

    def snapshot(self, name, _body, _request):
        return self.store.snapshot(name)

    def snapshots(self, name, _body, _request):
        name = self.store.get(name).name
        return self.store.snapshots_of(name)

    def snapshot_delete(self, name, _body, request):
        self.store.snapshot_path(name, request.path_params["file"]).unlink()
        return True

    def snapshot_download(self, name, _body, request):
        return FileResponse(self.store.snapshot_path(name, request.path_params["file"]))

    def recover(self, name, body, _request):
        self.store.recover(name, fetch(body["location"]), body.get("checksum"), body.get("priority"))
        return True

    def snapshot_upload(self, name, body, request):
        asked = request.query_params
        self.store.recover(name, upload(request, body), asked.get("checksum"), asked.get("priority"))
        return True

    # Aliases

    def aliases(self, name, _body, _request):
        of = self.store.get(name).name if name else None
        pairs = sorted(self.store.aliases.items())
        listed = [{"alias_name": a, "collection_name": c} for a, c in pairs if of in (None, c)]
        return {"aliases": listed}

    def change_aliases(self, _name, body, _request):
        self.store.change_aliases(body["actions"])
        return True

    # About itself

    def metrics(self):
        points = sum(len(c.points) for c in self.store.collections.values())
        return (
            "# HELP app_info information about qdrant server\n# TYPE app_info gauge\n"
            f'app_info{{name="qdrant-standin",version="{VERSION}"}} 1\n'
            f"# HELP collections_total number of collections\n# TYPE collections_total gauge\ncollections_total {len(self.store.collections)}\n"
            f"# HELP collections_vector_total total number of vectors\n# TYPE collections_vector_total gauge\ncollections_vector_total {points}\n"
        )


def handler(call, raw=False):
    """A route's function of (collection, body, request), run beside the loop."""

    async def answer(request):
        begun, body = time.monotonic(), await request.body()
        try:
            given = body if raw else json.loads(body or b"{}")
            result = await run_in_threadpool(call, request.path_params.get("name"), given, request)
        except storage.Missing as error:
            return failure(404, f"Not found: {error}")
        except storage.Exists as error:
            return failure(409, f"Wrong input: {error}")
        except (storage.Wrong, filters.Unknown, ValueError, TypeError, AttributeError, OSError) as error:
            return failure(400, f"Wrong input: {error}")
        except KeyError as error:
            return failure(400, f"Wrong input: missing field {error}")
        return result if isinstance(result, Response) else envelope(result, begun)

    return answer


def routes(api):
    async def text(request):
        return PlainTextResponse(f"{request.url.path[1:]} check passed")

    async def banner(_request):
        return JSONResponse({"title": "aictl stand-in for qdrant - not the real vector search engine", "version": VERSION})

    async def metrics(_request):
        return PlainTextResponse(api.metrics())

    named, points, snaps = "/collections/{name}", "/collections/{name}/points", "/collections/{name}/snapshots"
    table = [
        ("GET", "/collections", api.collections), ("POST", "/collections/aliases", api.change_aliases),
        ("GET", "/aliases", api.aliases), ("GET", named + "/aliases", api.aliases), ("GET", named, api.collection), ("PUT", named, api.create),
        ("PATCH", named, api.update), ("DELETE", named, api.drop), ("GET", named + "/exists", api.exists),
        ("PUT", named + "/index", api.index), ("DELETE", named + "/index/{field}", api.index),
        ("PUT", points, api.upsert), ("POST", points, api.retrieve), ("GET", points + "/{id}", api.point),
        ("POST", points + "/delete", api.delete), ("POST", points + "/payload", api.payload_set),
        ("PUT", points + "/payload", api.payload_replace), ("POST", points + "/payload/delete", api.payload_delete),
        ("POST", points + "/payload/clear", api.payload_clear), ("POST", points + "/search", api.search),
        ("POST", points + "/search/batch", api.search_batch), ("POST", points + "/query", api.query),
        ("POST", points + "/scroll", api.scroll), ("POST", points + "/count", api.count),
        ("POST", snaps, api.snapshot), ("GET", snaps, api.snapshots), ("GET", snaps + "/{file}", api.snapshot_download),
        ("DELETE", snaps + "/{file}", api.snapshot_delete), ("PUT", snaps + "/recover", api.recover),
    ]  # fmt: skip
    fixed = [Route("/", banner), Route("/metrics", metrics)] + [Route(p, text) for p in ("/healthz", "/livez", "/readyz")]
    uploads = [Route(snaps + "/upload", handler(api.snapshot_upload, raw=True), methods=["POST"])]
    return fixed + uploads + [Route(path, handler(call), methods=[method]) for method, path, call in table]


def application(store, key):
    @contextlib.asynccontextmanager
    async def lifespan(_app):
        yield
        store.close()

    return Starlette(routes=routes(Api(store)), middleware=[Middleware(RequireKey, key=key)], lifespan=lifespan)
