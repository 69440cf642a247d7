"""Reads a conversation in the OpenAI chat format. Refuses to change one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any


def results(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Texts of the tool messages behind the last assistant message, in the order of its calls."""
    behind = takewhile(lambda message: message.get("role") != "assistant", reversed(list(messages)))
    return [_text(message.get("content")) for message in behind if message.get("role") == "tool"][::-1]


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content)
