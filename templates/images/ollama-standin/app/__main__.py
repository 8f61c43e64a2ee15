"""Serves the stand-in where OLLAMA_HOST says."""

import os

import uvicorn

from .api import application

if __name__ == "__main__":
    address = os.environ.get("OLLAMA_HOST", "").removeprefix("http://")
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "")
    models = os.environ.get("STANDIN_MODELS", "standin").split(",")
    print("This is a stand-in for Ollama: no model runs here, the answers are fixed sentences.", flush=True)
    uvicorn.run(
        application(models, float(os.environ.get("STANDIN_DELAY_MS", "10")) / 1000),
        host=host or "0.0.0.0",
        port=int(port or os.environ.get("OLLAMA_PORT", "11434")),
        log_level="warning",
        # A streamed answer in flight is finished.
        timeout_graceful_shutdown=8,
    )
