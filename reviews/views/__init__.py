"""The reviewers' pages. They read through `queue`, and decide through `decisions` alone."""
