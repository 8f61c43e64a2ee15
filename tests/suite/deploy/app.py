"""The service of the deploy tests: short answers, event streams and websockets. Its version is ROUND; some versions fail."""

import asyncio
import base64
import hashlib
import os
import signal
import time

BEGAN = time.monotonic()
ROUND = os.environ["ROUND"]
PAUSE = 0.2
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE = b"\x88\x00"
OPEN = set()


def status_of(method):
    # Soon after its first client, while the old side drains.
    if ROUND == "late-exit" and method == "POST":
        asyncio.get_running_loop().call_later(1.5, os._exit, 4)
    # Good at first: the proxy and the checks, which ask with GET, see nothing.
    fails_late = ROUND == "late-errors" and method == "POST" and time.monotonic() - BEGAN > 5
    return 500 if ROUND == "broken" or fails_late else 200


async def stream(writer, seconds):
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for number in range(int(seconds / PAUSE)):
        writer.write(b"data: %d\n\n" % number)
        await writer.drain()
        await asyncio.sleep(PAUSE)
    writer.write(b"data: end\n\n")


async def websocket(reader, writer, key, seconds):
    """Sends every message back; the first one after so many seconds is the last."""
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n")
    writer.write(b"sec-websocket-accept: " + accept + b"\r\n\r\n")
    until = time.monotonic() + seconds
    while True:
        _, size = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        body = await reader.readexactly(size & 127)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
        writer.write(b"\x81" + bytes([len(text)]) + text)
        await writer.drain()
        if time.monotonic() >= until:
            writer.write(CLOSE)
            return


async def answer(reader, writer):
    """One request; whether another may follow."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    if path.startswith("/stream/"):
        await stream(writer, int(path.rsplit("/", 1)[1]))
        return False
    if path.startswith("/socket/"):
        await websocket(reader, writer, headers["sec-websocket-key"], int(path.rsplit("/", 1)[1]))
        return False
    text = b"round %s %d\n" % (ROUND.encode(), len(body))
    writer.write(b"HTTP/1.1 %d -\r\ncontent-length: %d\r\n\r\n" % (status_of(method), len(text)) + text)
    await writer.drain()
    return headers.get("connection", "") != "close"


async def client(reader, writer):
    OPEN.add(writer)
    try:
        while await answer(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        OPEN.discard(writer)
        writer.close()


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(client, "0.0.0.0", 8000, backlog=1024)
    await stop.wait()
    server.close()
    while OPEN:
        await asyncio.sleep(0.05)


asyncio.run(main())
