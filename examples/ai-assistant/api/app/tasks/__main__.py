"""Runs one task by its name; says what it did in one line and exits 1 when it could not."""

import sys

import httpx
import redis
from sqlalchemy.exc import SQLAlchemyError

from . import accounts, data

TASKS = {
    "admin-user": accounts.admin_user,
    "app-user": accounts.app_user,
    "sample-data": data.sample_data,
    "reindex": data.reindex,
    "reset-database": data.reset_database,
    "flush-cache": data.flush_cache,
    "slow-queries": data.slow_queries,
    "kibana-user": accounts.kibana_user,
}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in TASKS:
        print(f"usage: python3 -m app.tasks {'|'.join(TASKS)}", file=sys.stderr)
        return 2
    try:
        print(TASKS[sys.argv[1]]())
    except (SQLAlchemyError, httpx.HTTPError, redis.RedisError, RuntimeError) as error:
        # The driver's first line says what; the rest is the statement, with values in it.
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        print(f"{sys.argv[1]}: {reason[0] if reason else type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
