"""Types of functions and variables, read from debug information (DWARF) when they are asked for."""
