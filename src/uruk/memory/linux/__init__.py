"""The ways of Linux to reserve, map and share memory: what the mappers of this process call."""
