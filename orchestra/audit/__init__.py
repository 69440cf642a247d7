"""The record: append, chain, seal, verify, export."""
