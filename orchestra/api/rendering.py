"""Writes bodies: times to the microsecond in UTC, text as it is. One form for every operation."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja.renderers import BaseRenderer


class Plain(BaseRenderer):
    """JSON in UTF-8."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002
        """The bytes."""
        return json.dumps(data, default=_told, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _told(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
