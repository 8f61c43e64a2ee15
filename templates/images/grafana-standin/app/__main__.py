"""Serves the stand-in where Grafana would listen, by Grafana's own variables."""

import os
import pathlib

import uvicorn

from .api import application
from .provisioning import data_sources


def setting(name, default):
    """GF_NAME, or the content of the file that GF_NAME__FILE names."""
    file = os.environ.get(f"GF_{name}__FILE")
    return pathlib.Path(file).read_text().strip() if file else os.environ.get(f"GF_{name}", default)


if __name__ == "__main__":
    folder = setting("PATHS_PROVISIONING", "/etc/grafana/provisioning")
    # As in Grafana, sources that cannot be read end the program.
    sources = data_sources(folder, os.environ)
    print(f"This is a stand-in for Grafana, not Grafana: {len(sources)} data sources, no drawing.", flush=True)
    admin = setting("SECURITY_ADMIN_USER", "admin"), setting("SECURITY_ADMIN_PASSWORD", "admin")
    uvicorn.run(
        application(sources, folder, admin),
        host=setting("SERVER_HTTP_ADDR", "") or "0.0.0.0",
        port=int(setting("SERVER_HTTP_PORT", "3000")),
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
