"""Workflows: the language, its checks, and what may run next. Refuses to run anything. Pure."""
