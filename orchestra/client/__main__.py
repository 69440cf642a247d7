"""`python -m orchestra.client`: the same as the command `orchestra`."""

from orchestra.client.cli import run

run()
