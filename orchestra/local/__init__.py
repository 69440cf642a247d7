"""Runs all of Orchestra on one machine: PostgreSQL, Valkey, web and workers, nothing installed outside.

Refuses Python older than 3.11, before anything that needs it is imported.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this very file is what an old interpreter gets to see first
    sys.exit(
        f"Orchestra needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.\n"
        "Install a newer one and name it: make demo PYTHON=python3.11"
    )
