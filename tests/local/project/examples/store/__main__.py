"""Stands in for the example store where the demo is tested without Django: answers every request."""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    """Always 200."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    sys.stdout.write(f"store of {os.environ['STORE_DATABASE_URL']}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
