"""How Linux reserves, maps and shares memory: what the mappers of this process call."""
