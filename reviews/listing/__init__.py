"""The lines of the queue: pages of a tab, how many there are, what stands beside, what is new. Reads only."""
