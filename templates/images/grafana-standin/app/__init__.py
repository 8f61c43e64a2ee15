"""A stand-in for Grafana: what is provisioned, and queries to its sources."""

VERSION = "11.1.0-standin"
