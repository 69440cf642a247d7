"""The filter `visible`, for texts of others that no view has made visible before."""

from __future__ import annotations

from django import template

from orchestra.unseen import visible as shown

register = template.Library()


@register.filter
def visible(value: object) -> str:
    """The text with every character that one cannot see as its code point, line by line."""
    # Not splitlines: that ends a line at characters that a page shows as a space, or not at all.
    return "\n".join(map(shown, str(value).replace("\r\n", "\n").split("\n")))
