"""The HTTP API under /api/v1, for systems and for people's own programs. Bearer tokens only: no cookie opens it.

A browser adds no token by itself, so there is nothing that another site could make it send (no CSRF to guard).
"""
