"""Asks what would happen: policies against calls that nobody makes. Nothing here writes."""
