"""The floor of the house: who owns which tonnes and fen, and how they change hands. Pure and deterministic."""
