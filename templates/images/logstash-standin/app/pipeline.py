"""Reads the parts of a Logstash pipeline that the stand-in can do.

Reads *.conf text and the environment; returns the port, the hosts, the index
and what is left out. Never runs a filter in silence: those are named.
"""

import dataclasses
import datetime
import pathlib
import re


@dataclasses.dataclass
class Pipeline:
    port: int
    hosts: list
    index: str
    left_out: list


def load(folder, environment):
    files = sorted(pathlib.Path(folder).glob("*.conf"))
    if not files:
        raise SystemExit(f"no *.conf in {folder}")
    text = "\n".join(re.sub(r"(?m)^\s*#.*$", "", file.read_text()) for file in files)
    text = re.sub(r"\$\{(\w+)(?::([^}]*))?\}", lambda m: environment.get(m[1], m[2] or ""), text)
    http = re.search(r"\bhttp\s*\{([^}]*)\}", text)
    elastic = re.search(r"\belasticsearch\s*\{((?:[^{}]|%\{[^}]*\})*)\}", text)
    if not http or not elastic:
        raise SystemExit("this stand-in needs an input `http` and an output `elasticsearch` in the pipeline")
    port = re.search(r"\bport\s*=>\s*\"?(\d+)", http[1])
    hosts = re.search(r"\bhosts\s*=>\s*(\[[^]]*\]|\"[^\"]*\")", elastic[1])
    index = re.search(r"\bindex\s*=>\s*\"([^\"]+)\"", elastic[1])
    found = re.findall(r"\"([^\"]+)\"", hosts[1]) if hosts else ["http://127.0.0.1:9200"]
    plugins = re.findall(r"(?m)^\s*(\w+)\s*\{", text)
    left_out = sorted(set(plugins) - {"input", "output", "filter", "http", "elasticsearch"})
    return Pipeline(
        port=int(port[1]) if port else 8080,
        hosts=[host if "://" in host else f"http://{host}" for host in found],
        index=index[1] if index else "logstash-%{+YYYY.MM.dd}",
        left_out=left_out,
    )


def index_of(pattern, event):
    """The index of an event: %{+YYYY.MM.dd} is its day, %{field} its field."""
    when = datetime.datetime.fromisoformat(event["@timestamp"].replace("Z", "+00:00"))
    dates = {"YYYY": "%Y", "yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}

    def fill(match):
        name = match[1]
        if name.startswith("+"):
            return when.strftime(re.sub("|".join(dates), lambda m: dates[m[0]], name[1:]))
        value = event
        for key in re.findall(r"[^\[\]]+", name):
            value = value.get(key) if isinstance(value, dict) else None
        return match[0] if value is None else str(value)

    return re.sub(r"%\{([^}]+)\}", fill, pattern).lower()
