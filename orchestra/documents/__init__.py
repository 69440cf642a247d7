"""Files that people write: YAML envelopes with the line of every value, quantities, reports of what is wrong."""
