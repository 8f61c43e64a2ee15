"""A service with a pool of connections to PostgreSQL and one to Redis: each answer needs both. Connections that end are opened anew."""

import os
import queue
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis

POOL = queue.Queue()
CACHE = redis.Redis.from_url(os.environ["CACHE_URL"], socket_timeout=2)


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3, autocommit=True)


for _ in range(8):
    POOL.put(connect())


def row():
    connection = POOL.get()
    try:
        if connection.closed:
            connection = connect()
        return connection.execute("SELECT word FROM words").fetchone()[0]
    finally:
        POOL.put(connection)


def cached():
    """The cache may restart."""
    until = time.monotonic() + 8
    while True:
        try:
            return CACHE.incr("requests")
        except redis.RedisError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            status, body = 200, f"round {row()}\n"
            cached()
        except Exception as error:
            status, body = 500, f"round {type(error).__name__}\n"
            print(type(error).__name__, flush=True)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
