"""Recorded order flows, and measurements of the core and of the running exchange."""
