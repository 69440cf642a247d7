"""The edge: every outgoing connection of Orchestra goes through here, and secrets are read nowhere else."""
