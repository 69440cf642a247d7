"""The human side: the queue, decisions, and what helps people decide well."""
