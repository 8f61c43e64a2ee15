"""A stand-in for Qdrant: a part of its REST API, exact search in memory."""

VERSION = "1.7.0-standin"
