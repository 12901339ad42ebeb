"""Linked code for the profiler `perf`: a jitdump file, from which `perf inject --jit` makes objects with names."""
