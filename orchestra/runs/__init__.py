"""What operators read of runs, and what they do to them."""
