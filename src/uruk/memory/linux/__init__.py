"""Linux's ways to reserve, map and share memory, for mappers of this process."""
