"""Serves the stand-in where Qdrant would listen, by Qdrant's own variables."""

import os

import uvicorn

from .api import application
from .store import Store


def setting(path: str, default: str) -> str:
    return os.environ.get("QDRANT__" + path.upper().replace(".", "__"), default)


if __name__ == "__main__":
    store = Store(
        setting("storage.storage_path", "/qdrant/storage"), setting("storage.snapshots_path", "/qdrant/snapshots")
    )
    print("This is a stand-in for Qdrant, not Qdrant: exact search, REST only.", flush=True)
    uvicorn.run(
        application(store, setting("service.api_key", "")),
        host=setting("service.host", "0.0.0.0"),
        port=int(setting("service.http_port", "6333")),
        log_level=setting("log_level", "warning").lower(),
        timeout_graceful_shutdown=5,
    )
