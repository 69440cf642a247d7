"""The pages of halts: which are on, setting one, watching what is in flight settle, lifting it. Work with Redis away."""
