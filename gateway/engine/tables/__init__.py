"""The journal and every table that comes of it: written in one transaction, checked against each other."""
