"""Tables of the human side."""

from reviews.models.claims import Claim

__all__ = ["Claim"]
