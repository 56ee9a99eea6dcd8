"""A plain reference market: slow, obviously right, and written from the rules rather than from the core."""
