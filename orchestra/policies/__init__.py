"""Policies: what the rules are, what they say of a call, and which of them are in force where."""
