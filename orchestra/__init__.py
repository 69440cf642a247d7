"""The control plane: agents propose, people approve, workers execute, once."""
