"""Vector search in Qdrant, over its REST interface."""

import httpx

from .embedding import embed
from .settings import settings

COLLECTION = "documents"
client = (
    httpx.Client(base_url=settings.qdrant_url, timeout=5, headers={"api-key": settings.qdrant_api_key} if settings.qdrant_api_key else {})
    if settings.qdrant_url
    else None
)


def _ask(method: str, path: str, body: dict | None = None) -> dict:
    answer = client.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json()


def look() -> None:
    _ask("GET", "/collections")


def ensure() -> None:
    if client.get(f"/collections/{COLLECTION}").status_code != 404:
        return
    wanted = {
        "vectors": {"size": settings.vector_size, "distance": "Cosine"},
        "hnsw_config": {"m": settings.hnsw_m, "ef_construct": settings.hnsw_ef_construct},
    }
    answer = client.put(f"/collections/{COLLECTION}", json=wanted)
    # Another worker may have been faster.
    if answer.status_code not in (400, 409):
        answer.raise_for_status()


def put(documents: list[dict]) -> None:
    ensure()
    points = [
        {"id": each["id"], "vector": embed(f"{each['title']} {each['body']}"), "payload": {"title": each["title"]}}
        for each in documents
    ]
    _ask("PUT", f"/collections/{COLLECTION}/points?wait=true", {"points": points})


def remove(identity: int) -> None:
    ensure()
    _ask("POST", f"/collections/{COLLECTION}/points/delete?wait=true", {"points": [identity]})


def search(text: str, limit: int) -> list[tuple[int, float]]:
    ensure()
    question = {"vector": embed(text), "limit": limit, "with_payload": False}
    found = _ask("POST", f"/collections/{COLLECTION}/points/search", question)["result"]
    return [(int(point["id"]), point["score"]) for point in found]


def drop() -> None:
    _ask("DELETE", f"/collections/{COLLECTION}")
