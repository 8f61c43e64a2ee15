"""Decides what the stand-in says: the same words for the same question.

Reads a question; returns words, or a vector of a text. Never random, never
something that could be taken for a model's answer.
"""

import hashlib
import math
import re


def words(question):
    """The answer, word by word, each with the space before it."""
    shown = " ".join(question.split())
    shown = shown if len(shown) <= 200 else shown[:200] + "…"
    count = len(question.split())
    text = f"This is a stand-in, not a language model. You asked ({count} words): {shown or 'nothing'}"
    return re.findall(r"\S+\s*", text)


def embedding(text, size=64):
    """Texts that share words get vectors that lie close, of length 1."""
    vector = [0.0] * size
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        vector[digest[0] % size] += 1.0
        vector[digest[1] % size] += 0.5
    length = math.hypot(*vector)
    return [x / length for x in vector] if length else vector
