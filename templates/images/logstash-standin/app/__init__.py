"""A stand-in for Logstash: HTTP input, Elasticsearch output, no filters."""

VERSION = "7.10.2-standin"
