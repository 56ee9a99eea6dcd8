"""Connections of the public door, from being accepted to their last byte, and the short way of an order from there."""
