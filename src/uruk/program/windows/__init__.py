"""Windows's programs: linked, and run nowhere yet."""
