"""The replay of recorded runs: what came out, and an independent small world that says what should have."""
