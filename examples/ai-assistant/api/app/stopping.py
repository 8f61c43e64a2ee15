"""Whether this process was told to stop. The server waits for open answers, so
streams have to end by themselves."""

import asyncio
import signal

stopping = asyncio.Event()


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
