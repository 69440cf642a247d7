"""An identity provider of our own for tests: discovery, keys, sign-in, tokens signed with RS256, over plain HTTP.

Refuses wrong clients, codes that were used, and a verifier that does not fit its challenge.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "orchestra", "a secret between two"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(ThreadingHTTPServer):
    """Vouches for one person, whoever asks."""

    def __init__(self, port: int, claims: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.issuer = f"http://127.0.0.1:{port}"
        self.claims = claims
        self.codes: dict[str, dict[str, str]] = {}


class Answers(BaseHTTPRequestHandler):
    """Its pages."""

    server: Provider

    def do_GET(self) -> None:
        """Discovery, keys, sign-in and what is known of the person."""
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        pages: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self.discovery,
            "/keys": lambda: {"keys": [public_key()]},
            "/userinfo": lambda: self.server.claims,
        }
        if parts.path == "/authorize":
            self.authorize(given)
        elif parts.path in pages:
            self.say(200, pages[parts.path]())
        else:
            self.say(404, {})

    def do_POST(self) -> None:
        """A code becomes tokens, once."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.server.codes.pop(given.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        known = (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)
        if asked is None or not known or asked["code_challenge"] != challenge.decode().rstrip("="):
            self.say(400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {
            **self.server.claims,
            "iss": self.server.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
        }
        signed = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"})
        self.say(200, {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": signed})

    def discovery(self) -> dict[str, Any]:
        """What there is."""
        own = self.server.issuer
        return {
            "issuer": own,
            "authorization_endpoint": f"{own}/authorize",
            "token_endpoint": f"{own}/token",
            "userinfo_endpoint": f"{own}/userinfo",
            "jwks_uri": f"{own}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def authorize(self, given: dict[str, str]) -> None:
        """Whoever asks is the person."""
        code = secrets.token_urlsafe()
        self.server.codes[code] = given
        back = urlencode({"code": code, "state": given["state"]})
        self.send_response(302)
        self.send_header("Location", f"{given['redirect_uri']}?{back}")
        self.end_headers()

    def say(self, status: int, data: dict[str, Any]) -> None:
        """JSON."""
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


def public_key() -> dict[str, Any]:
    """The key that signatures are checked with."""
    found: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    return {**found, "kid": "one", "alg": "RS256", "use": "sig"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("claims", type=json.loads)
    options = parser.parse_args()
    Provider(options.port, options.claims).serve_forever()
