"""Tables of the human side."""

from reviews.models.claims import Claim
from reviews.models.presence import Presence

__all__ = ["Claim", "Presence"]
