"""Reads Grafana's provisioning folder: data sources and dashboards.

Reads *.yaml and the JSON files that they name; returns them in the form of
Grafana's API. A secret of a data source is in nothing that is returned.
"""

import hashlib
import json
import pathlib
import re

import yaml

SHOWN = ("uid", "name", "type", "access", "url", "user", "database", "basicAuth", "isDefault", "jsonData")


def documents(folder, kind):
    for file in sorted(pathlib.Path(folder, kind).glob("*.y*ml")):
        try:
            yield yaml.safe_load(file.read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise SystemExit(f"provisioning: {file}: {error}") from None


def filled(value, environment):
    """$NAME and ${NAME} from the environment, $$ is a dollar."""
    if isinstance(value, dict):
        return {key: filled(inner, environment) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    return re.sub(r"\$(?:\$|(\w+)|\{(\w+)\})", lambda m: environment.get(m[1] or m[2], "") if m[1] or m[2] else "$", value)


def data_sources(folder, environment):
    found = []
    for document in documents(folder, "datasources"):
        for given in document.get("datasources") or []:
            source = filled(given, environment)
            if not source.get("name") or not source.get("type"):
                raise SystemExit("provisioning: a data source needs a name and a type")
            # Without a uid, Grafana makes one of the name.
            uid = "P" + hashlib.sha256(source["name"].encode()).hexdigest()[:16].upper()
            shown = {"uid": uid, "access": "proxy", "isDefault": False} | {k: source[k] for k in SHOWN if k in source}
            found.append({"id": len(found) + 1, "orgId": 1, "readOnly": not source.get("editable")} | shown)
    return found


def dashboards(folder):
    """(folder's title, dashboard) of each; one that cannot be read is named and left out."""
    found = []
    for document in documents(folder, "dashboards"):
        for provider in document.get("providers") or []:
            for file in sorted(pathlib.Path(provider["options"]["path"]).rglob("*.json")):
                try:
                    dashboard = json.loads(file.read_text())
                    found.append((provider.get("folder") or "General", {"uid": file.stem} | dashboard))
                except (OSError, ValueError) as error:
                    print(f"provisioning: {file}: {error}", flush=True)
    return found
