"""What processes of Windows do for linked code, so far: executors, and their memory and calls."""
