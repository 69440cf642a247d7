"""The operators' pages of runs. They read through `runs`, and act through `runs.operate` alone."""
