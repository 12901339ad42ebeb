"""A program that is linked and run: the inputs read, the process prepared, main() called."""
