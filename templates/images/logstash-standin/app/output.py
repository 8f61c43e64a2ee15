"""Carries events to Elasticsearch in the order they came, in batches.

An event that was accepted is kept until Elasticsearch took it or refused it
for good; while it does not answer, the queue fills and the input says so.
"""

import asyncio
import json
import urllib.error
import urllib.request

QUEUE = 10_000
BATCH = 500


class Output:
    def __init__(self, hosts, index_of):
        self.hosts, self.index_of = hosts, index_of
        self.queue = asyncio.Queue(QUEUE)
        self.taken = self.written = self.refused = self.retries = 0
        self.closing = False

    def accept(self, events):
        """All of them, or none when there is no room."""
        if self.queue.maxsize - self.queue.qsize() < len(events):
            return False
        for event in events:
            self.queue.put_nowait(event)
        self.taken += len(events)
        return True

    def send(self, batch):
        """(written, refused): what Elasticsearch said of a batch."""
        lines = [json.dumps(line) for e in batch for line in ({"index": {"_index": self.index_of(e)}}, e)]
        body = ("\n".join(lines) + "\n").encode()
        headers = {"Content-Type": "application/x-ndjson"}
        reason = None
        for host in self.hosts:
            try:
                request = urllib.request.Request(host.rstrip("/") + "/_bulk", body, headers)
                with urllib.request.urlopen(request, timeout=20) as answer:
                    results = [item["index"]["status"] for item in json.load(answer)["items"]]
                if any(code in (429, 503) for code in results):
                    raise OSError("Elasticsearch is busy")
                return sum(code < 300 for code in results), sum(code >= 300 for code in results)
            except (OSError, ValueError, KeyError) as error:
                reason = error
        raise OSError(reason)

    async def run(self):
        while True:
            batch = [await self.queue.get()]
            while len(batch) < BATCH and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            await self.deliver(batch)
            for _ in batch:
                self.queue.task_done()

    async def deliver(self, batch):
        pause = 0.2
        while True:
            try:
                written, refused = await asyncio.to_thread(self.send, batch)
                self.written += written
                self.refused += refused
                if refused:
                    print(f"Elasticsearch refused {refused} of {len(batch)} events", flush=True)
                return
            except OSError as error:
                self.retries += 1
                print(f"Elasticsearch did not take {len(batch)} events, trying again: {error}", flush=True)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)

    async def drain(self, seconds):
        """Waits until everything accepted is written; says what was lost."""
        try:
            await asyncio.wait_for(self.queue.join(), seconds)
        except TimeoutError:
            print(f"{self.taken - self.written - self.refused} events were not written before the end", flush=True)
