"""Holds the rows of the database against what must always be so of them. Reads only; refuses to mend anything."""
