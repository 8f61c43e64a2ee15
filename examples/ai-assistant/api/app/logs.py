"""Logs: one JSON object a line on standard output, and the same to Logstash when
its address is given. Every line of a request carries the request's id."""

import contextvars
import json
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time

import httpx

from .settings import settings

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
LEVELS = {"trace": logging.DEBUG, "debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        seconds, milliseconds = divmod(int(record.created * 1000), 1000)
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z",
            "level": record.levelname.lower(),
            "service": "api",
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
            "request_id": getattr(record, "request_id", None) or request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None}, ensure_ascii=False, default=str)


class Shipper(logging.Handler):
    """Sends lines to Logstash from a thread of its own. Logs are never waited
    for: what does not fit into the queue is dropped and counted."""

    def __init__(self, url: str):
        super().__init__()
        self.url, self.dropped = url, 0
        self.lines: queue.Queue[str] = queue.Queue(maxsize=5000)
        threading.Thread(target=self._send, name="log-shipper", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        # httpx logs each request: its lines would breed.
        if record.name.startswith(("httpx", "httpcore")):
            return
        try:
            self.lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1

    def _send(self) -> None:
        with httpx.Client(timeout=5) as client:
            while True:
                batch = [self.lines.get()]
                while len(batch) < 200:
                    try:
                        batch.append(self.lines.get(timeout=0.2))
                    except queue.Empty:
                        break
                try:
                    body = "[" + ",".join(batch) + "]"
                    client.post(self.url, content=body.encode(), headers={"Content-Type": "application/json"}).raise_for_status()
                except httpx.HTTPError:
                    self.dropped += len(batch)
                    time.sleep(1)


def configure() -> None:
    """Once a process, before anything is logged."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if settings.logstash_url:
        handlers.append(Shipper(settings.logstash_url))
    for handler in handlers:
        handler.setFormatter(JsonLine())
    logging.basicConfig(handlers=handlers, level=LEVELS.get(settings.log_level, logging.INFO), force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The middleware writes a line a request, with more in it.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
