"""Text to a vector, without a model: words and their letter triples are hashed
into dimensions. The same text gives the same vector on every machine; texts that
share words or word stems lie close together."""

import hashlib
import math
import re

from .settings import settings

WORD = re.compile(r"\w+")


def _parts(text: str):
    for word in WORD.findall(text.lower()):
        yield word, 1.0
        padded = f"^{word}$"
        for start in range(len(padded) - 2):
            yield padded[start : start + 3], 0.3


def embed(text: str) -> list[float]:
    vector = [0.0] * settings.vector_size
    for part, weight in _parts(text):
        digest = hashlib.blake2b(part.encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        vector[(number >> 1) % settings.vector_size] += weight if number & 1 else -weight
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else [1.0] + vector[1:]
