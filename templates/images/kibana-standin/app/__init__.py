"""A stand-in for Kibana: its status, and a plain search page."""

VERSION = "7.10.2-standin"
