"""The link graph: columns (numpy arrays), names, byte arena, edge kinds, views. Knows no file format and no ISA."""
