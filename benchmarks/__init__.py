"""Benchmarks: ratios against other linkers on the same inputs, in the same run. `make bench`."""
