"""Whether this process was told to stop. The server waits for open answers, so
streams have to end by themselves."""

import asyncio
import contextlib
import os
import signal

from .settings import settings

stopping = asyncio.Event()


def draining() -> bool:
    """Whether connections are to end with their next answer. When the server is told
    to stop it closes those that wait, and a request on its way there would be lost."""
    return bool(settings.drain_file) and os.path.exists(settings.drain_file)


def begin() -> None:
    """A container that is started again in its pod finds the file of the last time."""
    if settings.drain_file:
        with contextlib.suppress(FileNotFoundError):
            os.remove(settings.drain_file)


def watch() -> None:
    """Called once the server runs: its own signal handlers stay, ours come before."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def told(given, frame, before=before):
            loop.call_soon_threadsafe(stopping.set)
            if callable(before):
                before(given, frame)

        signal.signal(number, told)
