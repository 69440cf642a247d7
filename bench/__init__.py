"""Measurements: one command for each workload, beside the disk's limit in the same run."""
