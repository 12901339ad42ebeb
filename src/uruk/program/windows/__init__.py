"""Programs of Windows: linked, and run in a process under wine."""
