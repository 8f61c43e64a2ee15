"""Full text search in Elasticsearch, over its REST interface: 7 and 8 alike."""

import json

import httpx

from .settings import settings

INDEX = "documents"
MAPPING = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {"properties": {"title": {"type": "text"}, "body": {"type": "text"}}},
}
_login = (settings.elasticsearch_username, settings.elasticsearch_password)
client = (
    httpx.Client(base_url=settings.elasticsearch_url, timeout=10, auth=_login if settings.elasticsearch_username else None)
    if settings.elasticsearch_url
    else None
)


def look() -> None:
    answer = client.get("/_cluster/health")
    answer.raise_for_status()
    if answer.json()["status"] == "red":
        raise RuntimeError("the cluster's status is red")


def ensure() -> None:
    if client.head(f"/{INDEX}").status_code != 404:
        return
    answer = client.put(f"/{INDEX}", json=MAPPING)
    # Another worker may have been faster.
    if answer.status_code != 400:
        answer.raise_for_status()


def put(documents: list[dict]) -> None:
    ensure()
    lines = []
    for each in documents:
        lines.append(json.dumps({"index": {"_index": INDEX, "_id": str(each["id"])}}))
        lines.append(json.dumps({"title": each["title"], "body": each["body"]}))
    body = "\n".join(lines) + "\n"
    answer = client.post("/_bulk?refresh=true", content=body.encode(), headers={"Content-Type": "application/x-ndjson"})
    answer.raise_for_status()
    if answer.json()["errors"]:
        raise RuntimeError("some documents were refused")


def remove(identity: int) -> None:
    answer = client.delete(f"/{INDEX}/_doc/{identity}?refresh=true")
    if answer.status_code != 404:
        answer.raise_for_status()


def search(text: str, limit: int) -> list[tuple[int, float]]:
    ensure()
    question = {"size": limit, "_source": False, "query": {"multi_match": {"query": text, "fields": ["title^2", "body"]}}}
    answer = client.post(f"/{INDEX}/_search", json=question)
    answer.raise_for_status()
    return [(int(hit["_id"]), hit["_score"]) for hit in answer.json()["hits"]["hits"]]


def drop() -> None:
    answer = client.delete(f"/{INDEX}")
    if answer.status_code != 404:
        answer.raise_for_status()
