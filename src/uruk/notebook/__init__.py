"""C and C++ in notebooks: cells are compiled, linked into a child, and their functions called from Python."""
