"""A stand-in for Ollama: its API, answered without a language model."""

VERSION = "0.0.0-standin"
