"""Seeded simulation of the pure core against the plain reference market."""
