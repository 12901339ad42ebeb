"""The services of Windows's processes for linked code, so far: executors, and their memory and calls."""
