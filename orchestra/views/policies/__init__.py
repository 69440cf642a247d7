"""The pages of policies: what is in force, what its rules say in words, what changed, and what a call would meet."""
