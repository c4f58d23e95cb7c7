"""Writes down when its first line ran."""

import time

began = time.time()

import sys  # noqa: E402

with open(sys.argv[1], "w") as file:
    file.write(repr(began))
