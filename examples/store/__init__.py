"""A small shop's back office: a separate HTTP service whose effects agents ask for. Imports nothing of orchestra."""
