"""Tools: typed operations on foreign systems."""
