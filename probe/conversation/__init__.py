"""Playing the neighbors: bytes, connections, lawful behavior, and the scene of one session."""
