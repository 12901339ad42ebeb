"""ELF64 little-endian: objects to graphs, shared libraries, and the small files that a dynamic loader is given."""
