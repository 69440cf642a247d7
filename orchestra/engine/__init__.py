"""The engine: submits runs, claims them, advances them, and brings each to an end."""
